// SPDX-License-Identifier: Apache-2.0

package v1beta2_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// manifest is one document of a file.
type manifest struct {
	name string
	text []byte
	kind string
}

// manifests returns the applications of testdata and of the examples.
func manifests(t *testing.T) []manifest {
	t.Helper()
	var all []manifest
	for _, pattern := range []string{"testdata/*.yaml", "../../../../examples/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, document := range bytes.Split(text, []byte("\n---\n")) {
				var meta struct {
					Kind     string
					Metadata struct{ Name string }
				}
				if err := yaml.Unmarshal(document, &meta); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				if meta.Kind == "SparkApplication" || meta.Kind == "ScheduledSparkApplication" {
					name := fmt.Sprintf("%s/%d/%s", filepath.Base(file), i, meta.Metadata.Name)
					all = append(all, manifest{name: name, text: document, kind: meta.Kind})
				}
			}
		}
	}
	return all
}

func (m manifest) object() runtime.Object {
	if m.kind == "SparkApplication" {
		return &v1beta2.SparkApplication{}
	}
	return &v1beta2.ScheduledSparkApplication{}
}

// The types lose nothing of a manifest and add nothing to it. GitOps tools would
// report either as a difference forever.
func TestRoundTrip(t *testing.T) {
	for _, m := range manifests(t) {
		t.Run(m.name, func(t *testing.T) {
			object := m.object()
			if err := yaml.UnmarshalStrict(m.text, object); err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := yaml.Unmarshal(m.text, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(encoded, &got); err != nil {
				t.Fatal(err)
			}
			for _, difference := range differences("", want, got) {
				t.Error(difference)
			}
			again := m.object()
			if err := json.Unmarshal(encoded, again); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(object, again) {
				t.Error("decoding the encoded object gives another one")
			}
		})
	}
}

// differences lists what only one of two JSON trees has.
func differences(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			break
		}
		var all []string
		keys := maps.Clone(want)
		maps.Copy(keys, got)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			at := path + "." + key
			w, given := want[key]
			g, kept := got[key]
			switch {
			case !kept:
				all = append(all, fmt.Sprintf("%s is lost: %v", at, w))
			case !given && !isEmptyOfKubernetes(at, g):
				all = append(all, fmt.Sprintf("%s is invented: %v", at, g))
			case given:
				all = append(all, differences(at, w, g)...)
			}
		}
		return all
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			break
		}
		var all []string
		for i := range want {
			all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), want[i], got[i])...)
		}
		return all
	}
	if !reflect.DeepEqual(want, got) {
		return []string{fmt.Sprintf("%s: %v becomes %v", path, want, got)}
	}
	return nil
}

// isEmptyOfKubernetes reports whether an empty object comes from a type of
// Kubernetes that cannot leave it out.
func isEmptyOfKubernetes(path string, value any) bool {
	empty, ok := value.(map[string]any)
	return ok && len(empty) == 0 && (strings.HasSuffix(path, ".resources") || strings.HasSuffix(path, ".metadata"))
}

// A field that no manifest uses is one that no test would miss.
func TestEveryFieldOccurs(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range manifests(t) {
		var raw any
		if err := yaml.Unmarshal(m.text, &raw); err != nil {
			t.Fatal(err)
		}
		markFields(reflect.TypeOf(m.object()), raw, seen)
	}
	known := map[string]bool{}
	for _, object := range []any{&v1beta2.SparkApplication{}, &v1beta2.ScheduledSparkApplication{}} {
		listFields(reflect.TypeOf(object), known)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !seen[name] {
			t.Errorf("%s occurs in no manifest", name)
		}
	}
}

// markFields notes the fields of this package's types that a JSON tree uses.
func markFields(t reflect.Type, raw any, seen map[string]bool) {
	kind := t.Kind()
	if kind == reflect.Pointer {
		markFields(t.Elem(), raw, seen)
		return
	}
	switch raw := raw.(type) {
	case []any:
		for _, element := range raw {
			markFields(t.Elem(), element, seen)
		}
	case map[string]any:
		if kind == reflect.Map {
			for _, value := range raw {
				markFields(t.Elem(), value, seen)
			}
			return
		}
		eachField(t, func(owner reflect.Type, name string, field reflect.Type) {
			if value, used := raw[name]; used {
				seen[owner.Name()+"."+name] = true
				markFields(field, value, seen)
			}
		})
	}
}

// listFields notes all fields of this package's types.
func listFields(t reflect.Type, known map[string]bool) {
	if kind := t.Kind(); kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map {
		listFields(t.Elem(), known)
		return
	}
	eachField(t, func(owner reflect.Type, name string, field reflect.Type) {
		if key := owner.Name() + "." + name; !known[key] {
			known[key] = true
			listFields(field, known)
		}
	})
}

// eachField calls visit for the JSON fields of a struct of this package, those of
// embedded structs included.
func eachField(t reflect.Type, visit func(owner reflect.Type, name string, field reflect.Type)) {
	if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[v1beta2.SparkApplication]().PkgPath() {
		return // a value, or a type of Kubernetes
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name != "":
			visit(t, name, field.Type)
		case field.Anonymous:
			eachField(field.Type, visit)
		}
	}
}
