// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"time"
	"unicode/utf8"
)

// FieldManager names the operator in the field ownership of what it writes.
const FieldManager = "spark-operator"

// OneLine joins the lines of a text.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Truncate shortens a text to at most limit bytes without breaking a character.
func Truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const ellipsis = "..."
	cut := max(limit-len(ellipsis), 0)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}

// Join joins the parts that are not empty.
func Join(separator string, parts ...string) string {
	text := ""
	for _, part := range parts {
		if part == "" {
			continue
		}
		if text != "" {
			text += separator
		}
		text += part
	}
	return text
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
