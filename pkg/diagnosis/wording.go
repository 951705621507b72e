// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"slices"
	"strings"
	"unicode"
)

// Rephrases reports whether a text says the same as another one in other words:
// with other numbers and ids, or in another order.
func Rephrases(a, b string) bool {
	return a == b || slices.Equal(words(a), words(b))
}

// words are the different words of a text, sorted. Those that hold a digit are left
// out unless they are quoted, as names are.
func words(text string) []string {
	fields := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",.;", r) })
	fields = slices.DeleteFunc(fields, func(word string) bool {
		return !strings.HasPrefix(word, `"`) && strings.ContainsFunc(word, unicode.IsDigit)
	})
	slices.Sort(fields)
	return slices.Compact(fields)
}
