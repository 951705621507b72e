// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// compareMetricsFiles compares the files of the metrics exporter by their
// meaning and takes out those that agree. The built-in rules were written anew;
// package monitoring compares the names that they give.
func compareMetricsFiles(place string, want, got map[string]any, differences *[]difference) {
	for key, read := range map[string]func(any) any{
		"metrics.properties": readMetricsProperties,
		"prometheus.yaml":    readExporterConfig,
	} {
		if want[key] == nil || got[key] == nil {
			continue
		}
		diff(place+".data."+key, read(want[key]), read(got[key]), differences)
		delete(want, key)
		delete(got, key)
	}
}

func readMetricsProperties(file any) any {
	properties := map[string]any{}
	text, _ := file.(string)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			key, value, _ := strings.Cut(line, "=")
			properties[key] = value
		}
	}
	return properties
}

// readExporterConfig leaves out the rules, and an option that the exporter knows
// only within a rule.
func readExporterConfig(file any) any {
	text, _ := file.(string)
	config := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return text // somebody else's file
	}
	maps.DeleteFunc(config, func(key string, _ any) bool { return key == "rules" || key == "attrNameSnakeCase" })
	return config
}
