// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"strconv"
	"strings"
)

// loadProperties reads text as java.util.Properties.load(Reader) does. It is the
// driver's way of reading what the submission writes.
func loadProperties(text string) map[string]string {
	properties := map[string]string{}
	for _, line := range logicalLines(text) {
		end := keyEnd(line)
		rest := strings.TrimLeft(line[end:], " \t\f")
		if rest != "" && (rest[0] == '=' || rest[0] == ':') {
			rest = strings.TrimLeft(rest[1:], " \t\f")
		}
		properties[unescapeProperty(line[:end])] = unescapeProperty(rest)
	}
	return properties
}

// logicalLines joins continued lines and leaves out comments and blank lines.
func logicalLines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	var lines []string
	continued := false
	for _, natural := range strings.Split(text, "\n") {
		natural = strings.TrimLeft(natural, " \t\f")
		if !continued && (natural == "" || natural[0] == '#' || natural[0] == '!') {
			continue
		}
		if !continued {
			lines = append(lines, "")
		}
		backslashes := len(natural) - len(strings.TrimRight(natural, `\`))
		continued = backslashes%2 == 1
		if continued {
			natural = natural[:len(natural)-1]
		}
		lines[len(lines)-1] += natural
	}
	return lines
}

// keyEnd returns the offset of the first separator that is not escaped.
func keyEnd(line string) int {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '=', ':', ' ', '\t', '\f':
			return i
		}
	}
	return len(line)
}

func unescapeProperty(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if code, err := strconv.ParseUint(s[i+1:min(i+5, len(s))], 16, 16); err == nil {
				b.WriteRune(rune(code))
				i += 4
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
