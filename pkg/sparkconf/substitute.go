// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"slices"
	"strings"
	"unicode"
)

// substitute resolves ${spark.key} and ${env:NAME}, also nested ones. A
// reference that does not resolve stays as it is (ConfigReader.substitute).
func (c *Conf) substitute(key, input string) (string, error) {
	if !strings.Contains(input, "${") {
		return input, nil
	}
	r := resolver{conf: c, key: key, left: maxReferences}
	return r.resolve(input, nil)
}

// Limits on what nested references may multiply to. The length is that of a
// ConfigMap, so that no value that could be used is refused.
const (
	maxReferences = 10_000
	maxExpansion  = 1 << 20
)

type resolver struct {
	conf *Conf
	key  string // the property that is being read
	left int    // references that may still be resolved
}

// resolve replaces the references of input. used are the references on the way
// from the property to input.
func (r *resolver) resolve(input string, used []string) (string, error) {
	var out strings.Builder
	rest := input
	for {
		start, name, length := nextReference(rest)
		if length == 0 {
			out.WriteString(rest)
			return out.String(), nil
		}
		out.WriteString(rest[:start])
		reference := rest[start : start+length]
		rest = rest[start+length:]

		if slices.Contains(used, name) {
			return "", &ValueError{
				Key: r.key, Value: input,
				Message: "requirement failed: Circular reference in " + input + ": " + name,
				Hint:    "break the cycle between the properties",
			}
		}
		value, found, err := r.referenced(name)
		if err != nil {
			return "", err
		}
		if !found {
			out.WriteString(reference)
			continue
		}
		// Clipped, so that references side by side do not share what the
		// recursion appends.
		value, err = r.resolve(value, append(slices.Clip(used), name))
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		if r.left--; r.left < 0 || out.Len() > maxExpansion {
			return "", &ValueError{
				Key: r.key, Value: input,
				Message: "nested references expand to too much text",
				Hint:    "shorten the properties that it refers to",
			}
		}
	}
}

// referenced returns the value that a reference names.
func (r *resolver) referenced(name string) (value string, found bool, err error) {
	prefix, rest, prefixed := strings.Cut(name, ":")
	switch {
	case !prefixed || !isWord(prefix):
		if !strings.HasPrefix(name, "spark.") {
			return "", false, nil
		}
		for entry := name; entry != ""; entry = fallbackKey(entry) {
			if value, found = r.conf.Raw(entry); found {
				return value, true, nil
			}
			if value, found = defaultValue(entry, r.conf.version); found {
				return value, true, nil
			}
		}
		return "", false, nil
	case prefix == "env":
		value, found = r.conf.env[rest]
		return value, found, nil
	case prefix == "system":
		return "", false, &ValueError{
			Key: r.key, Value: "${" + name + "}",
			Message: "cannot resolve ${" + name + "}: native submission has no Java system properties",
			Hint:    "write the value itself or refer to another property",
		}
	}
	return "", false, nil
}

// nextReference finds ${name}, where name has no blanks: Spark's expression
// \$\{(?:(\w+?):)?(\S+?)\}. length is 0 if there is none.
func nextReference(text string) (start int, name string, length int) {
	for from := 0; ; {
		at := strings.Index(text[from:], "${")
		if at < 0 {
			return 0, "", 0
		}
		start = from + at
		// The name is at least one character long, even if that is a brace.
		body := text[start+2:]
		for i, r := range body {
			if isRegexSpace(r) {
				break
			}
			if r == '}' && i > 0 {
				return start, body[:i], i + 3
			}
		}
		from = start + 2
	}
}

// isRegexSpace is \s of java.util.regex.
func isRegexSpace(r rune) bool { return r <= unicode.MaxASCII && unicode.IsSpace(r) }

// isWord is \w+ of java.util.regex.
func isWord(text string) bool {
	for _, r := range text {
		if r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return false
		}
	}
	return text != ""
}
