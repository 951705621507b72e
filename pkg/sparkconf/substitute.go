// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"strconv"
	"strings"
	"unicode"
)

// Limits of the expansion of nested references.
const (
	// MaxExpansion is how many bytes the references of one Conf may expand to, all
	// that are read from it together. A ConfigMap, in which the result has to fit, has
	// a quarter of it.
	MaxExpansion = 4 << 20
	// MaxReferenceDepth is how deep references may be nested.
	MaxReferenceDepth = 64
)

// substitute resolves ${spark.key} and ${env:NAME}, also nested ones. A
// reference that does not resolve stays as it is (ConfigReader.substitute).
func (c *Conf) substitute(key, input string) (string, error) {
	if !strings.Contains(input, "${") {
		return input, nil
	}
	r := resolver{conf: c, key: key}
	return r.resolve(input, nil)
}

// resolver replaces the references of one property. What a name resolves to is
// kept in the Conf: it does not depend on where the name occurs.
type resolver struct {
	conf *Conf
	key  string // the property that is being read
}

// way is the references on the way from the property to a text, the last first.
type way struct {
	name  string
	depth int
	from  *way
}

// resolve replaces the references of input. It copies no text before it knows that all
// of it fits.
func (r *resolver) resolve(input string, on *way) (string, error) {
	var parts []string
	rest := input
	for {
		start, name, length := nextReference(rest)
		if length == 0 {
			return strings.Join(append(parts, rest), ""), nil
		}
		parts = append(parts, rest[:start])
		reference := rest[start : start+length]
		rest = rest[start+length:]
		value, found, err := r.expand(name, input, on)
		switch {
		case err != nil:
			return "", err
		case !found:
			value = reference
		default:
			r.conf.expanded += len(value)
		}
		if r.conf.expanded > MaxExpansion {
			return "", r.refuse(input, "references expand to more than "+strconv.Itoa(MaxExpansion)+" bytes",
				"shorten the properties that it refers to")
		}
		parts = append(parts, value)
	}
}

// expand returns the text behind a reference of input, with its own references
// resolved.
func (r *resolver) expand(name, input string, on *way) (value string, found bool, err error) {
	if value, found = r.conf.resolved[name]; found {
		return value, true, nil
	}
	for step := on; step != nil; step = step.from {
		if step.name == name {
			return "", false, r.refuse(input, "requirement failed: Circular reference in "+input+": "+name,
				"break the cycle between the properties")
		}
	}
	if value, found, err = r.referenced(name); err != nil || !found {
		return "", false, err
	}
	next := &way{name: name, depth: 1, from: on}
	if on != nil {
		next.depth = on.depth + 1
	}
	if next.depth > MaxReferenceDepth {
		return "", false, r.refuse(input, "references are nested more than "+strconv.Itoa(MaxReferenceDepth)+" deep",
			"refer to the last property of the chain")
	}
	if value, err = r.resolve(value, next); err != nil {
		return "", false, err
	}
	if r.conf.resolved == nil {
		r.conf.resolved = make(map[string]string)
	}
	r.conf.resolved[name] = value
	return value, true, nil
}

func (r *resolver) refuse(input, message, hint string) error {
	return &ValueError{Key: r.key, Value: input, Message: message, Hint: hint}
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
		from = len(text)
		for i, r := range body {
			if isRegexSpace(r) {
				from = start + 2 + i
				break
			}
			if r == '}' && i > 0 {
				return start, body[:i], i + 3
			}
		}
		// A later start has no brace before the blank either.
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
