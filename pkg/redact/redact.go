// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

// Mark stands where a secret was.
const Mark = "[redacted]"

// Secrets replaces by Mark what looks like a secret.
func Secrets(text string) string {
	if strings.Contains(text, "-----") {
		text = privateBlocks.replace(text)
	}
	if strings.Contains(text, "@") {
		text = userInfo(text)
		text = accountBeforeHost(text)
	}
	text = assignments(text)
	return tokens(text)
}

// Pattern replaces what a regular expression matches. The text of its first group
// that matched stays, if there is one.
func Pattern(expression *regexp.Regexp) func(string) string {
	return pattern{expression}.replace
}

// Error returns an error with the text of another one after hide was applied to it;
// nil for nil.
func Error(err error, hide func(string) string) error {
	if err == nil {
		return nil
	}
	return &redactedError{text: hide(err.Error()), cause: err}
}

type redactedError struct {
	text  string
	cause error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.cause }

type pattern struct{ *regexp.Regexp }

func (p pattern) replace(text string) string {
	var clean strings.Builder
	done := 0
	for _, match := range p.FindAllStringSubmatchIndex(text, -1) {
		clean.WriteString(text[done:match[0]])
		for group := 2; group < len(match); group += 2 {
			if match[group] >= 0 {
				clean.WriteString(text[match[group]:match[group+1]])
				break
			}
		}
		clean.WriteString(Mark)
		done = match[1]
	}
	clean.WriteString(text[done:])
	return clean.String()
}
