// SPDX-License-Identifier: Apache-2.0

package document

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestNamesExist: every field and every chart value that a page names exists.
func TestNamesExist(t *testing.T) {
	fields := []*schema{crdSchema(t, "sparkapplications"), crdSchema(t, "scheduledsparkapplications"), crdSchema(t, "sparkconnects")}
	values := newKnown(t).values
	field := regexp.MustCompile(`^(?:spec|status)(?:\.[a-zA-Z]+(?:\[[^\]]*\])?)+$`)
	value := regexp.MustCompile(`^(?:controller|webhook|prometheus|hook|certManager|spark\.(?:jobNamespace|serviceAccount|rbac))[a-zA-Z]*(?:\.[a-zA-Z]+)+$`)
	others := map[string]string{
		"prometheus.jmxExporterJar": "below spec.monitoring",
		"spec.hard":                 "of a ResourceQuota",
		"status.parents":            "of an HTTPRoute",
	}
	checked := 0
	for _, page := range Pages(t, root) {
		if page == "CHANGELOG.md" { // history may name what is gone
			continue
		}
		for _, match := range inlineCode.FindAllStringSubmatch(prose(Read(t, filepath.Join(root, page))), -1) {
			name, _, _ := strings.Cut(match[1], ": ")
			name, _, _ = strings.Cut(name, "=")
			var err error
			switch {
			case others[name] != "" || strings.HasSuffix(name, ".go"):
				continue
			case field.MatchString(name):
				for _, kind := range fields {
					if err = kind.has(name); err == nil {
						break
					}
				}
			case value.MatchString(name):
				err = values.has(name)
			default:
				continue
			}
			checked++
			if err != nil {
				t.Errorf("%s: `%s`: %v; if it is of another kind, add it to others in this test", page, match[1], err)
			}
		}
	}
	t.Logf("%d names", checked)
}

// crdSchema is the schema of a kind.
func crdSchema(t *testing.T, plural string) *schema {
	t.Helper()
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(Read(t, root+"/manifests/crd/sparkoperator.k8s.io_"+plural+".yaml")), &crd); err != nil {
		t.Fatal(err)
	}
	return &crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}
