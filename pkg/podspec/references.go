// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strings"
)

// Expands reports whether the kubelet makes another text of the value of a
// variable: it has a reference $(NAME) or an escape $$.
func Expands(value string) bool {
	return strings.Contains(value, "$(") || strings.Contains(value, "$$")
}

// References returns the names to which the value of a variable refers as $(NAME),
// in their order.
func References(value string) (names []string) {
	Resolve(value, func(name string) (string, bool) {
		names = append(names, name)
		return "", false
	})
	return names
}

// Resolve returns the value of a variable with the references that text knows
// replaced. Everything else stays as it is for the kubelet, escapes too: $$ is no
// start of a reference.
func Resolve(value string, text func(name string) (string, bool)) string {
	var resolved strings.Builder
	rest := value
	for {
		before, after, found := strings.Cut(rest, "$")
		resolved.WriteString(before)
		if !found {
			return resolved.String()
		}
		switch {
		case strings.HasPrefix(after, "$"):
			resolved.WriteString("$$")
			rest = after[1:]
		case strings.HasPrefix(after, "("):
			name, behind, closed := strings.Cut(after[1:], ")")
			if !closed { // nor is any later one
				resolved.WriteString("$" + after)
				return resolved.String()
			}
			if known, ok := text(name); ok {
				resolved.WriteString(strings.ReplaceAll(known, "$", "$$"))
			} else {
				resolved.WriteString("$(" + name + ")")
			}
			rest = behind
		default:
			resolved.WriteString("$")
			rest = after
		}
	}
}
