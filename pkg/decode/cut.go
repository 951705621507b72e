// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"slices"
	"strings"
)

// Cut takes the field at a path out of an object in JSON and leaves null in its place,
// without decoding or checking anything: that is for the decoder of the two parts. If there
// is no such field, rest is all of the text and value is nil. Of text that is no JSON it
// returns anything.
func Cut(data []byte, path ...string) (rest, value []byte) {
	begin := 0
	for _, key := range path {
		if begin = fieldAt(data, begin, key); begin < 0 {
			return data, nil
		}
	}
	value = valueAt(data, begin)
	return slices.Concat(data[:begin], []byte("null"), data[begin+len(value):]), value
}

// fieldAt returns where the value of a field begins in the object that begins there; -1 if
// there is no such field.
func fieldAt(data []byte, begin int, name string) int {
	depth := 0
	for i := begin; i < len(data); i++ {
		switch data[i] {
		case '"':
			end := endOfText(data, i)
			if depth == 1 && string(data[i+1:end]) == name && isKey(data, end) {
				return len(data) - len(bytes.TrimLeft(data[end+1:], ": \t\r\n"))
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return -1
			}
		}
	}
	return -1
}

// valueAt returns the value that begins there.
func valueAt(data []byte, begin int) []byte {
	depth := 0
	for i := begin; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = endOfText(data, i)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth < 0 || depth == 0 && (i+1 >= len(data) || strings.IndexByte(",}] \t\r\n", data[i+1]) >= 0) {
			return data[begin:min(i+1, len(data))]
		}
	}
	return data[begin:]
}
