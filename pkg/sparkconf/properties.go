// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// AppendProperties appends one line "key=value" per property, in the given
// order, in the form of java.util.Properties.store(Writer, …): no \uXXXX, so
// that text other than ASCII is written as it is.
func AppendProperties(dst []byte, properties []Property) []byte {
	for _, p := range properties {
		dst = appendEscaped(dst, p.Key, true)
		dst = append(dst, '=')
		dst = appendEscaped(dst, p.Value, false)
		dst = append(dst, '\n')
	}
	return dst
}

// AppendComment appends text as a comment. Lines after a line break become
// comment lines of their own, as Properties.store does it.
func AppendComment(dst []byte, text string) []byte {
	dst = append(dst, '#')
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\n' && c != '\r' {
			dst = append(dst, c)
			continue
		}
		if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		dst = append(dst, '\n')
		if i+1 == len(text) || text[i+1] != '#' && text[i+1] != '!' {
			dst = append(dst, '#')
		}
	}
	return append(dst, '\n')
}

func appendEscaped(dst []byte, text string, isKey bool) []byte {
	for i := range len(text) {
		switch c := text[i]; c {
		case ' ':
			// Blanks end a key; in a value only those at its start would be lost,
			// and an escaped first one protects the others.
			if isKey || i == 0 {
				dst = append(dst, '\\')
			}
			dst = append(dst, ' ')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\\', '=', ':', '#', '!':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// ParseProperties reads the format of java.util.Properties.load: comments,
// continuation lines, the separators "=", ":" and blank, and escapes. Of a
// repeated key the last value wins. The only error is a malformed \uXXXX; it
// names the line.
//
// Spark trims the values of the files it reads itself: see [TrimValue].
func ParseProperties(text string) (map[string]string, error) {
	properties := map[string]string{}
	line := 0
	for text != "" {
		line++
		first := line
		var natural string
		natural, text = cutLine(text)
		logical := strings.TrimLeft(natural, propertyBlanks)
		if logical == "" || logical[0] == '#' || logical[0] == '!' {
			continue
		}
		// The usual line is used as it stands; only continued ones are copied.
		if continues(logical) {
			var joined strings.Builder
			for continues(logical) {
				joined.WriteString(logical[:len(logical)-1])
				if text == "" {
					logical = ""
					break
				}
				line++
				natural, text = cutLine(text)
				logical = strings.TrimLeft(natural, propertyBlanks)
			}
			joined.WriteString(logical)
			if logical = joined.String(); logical == "" {
				continue
			}
		}
		key, value := splitProperty(logical)
		key, err := unescape(key)
		if err == nil {
			value, err = unescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("properties line %d: %w", first, err)
		}
		properties[key] = value
	}
	return properties, nil
}

const propertyBlanks = " \t\f"

func cutLine(text string) (line, rest string) {
	end := strings.IndexAny(text, "\r\n")
	if end < 0 {
		return text, ""
	}
	next := end + 1
	if text[end] == '\r' && next < len(text) && text[next] == '\n' {
		next++
	}
	return text[:end], text[next:]
}

// continues reports whether the line ends in an odd number of backslashes.
func continues(line string) bool {
	backslashes := len(line) - len(strings.TrimRight(line, `\`))
	return backslashes%2 == 1
}

// splitProperty cuts at the first separator that is not escaped.
func splitProperty(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(line) {
		return line, ""
	}
	value = strings.TrimLeft(line[end:], propertyBlanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], propertyBlanks)
	}
	return line[:end], value
}

var errMalformedUnicode = errors.New(`malformed \uxxxx encoding: four hexadecimal digits are expected`)

func unescape(text string) (string, error) {
	if !strings.Contains(text, `\`) {
		return text, nil
	}
	var out strings.Builder
	out.Grow(len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			break // a lone backslash at the end is dropped
		}
		switch c := text[i]; c {
		case 't':
			out.WriteByte('\t')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 'f':
			out.WriteByte('\f')
		case 'u':
			r, ok := codeUnit(text[i+1:])
			if !ok {
				return "", errMalformedUnicode
			}
			i += 4
			// Characters beyond U+FFFF are written as two escapes.
			if utf16.IsSurrogate(r) && strings.HasPrefix(text[i+1:], `\u`) {
				if low, ok := codeUnit(text[i+3:]); ok {
					if pair := utf16.DecodeRune(r, low); pair != '\uFFFD' {
						r = pair
						i += 6
					}
				}
			}
			out.WriteRune(r)
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

func codeUnit(text string) (rune, bool) {
	if len(text) < 4 {
		return 0, false
	}
	value, err := strconv.ParseUint(text[:4], 16, 16)
	return rune(value), err == nil
}

// TrimValue removes blanks and control characters around the value of a property
// that was read from a file, but neither line feeds nor carriage returns
// (Utils.trimExceptCRLF).
func TrimValue(value string) string {
	return strings.TrimFunc(value, func(r rune) bool { return r <= ' ' && r != '\r' && r != '\n' })
}
