// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"strconv"
	"unicode/utf8"
)

// Excerpt returns text if it has at most limit bytes. Of a longer text it returns
// about the first limit bytes, without breaking a character, and how many bytes
// follow. Messages quote what a user wrote through it, so that they stay readable
// whatever the user wrote.
func Excerpt(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := max(limit, 0)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "… (" + strconv.Itoa(len(text)-cut) + " more bytes)"
}
