// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"fmt"
	"strings"
)

// ValueError says that the value of a property cannot be used. Message is
// Spark's own text, in the wording of the version that reads the property.
type ValueError struct {
	// Key is the property.
	Key string
	// Value is the offending value after substitution.
	Value string
	// Message is the text of the exception that Spark throws.
	Message string
	// Hint says how to fix it if Message does not.
	Hint string
}

// Lengths in bytes to which messages quote what a user wrote.
const (
	MaxMessage = 1024
	MaxValue   = 256
)

// Error returns Message in one line; if Message does not name the property, the
// property follows, and then the hint. Long texts are shortened.
func (e *ValueError) Error() string {
	text := Excerpt(e.Message, MaxMessage)
	if !strings.Contains(e.Message, e.Key) {
		text = fmt.Sprintf("%s (%s=%s)", text, Excerpt(e.Key, MaxValue), Excerpt(e.Value, MaxValue))
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
}

// Error classes replaced the plain texts in Spark 4.1.
func (c *Conf) errorClasses() bool { return c.version.AtLeast(4, 1) }

// mismatch is the error for a value that is not of the entry's type, one of
// "int", "long", "double", "boolean" and, from 4.1 on, "bytes in MiB"
// (ConfigHelpers). Of an entry that falls back to another one Spark names the
// other one.
func (c *Conf) mismatch(key, value, typeName string) error {
	named := key
	for next := fallbackKey(named); next != ""; next = fallbackKey(named) {
		named = next
	}
	if !c.Contains(key) {
		key = named // where the value comes from
	}
	message := fmt.Sprintf("%s should be %s, but was %s", named, typeName, value)
	if c.errorClasses() {
		message = fmt.Sprintf("[INVALID_CONF_VALUE.TYPE_MISMATCH] The value '%s' in the config \"%s\" is invalid. "+
			"It should be a/an '%s' value. SQLSTATE: 22022", value, named, typeName)
	}
	return &ValueError{Key: key, Value: value, Message: message}
}

// Requirement is the error for a value that parses but is refused
// (TypedConfigBuilder.checkValue). Value is the parsed value in Java's notation.
func (c *Conf) Requirement(key, value, requirement string) error {
	message := fmt.Sprintf("'%s' in %s is invalid. %s", value, key, requirement)
	if c.errorClasses() {
		message = fmt.Sprintf("[INVALID_CONF_VALUE.REQUIREMENT] The value '%s' in the config \"%s\" is invalid. %s SQLSTATE: 22022",
			value, key, requirement)
	}
	return &ValueError{Key: key, Value: value, Message: message}
}

// optionError is the error for a value outside of a fixed set
// (TypedConfigBuilder.checkValues).
func (c *Conf) optionError(key, value string, options []string) error {
	all := strings.Join(options, ", ")
	message := fmt.Sprintf("The value of %s should be one of %s, but was %s", key, all, value)
	if c.errorClasses() {
		message = fmt.Sprintf("[INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS] The value '%s' in the config \"%s\" is invalid. "+
			"It should be one of '%s'. SQLSTATE: 22022", value, key, all)
	}
	return &ValueError{Key: key, Value: value, Message: message}
}
