// SPDX-License-Identifier: Apache-2.0

// Package decode says where an object does not fit its Go type: the decoder of JSON
// names the place only sometimes, and in words that mean nothing to a user.
//
// The package is pure.
package decode

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	kjson "sigs.k8s.io/json"
)

// Strict decodes as clients of Kubernetes do and returns the paths of the fields that
// T does not have, such as spec.driver.template.spec.image. The error has one line: the
// first field that does not fit T, and why.
func Strict[T any](data []byte, into *T) (unknown []string, err error) {
	strict, err := kjson.UnmarshalStrict(data, into, kjson.DisallowUnknownFields)
	if err != nil {
		return nil, errors.New(Fault[T](data, err))
	}
	for _, fault := range strict {
		var at kjson.FieldError
		if errors.As(fault, &at) {
			unknown = append(unknown, at.FieldPath())
		}
	}
	return unknown, nil
}

// Fault returns the path of the first field that does not fit T and why not. The cause
// is the error of decoding data into T. The path is found by decoding smaller and
// smaller parts of the object; of a large object the error itself has to do.
func Fault[T any](data []byte, cause error) string {
	var tree map[string]any
	if len(data) > maxSearched || json.Unmarshal(data, &tree) != nil {
		return oneLine(cause)
	}
	fits := func(part map[string]any) error {
		raw, err := json.Marshal(part)
		if err != nil {
			return nil //nolint:nilerr // a part that cannot be written is not the one that cannot be read
		}
		return kjson.UnmarshalCaseSensitivePreserveInts(raw, new(T))
	}
	path, cause := narrow(tree, cause, fits)
	return strings.TrimPrefix(path, ".") + ": " + oneLine(cause)
}

// maxSearched bounds the search, in bytes.
const maxSearched = 128 << 10

// narrow finds the deepest part of value that alone makes fits fail. The function
// fits puts what it is given back into its place in the object.
func narrow(value any, cause error, fits func(map[string]any) error) (path string, _ error) {
	object, ok := value.(map[string]any)
	if !ok {
		return "", cause
	}
	keys := slices.Sorted(maps.Keys(object))
	first := firstOf(len(keys), func(from, to int) bool {
		part := make(map[string]any, to-from)
		for _, key := range keys[from:to] {
			part[key] = object[key]
		}
		return fits(part) == nil
	})
	for _, key := range keys[first:] {
		err := fits(map[string]any{key: object[key]})
		if err == nil {
			continue
		}
		segment := "." + key
		switch child := object[key].(type) {
		case map[string]any:
			if fits(map[string]any{key: map[string]any{}}) != nil {
				return segment, err // no object belongs here, whatever is in it
			}
			deeper, cause := narrow(child, err, func(part map[string]any) error {
				return fits(map[string]any{key: part})
			})
			return segment + deeper, cause
		case []any:
			if fits(map[string]any{key: []any{}}) != nil {
				return segment, err
			}
			first := firstOf(len(child), func(from, to int) bool { return fits(map[string]any{key: child[from:to]}) == nil })
			for i := first; i < len(child); i++ {
				element := child[i]
				err := fits(map[string]any{key: []any{element}})
				if err == nil {
					continue
				}
				deeper, cause := narrow(element, err, func(part map[string]any) error {
					return fits(map[string]any{key: []any{part}})
				})
				return segment + "[" + strconv.Itoa(i) + "]" + deeper, cause
			}
		}
		return segment, err
	}
	return "", cause
}

// firstOf returns the first of n parts, some of which do not fit, that does not, in a
// number of tries that grows with the logarithm of n.
func firstOf(n int, fit func(from, to int) bool) int {
	from := 0
	for to := n; to-from > 1; {
		if middle := (from + to) / 2; fit(from, middle) {
			from = middle
		} else {
			to = middle
		}
	}
	return from
}

// goFieldName matches the Go names in an error of the JSON decoder; they mean
// nothing to a user.
var goFieldName = regexp.MustCompile(` into Go (struct field|value) (\S+ )?of type `)

func oneLine(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	text = goFieldName.ReplaceAllString(text, " into ")
	return strings.Join(strings.Fields(text), " ")
}
