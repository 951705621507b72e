// SPDX-License-Identifier: Apache-2.0

package crds

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/manifests/crd"
)

// definition returns a CRD with the versions, which are YAML in flow style.
func definition(t *testing.T, versions string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("{metadata: {name: things.example.com}, spec: {versions: ["+versions+"]}}"), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

func version(name string, storage bool, schema string) string {
	text := "{name: " + name + ", served: true, storage: false, schema: {openAPIV3Schema: " + schema + "}}"
	if storage {
		return strings.Replace(text, "storage: false", "storage: true", 1)
	}
	return text
}

func TestPlan(t *testing.T) {
	const (
		small = "{type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}"
		large = "{type: object, properties: {spec: {type: object, properties: {a: {type: string}, b: {type: object, properties: {c: {type: string}}}}}}}"
		list  = "{type: object, properties: {spec: {type: array, items: {type: object, properties: {a: {type: string}}}}}}"
		texts = "{type: object, properties: {spec: {type: array, items: {type: string}}}}"
		open  = "{type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}"
		empty = "{type: object, properties: {spec: {type: object}}}"
		words = "{type: object, properties: {spec: {type: object, additionalProperties: {type: string}}}}"
	)
	v := func(schema string) string { return version("v1beta2", true, schema) }
	for name, test := range map[string]struct {
		installed, wanted string
		fails, keeps      string
	}{
		"same":                        {installed: v(small), wanted: v(small)},
		"upgrade":                     {installed: v(small), wanted: v(large)},
		"downgrade":                   {installed: v(large), wanted: v(small), fails: "would lose spec.b;"},
		"downgrade in a list":         {installed: v(list), wanted: v(texts), fails: "spec[].a"},
		"no schema in a list":         {installed: v(list), wanted: v(empty), fails: "spec[]"},
		"unknown fields are kept":     {installed: v(large), wanted: v(open)},
		"unknown fields are lost":     {installed: v(open), wanted: v(empty), fails: "spec.*"},
		"unknown fields get a schema": {installed: v(open), wanted: v(large)},
		"a map for fields":            {installed: v(small), wanted: v(words)},
		"a map is lost":               {installed: v(words), wanted: v(empty), fails: "spec.*"},
		"an old version":              {installed: version("v1beta1", false, small) + "," + v(small), wanted: v(large), keeps: "v1beta1"},
		"a future version":            {installed: v(small) + "," + version("v1", true, small), wanted: v(large), fails: "stores version v1,"},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := definition(t, test.wanted)
			before := wanted.DeepCopy()
			merged, kept, err := plan(definition(t, test.installed), wanted)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("error %v, want one line with %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(kept, ","); got != test.keeps {
				t.Errorf("keeps %q, want %q", got, test.keeps)
			}
			names := map[string]bool{}
			all, err := versions(merged)
			if err != nil {
				t.Fatal(err)
			}
			for _, version := range all {
				names[version["name"].(string)] = true
			}
			if !names["v1beta2"] || test.keeps != "" && !names[test.keeps] {
				t.Errorf("versions %v", names)
			}
			if len(wanted.Object) != len(before.Object) {
				t.Error("the wanted CRD was changed")
			}
		})
	}
}

// TestManyLostFieldsAreCounted: the error stays readable.
func TestManyLostFieldsAreCounted(t *testing.T) {
	fields := "{type: object, properties: {a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {}}}"
	_, _, err := plan(definition(t, version("v1beta2", true, fields)), definition(t, version("v1beta2", true, "{type: object}")))
	if err == nil || !strings.Contains(err.Error(), "a, b, c, d, e and 2 more") {
		t.Errorf("error %v", err)
	}
}

// TestOwnCRDs: those of the binary can be read, and replace themselves.
func TestOwnCRDs(t *testing.T) {
	all, err := Read(crd.Files)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("%d CRDs", len(all))
	}
	for _, own := range all {
		if _, kept, err := plan(own, own); err != nil || len(kept) > 0 {
			t.Errorf("%s: %v, keeps %q", own.GetName(), err, kept)
		}
	}
}
