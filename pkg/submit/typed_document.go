// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	kjson "sigs.k8s.io/json"
)

// typedReader reads a document into Go types. Where a text belongs a scalar is the
// text that was written, whatever YAML takes it for: the client reads into types as
// well. Versions before 3.5 resolve some scalars first.
type typedReader struct {
	documentBudget
	yaml11, numbers bool // switches
}

// read fills into, a pointer to a struct with JSON tags.
func (r *typedReader) read(node *yaml.Node, into any) error {
	value, err := r.value(node, reflect.TypeOf(into), 0)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return kjson.UnmarshalCaseSensitivePreserveInts(encoded, into)
}

// value returns what encoding/json makes of the node for a place of the type.
func (r *typedReader) value(node *yaml.Node, typ reflect.Type, depth int) (any, error) {
	node, err := r.enter(node, depth)
	if err != nil {
		return nil, err
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch node.Kind { //nolint:exhaustive // the other kinds are judged below
	case yaml.MappingNode:
		return r.object(node, typ, depth)
	case yaml.SequenceNode:
		element := reflect.TypeFor[string]()
		if typ.Kind() == reflect.Slice {
			element = typ.Elem()
		}
		list := make([]any, len(node.Content))
		for i := range node.Content {
			if list[i], err = r.value(node.Content[i], element, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	if isNull(node) {
		return nil, nil
	}
	return r.scalar(node, typ)
}

func (r *typedReader) object(node *yaml.Node, typ reflect.Type, depth int) (any, error) {
	object := make(map[string]any, len(node.Content)/2)
	var under map[string]any // from merge keys: what the object itself says wins
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, below := node.Content[i], node.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: the key is not a string", key.Line)
		}
		if key.Value == "<<" && isPlain(key) && r.numbers {
			merged, err := r.merged(below, typ, depth+1)
			if err != nil {
				return nil, err
			}
			under = merged
			continue
		}
		element, known := fieldType(typ, key.Value)
		if !known {
			continue
		}
		value, err := r.value(below, element, depth+1)
		if err != nil {
			return nil, err
		}
		object[key.Value] = value
	}
	for key, value := range under {
		if _, own := object[key]; !own {
			object[key] = value
		}
	}
	return object, nil
}

// merged returns the entries behind a merge key: an object or a list of such, of
// which the first wins.
func (r *typedReader) merged(node *yaml.Node, typ reflect.Type, depth int) (map[string]any, error) {
	value, err := r.value(node, typ, depth)
	if err != nil {
		return nil, err
	}
	if object, ok := value.(map[string]any); ok {
		return object, nil
	}
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: only objects can be merged", node.Line)
	}
	all := make(map[string]any)
	for i := len(node.Content) - 1; i >= 0; i-- {
		object, err := r.merged(node.Content[i], typ, depth+1)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, object)
	}
	return all, nil
}

// fieldType returns the type of a key of a struct or map; texts stand for other
// types, of which the decoder says that no object belongs there.
func fieldType(typ reflect.Type, key string) (reflect.Type, bool) {
	switch typ.Kind() {
	case reflect.Map:
		return typ.Elem(), true
	case reflect.Struct:
	default:
		return reflect.TypeFor[string](), true
	}
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == key && name != "":
			return field.Type, field.Type != reflect.TypeFor[[]metav1.ManagedFieldsEntry]()
		case field.Anonymous && name == "":
			if found, ok := fieldType(field.Type, key); ok {
				return found, true
			}
		}
	}
	return nil, false
}

// scalar returns the value of a scalar that is not null.
func (r *typedReader) scalar(node *yaml.Node, typ reflect.Type) (any, error) {
	text := node.Value
	switch typ {
	case reflect.TypeFor[resource.Quantity]():
		return text, nil
	case reflect.TypeFor[intstr.IntOrString]():
		if number, err := strconv.ParseInt(text, 10, 32); err == nil && isPlain(node) {
			return number, nil
		}
		return r.text(node), nil
	}
	switch typ.Kind() { //nolint:exhaustive // the kinds that the API types have
	case reflect.Bool:
		if r.yaml11 && isPlain(node) {
			if value, ok := yaml11Bool(text); ok {
				return value, nil
			}
		}
		switch text {
		case "true", "True", "TRUE":
			return true, nil
		case "false", "False", "FALSE":
			return false, nil
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		if number, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64); err == nil {
			return number, nil
		}
		if number, ok := yaml11Int(text); ok && isPlain(node) {
			return json.Number(number), nil
		}
	}
	return r.text(node), nil
}
