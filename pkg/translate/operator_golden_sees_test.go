// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

// TestOperatorComparisonSees makes sure that the comparison with the recording
// hides nothing: every value of our objects, properties and status that is
// changed, and every field that is added to an object, is reported.
func TestOperatorComparisonSees(t *testing.T) {
	inspected := []string{"driver-ingress", "env-all", "ingress-path", "local-dir-ondemand", "monitoring", "pod-template", "volcano", "volumes-all"}
	schema := readSchema(t)
	for _, c := range readCases(t) {
		if slices.Contains(inspected, c.Case) {
			t.Run(c.Case, func(t *testing.T) { inspectOperatorCase(t, c, schema) })
		}
	}
}

func inspectOperatorCase(t *testing.T, c *operatorCase, schema *crdSchema) {
	o, err := process(c, schema)
	if err != nil || o.refused != admitted {
		t.Fatalf("refused at %q: %s, %v", o.refused, o.message, err)
	}
	differs := func(differences []difference) string { return fmt.Sprint(differences) }

	changes := 0
	for _, object := range o.objects {
		// One object at a time.
		recorded, built := *c, *o
		recorded.Objects = slices.DeleteFunc(slices.Clone(c.Objects), func(other map[string]any) bool {
			return other["kind"] != object["kind"] || nameOf(other) != nameOf(object)
		})
		built.objects = []map[string]any{object}
		baseline := differs(compareObjects(&recorded, &built))
		for n := 0; ; n++ {
			left, changed := n, runtime.DeepCopyJSON(object)
			path := change(fmt.Sprint(object["kind"]), changed, &left)
			if path == "" {
				break
			}
			changes++
			built.objects[0] = changed
			if differs(compareObjects(&recorded, &built)) == baseline && !comparedElsewhere(path) {
				t.Errorf("change of %s is not seen", path)
			}
		}
	}
	if changes < 100 {
		t.Errorf("only %d changes were tried", changes)
	}

	baseline := differs(compareProperties(c, o))
	for key, value := range o.run.Properties {
		o.run.Properties[key] = value + "x"
		if differs(compareProperties(c, o)) == baseline && key != "spark.app.submitTime" {
			t.Errorf("change of property %s is not seen", key)
		}
		o.run.Properties[key] = value
	}

	baseline = differs(compareStatus(c, o))
	status := o.status
	for _, key := range []string{"submissionID", "sparkApplicationId", "driverInfo"} {
		o.status = runtime.DeepCopyJSON(status)
		delete(o.status, key)
		if differs(compareStatus(c, o)) == baseline {
			t.Errorf("removal of status.%s is not seen", key)
		}
	}
	o.status = status
}

// comparedElsewhere reports whether a value has no part in the comparison of
// objects: it is fixed by the kind, compared by its meaning in another place, or
// not the operator's.
func comparedElsewhere(path string) bool {
	_, field, _ := strings.Cut(path, ".")
	switch field {
	case "apiVersion", "data.spark.properties", "data.podspec-configmap-key", "data.prometheus.yaml":
		return true
	}
	return strings.HasPrefix(field, "status")
}

// change alters the left-th value of a tree, or adds a field to its left-th
// object, and returns the path; it is empty if there are fewer.
func change(path string, node any, left *int) string {
	changed := func() bool { *left--; return *left < 0 }
	switch node := node.(type) {
	case map[string]any:
		if changed() {
			node["unexpected"] = "x"
			return path + "+"
		}
		for _, key := range sortedKeys(node) {
			if scalar, ok := changedScalar(node[key]); ok {
				if changed() {
					node[key] = scalar
					return path + "." + key
				}
			} else if inner := change(path+"."+key, node[key], left); inner != "" {
				return inner
			}
		}
	case []any:
		for i := range node {
			if scalar, ok := changedScalar(node[i]); ok {
				if changed() {
					node[i] = scalar
					return fmt.Sprintf("%s.%d", path, i)
				}
			} else if inner := change(fmt.Sprintf("%s.%d", path, i), node[i], left); inner != "" {
				return inner
			}
		}
	}
	return ""
}

// changedScalar returns another value of the same type.
func changedScalar(value any) (any, bool) {
	switch value := value.(type) {
	case string:
		return value + "x", true
	case float64:
		return value + 1, true
	case bool:
		return !value, true
	}
	return nil, false
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
