// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"errors"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// Error is the refusal of a submission. Every error of Build is one.
type Error struct {
	// Message is the text with which the real client of that Spark version
	// refuses the same input; where the real client does not refuse, it is ours.
	Message string
	// Key is the property, environment variable or field of Input at fault;
	// empty if no single one is.
	Key string
	// Value is the offending value where it helps and is no secret.
	Value string
	// Hint says how to fix it; empty if Message does.
	Hint string
}

// Error returns the message in one line, then the key and value unless the
// message names them, then the hint. Long texts are shortened.
func (e *Error) Error() string {
	text := sparkconf.Excerpt(e.Message, sparkconf.MaxMessage)
	if e.Key != "" && !strings.Contains(e.Message, e.Key) {
		text += " (" + sparkconf.Excerpt(e.Key, sparkconf.MaxValue)
		if e.Value != "" {
			text += "=" + sparkconf.Excerpt(e.Value, sparkconf.MaxValue)
		}
		text += ")"
	}
	if e.Hint != "" {
		text += "; " + sparkconf.Excerpt(e.Hint, sparkconf.MaxMessage)
	}
	return oneLine(text)
}

// oneLine replaces line breaks, which values and hints may contain.
func oneLine(text string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(text) }

// refuse makes any error of this package's builders an *Error.
func refuse(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var value *sparkconf.ValueError
	if errors.As(err, &value) {
		return &Error{Message: value.Message, Key: value.Key, Value: value.Value, Hint: value.Hint}
	}
	return &Error{Message: err.Error()}
}

// require is the error of a Scala require, which has a prefix of its own.
func require(message, key, value string) error {
	return &Error{Message: "requirement failed: " + message, Key: key, Value: value}
}
