// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

// inspected are cases that have objects of every kind and with every kind of list.
var inspected = []string{"containers", "driver-ingress", "env-all", "ingress-path", "local-dir-ondemand", "monitoring", "pod-template", "volcano", "volumes-all"}

// TestComparisonReportsEveryChange makes sure that the comparison hides nothing: a recording is
// equal to itself, and every value that is changed, every field that is added and
// every two elements of a list that change places or are doubled are reported.
func TestComparisonReportsEveryChange(t *testing.T) {
	cases, err := Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	for _, c := range cases {
		if !slices.Contains(inspected, c.Case) {
			continue
		}
		t.Run(c.Case, func(t *testing.T) {
			if differences := c.CompareObjects(c.Objects); len(differences) > 0 {
				t.Fatalf("differs from itself: %v", differences)
			}
			for _, object := range c.Objects {
				object = runtime.DeepCopyJSON(object)
				if spec, _ := object["spec"].(map[string]any); object["kind"] == "Pod" {
					normalizePod(spec) // takes the token of the service account away
				}
				alone := *c
				alone.Objects = []map[string]any{object}
				for _, alter := range []func(string, any, *int) string{change, reorder} {
					for n := 0; ; n++ {
						left, changed := n, runtime.DeepCopyJSON(object)
						path := alter(fmt.Sprint(object["kind"]), changed, &left)
						if path == "" {
							break
						}
						changes++
						if len(alone.CompareObjects([]map[string]any{changed})) == 0 && !drawnByServer(object, path) {
							t.Errorf("change of %s is not seen", path)
						}
					}
				}
			}
		})
	}
	if changes < 2000 {
		t.Errorf("only %d changes were tried", changes)
	}
}

// drawnByServer reports whether a value has no part in the comparison: it is drawn
// by the API server, or compared by what is made of it.
func drawnByServer(object map[string]any, path string) bool {
	_, field, _ := strings.Cut(path, ".")
	for _, drawn := range []string{
		"metadata.uid", "metadata.generation", "metadata.creationTimestamp", "spec.clusterIPs", "data.podspec-configmap-key",
	} {
		if strings.HasPrefix(field, drawn) {
			return true
		}
	}
	spec, _ := object["spec"].(map[string]any)
	switch {
	case strings.HasPrefix(field, "status"), strings.HasSuffix(field, "nodePort"):
		return true
	case field == "spec.clusterIP":
		return spec["clusterIP"] != "None"
	case field == "data.prometheus.yaml":
		return true // a comment more
	}
	return false
}

// reorder makes the left-th list of objects another one: it exchanges the last
// two elements, or doubles the last.
func reorder(path string, node any, left *int) string {
	switch node := node.(type) {
	case map[string]any:
		for _, key := range sortedKeys(node) {
			list, isList := node[key].([]any)
			if isList && len(list) > 0 && listKeys[key] != "" {
				if *left--; *left < 0 {
					node[key] = append(slices.Clone(list), list[len(list)-1])
					return path + "." + key + fmt.Sprintf(".%d~", len(list)-1)
				}
				if n := len(list); n > 1 {
					if *left--; *left < 0 {
						list[n-1], list[n-2] = list[n-2], list[n-1]
						return path + "." + key + fmt.Sprintf(".%d~", n-1)
					}
				}
			}
			if inner := reorder(path+"."+key, node[key], left); inner != "" {
				return inner
			}
		}
	case []any:
		for i := range node {
			if inner := reorder(fmt.Sprintf("%s.%d", path, i), node[i], left); inner != "" {
				return inner
			}
		}
	}
	return ""
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
