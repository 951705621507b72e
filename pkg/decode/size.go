// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// How many values – entries of lists and fields of objects – the parts of an application
// or a schedule may have. The API server bounds the size in bytes alone: 1.5 MB of empty
// containers in a pod template become hundreds of MB when they are decoded. Those that run
// have a few thousand values at most.
const (
	MaxSpecValues     = 10_000
	MaxMetadataValues = 5_000 // without field ownership
	// MaxStatusValues is for what the operator writes: an entry for each executor that is
	// tracked.
	MaxStatusValues = 50_000
)

// Values counts the values of the parts of an object.
type Values struct{ Spec, Metadata, Status int }

// TooMany reports whether a part has more values than are decoded.
func (v Values) TooMany() bool {
	return v.Spec > MaxSpecValues || v.Metadata > MaxMetadataValues || v.Status > MaxStatusValues
}

func (v Values) max(w Values) Values {
	return Values{max(v.Spec, w.Spec), max(v.Metadata, w.Metadata), max(v.Status, w.Status)}
}

// Refusal says which part has too many values; empty if none that a user writes has.
func (v Values) Refusal() string {
	const text = "%s: has %d fields and list entries, of which at most %d are accepted"
	switch {
	case v.Spec > MaxSpecValues:
		return fmt.Sprintf(text, "spec", v.Spec, MaxSpecValues)
	case v.Metadata > MaxMetadataValues:
		return fmt.Sprintf(text, "metadata", v.Metadata, MaxMetadataValues)
	}
	return ""
}

// CountValues counts the values of an object in JSON without decoding it, or those of
// the items of a list: of each part the most that any item has. Field ownership, which is
// not decoded either, does not count. Of text that is no JSON it says nothing.
func CountValues(data []byte) Values {
	var (
		most, present Values
		depth, base   = 0, 1 // base is the depth inside of an object: 3 in a list
		part          *int
		owned         = false // inside of field ownership
	)
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			end := endOfText(data, i)
			if (depth == base || depth == base+1) && isKey(data, end) {
				key := string(data[i+1 : max(end, i+1)])
				switch {
				case depth == base+1:
					owned = part == &present.Metadata && key == "managedFields"
				case depth == 1 && key == "items":
					base, part = 3, nil
				default:
					part, owned = present.part(key), false
				}
			}
			i = end
		case '{', '[':
			depth++
			if part != nil && !owned {
				*part++
			}
		case '}', ']':
			depth--
			if depth == base-1 {
				most, present, part = most.max(present), Values{}, nil
			}
		case ',':
			if part != nil && !owned {
				*part++
			}
		}
	}
	return most
}

func (v *Values) part(key string) *int {
	switch key {
	case "spec":
		return &v.Spec
	case "metadata":
		return &v.Metadata
	case "status":
		return &v.Status
	}
	return nil
}

// endOfText returns where the text ends that begins there, at its closing quote.
func endOfText(data []byte, begin int) int {
	for i := begin + 1; i < len(data); i++ {
		switch data[i] {
		case '"':
			return i
		case '\\':
			i++ // what is escaped
		}
	}
	return len(data)
}

// isKey reports whether the text that ends there is the key of a field.
func isKey(data []byte, end int) bool {
	for _, c := range data[min(end+1, len(data)):] {
		switch c {
		case ' ', '\t', '\n', '\r':
		default:
			return c == ':'
		}
	}
	return false
}

// Fields cuts an object in JSON into its fields without decoding them. Of text that is no
// JSON it returns anything.
func Fields(data []byte) map[string]json.RawMessage {
	found := map[string]json.RawMessage{}
	depth, begin, key := 0, 0, ""
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			end := endOfText(data, i)
			if depth == 1 && isKey(data, end) {
				key, begin = keyOf(data[i:min(end+1, len(data))]), end+1
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 && key != "" {
				found[key], key = value(data[begin:i]), ""
			}
		case ',':
			if depth == 1 && key != "" {
				found[key], key = value(data[begin:i]), ""
			}
		}
	}
	return found
}

// keyOf returns the key that a text in JSON is.
func keyOf(text []byte) (key string) {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(bytes.Trim(text, `"`))
	}
	_ = json.Unmarshal(text, &key) // of what is no JSON anything is returned
	return key
}

// value is what follows a key.
func value(data []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(data), []byte{':'}))
}
