// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// compareMetricsFiles compares the files of the metrics exporter by their
// meaning and takes out those that agree. The built-in rules were written anew;
// package monitoring compares the names that they give.
func compareMetricsFiles(place string, want, got map[string]any, differences *[]Difference) {
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
		return text // a foreign file
	}
	maps.DeleteFunc(config, func(key string, _ any) bool { return key == "rules" || key == "attrNameSnakeCase" })
	return config
}

// executorTemplate is the file with the executors' pod template.
const executorTemplate = "podspec-configmap-key"

// compareFiles takes out of two ConfigMaps the files that are compared by their
// lines or by their meaning: spark.properties and the files of the metrics exporter
// here, the executors' template by the executor that is made of it.
func compareFiles(place string, want, got map[string]any, differences *[]Difference) {
	wantData, _ := want["data"].(map[string]any)
	gotData, _ := got["data"].(map[string]any)
	if wantData == nil || gotData == nil {
		return
	}
	if wantData["spark.properties"] != nil && gotData["spark.properties"] != nil {
		diffProperties(lines(wantData["spark.properties"]), lines(gotData["spark.properties"]), differences)
		delete(wantData, "spark.properties")
		delete(gotData, "spark.properties")
	}
	if wantData[executorTemplate] != nil && gotData[executorTemplate] != nil {
		delete(wantData, executorTemplate)
		delete(gotData, executorTemplate)
	}
	compareMetricsFiles(place, wantData, gotData, differences)
}

// submitTime and date are values that change with the clock.
var (
	submitTime = regexp.MustCompile(`^\d{13}$`)
	date       = regexp.MustCompile(`^#[A-Z][a-z]{2} [A-Z][a-z]{2} \d.*$`)
)

// lines takes a file of properties apart: the text of each value, escapes included,
// by its key; whatever is no property is a list under "#". Java writes the lines in
// the order of a hash table.
func lines(file any) map[string][]string {
	text, _ := file.(string)
	found := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		key, value, isProperty := strings.Cut(line, "=")
		switch {
		case !isProperty || strings.HasPrefix(line, "#"):
			found["#"] = append(found["#"], date.ReplaceAllString(line, "#<date>"))
		case key == "spark.app.submitTime":
			found[key] = append(found[key], submitTime.ReplaceAllString(value, "<millis>"))
		default:
			found[key] = append(found[key], value)
		}
	}
	return found
}

func diffProperties(want, got map[string][]string, differences *[]Difference) {
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		wantText, gotText := strings.Join(want[key], "\n"), strings.Join(got[key], "\n")
		if len(want[key]) != len(got[key]) || wantText != gotText {
			*differences = append(*differences, Difference{"properties/" + key, showLines(want[key]), showLines(got[key])})
		}
	}
}

func showLines(values []string) string {
	switch len(values) {
	case 0:
		return "nothing"
	case 1:
		return values[0]
	default:
		return show(values)
	}
}
