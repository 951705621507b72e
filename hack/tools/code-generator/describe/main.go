// SPDX-License-Identifier: Apache-2.0

// Command describe edits the descriptions in generated CRDs, the arguments. Fields of this project keep their Go doc
// comments; what lies below a field of another project's type loses its descriptions, because a CRD with all of them is too
// large for the annotation that `kubectl apply` writes.
package main

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// kinds are the types of the CRDs by kind and version.
var kinds = map[string]any{
	"SparkApplication/v1beta2":          v1beta2.SparkApplication{},
	"ScheduledSparkApplication/v1beta2": v1beta2.ScheduledSparkApplication{},
	"SparkConnect/v1alpha1":             v1alpha1.SparkConnect{},
}

// ours is the package path of all types of this project.
const ours = "github.com/spark-operator/spark-operator/"

func main() {
	for _, file := range os.Args[1:] {
		if err := edit(file); err != nil {
			fmt.Fprintf(os.Stderr, "describe: %s: %v\n", file, err)
			os.Exit(1)
		}
	}
}

func edit(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if text, err = describe(text); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// describe edits the text of one CRD.
func describe(text []byte) ([]byte, error) {
	var crd map[string]any
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		return nil, err
	}
	spec := object(crd, "spec")
	kind, _ := object(spec, "names")["kind"].(string)
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 {
		return nil, fmt.Errorf("no spec.versions: is it a CRD?")
	}
	for _, version := range versions {
		version, _ := version.(map[string]any)
		key := fmt.Sprintf("%s/%v", kind, version["name"])
		value, known := kinds[key]
		if !known {
			return nil, fmt.Errorf("no Go type is known for %s: add it to hack/tools/code-generator/describe", key)
		}
		if err := walk(object(object(version, "schema"), "openAPIV3Schema"), reflect.TypeOf(value), key); err != nil {
			return nil, err
		}
	}
	edited, err := yaml.Marshal(crd)
	return bytes.Join([][]byte{[]byte("---\n"), edited}, nil), err
}

func object(parent map[string]any, key string) map[string]any {
	child, _ := parent[key].(map[string]any)
	return child
}

// walk edits the schema of a value of type t at a path. The description of the schema itself belongs to the field that holds
// the value.
func walk(schema map[string]any, t reflect.Type, path string) error {
	unwrap(schema)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != "" && !strings.HasPrefix(t.PkgPath(), ours) {
		strip(schema)
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return walkFields(schema, t, path)
	case reflect.Slice:
		return walkElement(object(schema, "items"), t.Elem(), path+"[]")
	case reflect.Map:
		return walkElement(object(schema, "additionalProperties"), t.Elem(), path+"{}")
	default:
		return nil
	}
}

func walkFields(schema map[string]any, t reflect.Type, path string) error {
	properties := object(schema, "properties")
	for field := range fieldsOf(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" && field.Anonymous {
			if strings.HasPrefix(field.Type.PkgPath(), ours) {
				if err := walkFields(schema, field.Type, path); err != nil {
					return err
				}
				continue
			}
			// TypeMeta: the API server describes apiVersion and kind itself.
			for inner := range fieldsOf(field.Type) {
				name, _, _ = strings.Cut(inner.Tag.Get("json"), ",")
				delete(object(properties, name), "description")
			}
			continue
		}
		at := path + "." + name
		property := object(properties, name)
		if property == nil {
			return fmt.Errorf("%s is not in the schema", at)
		}
		if err := walk(property, field.Type, at); err != nil {
			return err
		}
		if description, _ := property["description"].(string); description == "" && name != "metadata" {
			return fmt.Errorf("%s has no doc comment", at)
		}
	}
	return nil
}

// walkElement edits the schema of the elements of a list or map: its description is that of their type.
func walkElement(schema map[string]any, t reflect.Type, path string) error {
	if err := walk(schema, t, path); err != nil {
		return err
	}
	delete(schema, "description")
	return nil
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// lineBreak is a line break within a paragraph.
var lineBreak = regexp.MustCompile(`([^\n])\n([^\n])`)

// unwrap joins the lines of a description, so that kubectl can wrap them.
func unwrap(schema map[string]any) {
	if description, ok := schema["description"].(string); ok {
		schema["description"] = lineBreak.ReplaceAllString(description, "$1 $2")
	}
}

// strip removes all descriptions below a schema.
func strip(schema map[string]any) {
	for _, child := range object(schema, "properties") {
		if child, ok := child.(map[string]any); ok {
			delete(child, "description")
			strip(child)
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if child := object(schema, key); child != nil {
			delete(child, "description")
			strip(child)
		}
	}
}
