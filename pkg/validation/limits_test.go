// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/validation"
)

// schema is as much of a schema as has limits.
type schema struct {
	Properties    map[string]schema `json:"properties"`
	MaxItems      int               `json:"maxItems"`
	MaxProperties int               `json:"maxProperties"`
}

// limits adds the limits below a path.
func (s schema) limits(path string, to map[string]int) {
	if most := max(s.MaxItems, s.MaxProperties); most > 0 {
		to[path] = most
	}
	for name, property := range s.Properties {
		property.limits(path+"."+name, to)
	}
}

// The CRD and validation have the same limits: the last entry that fits is
// accepted by both, the next one refused with a message that gives the number.
func TestLimitsAreThoseOfTheCRD(t *testing.T) {
	text, err := os.ReadFile("../../manifests/crd/sparkoperator.k8s.io_sparkapplications.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	limits := map[string]int{}
	crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].limits("spec", limits)
	if len(limits) < 45 {
		t.Fatalf("%d limits in the CRD", len(limits))
	}
	tooMany := func(list largeList, n int) (texts []string) {
		app := plainApplication()
		list.fill(app, n, allDifferent)
		for _, err := range validation.ValidateSparkApplication(app) {
			if err.Field == list.path && strings.Contains(err.Detail, "must have at most") {
				texts = append(texts, err.Error())
			}
		}
		return texts
	}
	const bounded = 25_000 // more than any limit
	for _, list := range largeLists() {
		if strings.Contains(list.path, "[]") || strings.Contains(list.path, ".template.") || !strings.HasPrefix(list.path, "spec.") {
			continue
		}
		most, inCRD := limits[list.path]
		if !inCRD {
			if texts := tooMany(list, bounded); len(texts) > 0 {
				t.Errorf("not in the CRD: %q", texts)
			}
			continue
		}
		delete(limits, list.path)
		if texts := tooMany(list, most); len(texts) > 0 {
			t.Errorf("%d entries are refused: %q", most, texts)
		}
		want := fmt.Sprintf("%s: Too many: %d: must have at most %d ", list.path, most+1, most)
		if texts := tooMany(list, most+1); len(texts) != 1 || !strings.HasPrefix(texts[0], want) {
			t.Errorf("%d entries: %q, want %q", most+1, texts, want)
		}
	}
	for path := range limits {
		t.Errorf("%s is limited in the CRD and is no list of the Go types", path)
	}
}
