// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/decode"
)

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// add sets the member of an object, whether it is there or not.
func add(path string, value any) operation { return operation{Op: "add", Path: path, Value: value} }

func remove(path string) operation { return operation{Op: "remove", Path: path} }

// segments escapes a segment of a path (RFC 6901).
var segments = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(segment string) string { return segments.Replace(segment) }

// additions returns the operations that set in raw what after has and before lacks,
// where before is how raw was decoded. It touches nothing else: what decoding and
// encoding would change in raw by themselves stays as it was written.
func additions(path string, raw, before, after json.RawMessage) []operation {
	have, old, want := membersOf(raw), membersOf(before), membersOf(after)
	var operations []operation
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if bytes.Equal(old[key], want[key]) {
			continue
		}
		at := path + "/" + pointer(key)
		if isObject(have[key]) && isObject(want[key]) {
			operations = append(operations, additions(at, have[key], old[key], want[key])...)
		} else {
			operations = append(operations, add(at, difference(old[key], want[key])))
		}
	}
	return operations
}

// difference is what after has and before lacks.
func difference(before, after json.RawMessage) any {
	if !isObject(after) {
		return after
	}
	old, different := membersOf(before), map[string]any{}
	for key, value := range membersOf(after) {
		if !bytes.Equal(old[key], value) {
			different[key] = difference(old[key], value)
		}
	}
	return different
}

func isObject(text json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}

// membersOf returns the members of an object; none if text is no object.
func membersOf(text json.RawMessage) map[string]json.RawMessage {
	if !isObject(text) {
		return nil
	}
	return decode.Fields(text)
}
