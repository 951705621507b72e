// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// String returns the value of a typed entry: the key, else a deprecated key,
// else the entry it falls back to, else its default, with references resolved.
// ok is false if there is none of these. An error is a circular reference or
// one that needs a Java virtual machine.
func (c *Conf) String(key string) (value string, ok bool, err error) {
	for entry := key; entry != ""; entry = fallbackKey(entry) {
		if raw, found := c.Raw(entry); found {
			value, err = c.substitute(entry, raw)
			return value, err == nil, err
		}
		if text, found := defaultValue(entry, c.version); found {
			return text, true, nil
		}
	}
	return "", false, nil
}

// Int reads a 32-bit integer as java.lang.Integer.parseInt does after trimming.
func (c *Conf) Int(key string) (value int32, ok bool, err error) {
	text, ok, err := c.String(key)
	if !ok {
		return 0, false, err
	}
	if value, ok = ParseInt(TrimSpace(text)); !ok {
		return 0, false, c.mismatch(key, text, "int")
	}
	return value, true, nil
}

// Long reads a 64-bit integer as java.lang.Long.parseLong does after trimming.
func (c *Conf) Long(key string) (value int64, ok bool, err error) {
	text, ok, err := c.String(key)
	if !ok {
		return 0, false, err
	}
	if value, ok = parseLong(TrimSpace(text)); !ok {
		return 0, false, c.mismatch(key, text, "long")
	}
	return value, true, nil
}

// Double reads a number as java.lang.Double.parseDouble does.
func (c *Conf) Double(key string) (value float64, ok bool, err error) {
	text, ok, err := c.String(key)
	if !ok {
		return 0, false, err
	}
	if value, ok = ParseDouble(text); !ok {
		return 0, false, c.mismatch(key, text, "double")
	}
	return value, true, nil
}

// Bool reads "true" or "false" in any letter case.
func (c *Conf) Bool(key string) (value, ok bool, err error) {
	text, ok, err := c.String(key)
	if !ok {
		return false, false, err
	}
	if value, ok = ParseBool(text); !ok {
		return false, false, c.mismatch(key, text, "boolean")
	}
	return value, true, nil
}

// MiB reads an amount of memory whose own unit is MiB, such as
// spark.driver.memory: "2g", "512m", or a bare number of MiB. Smaller units are
// truncated to whole MiB.
func (c *Conf) MiB(key string) (value int64, ok bool, err error) {
	text, ok, err := c.String(key)
	if !ok {
		return 0, false, err
	}
	value, err = ParseBytes(text, MiB, c.version)
	switch {
	case err == nil:
		return value, true, nil
	case c.errorClasses():
		return 0, false, c.mismatch(key, text, "bytes in MiB")
	}
	return 0, false, &ValueError{Key: key, Value: text, Message: err.Error()}
}

// List reads a comma-separated list; parts are trimmed and empty ones dropped.
func (c *Conf) List(key string) ([]string, error) {
	text, ok, err := c.String(key)
	if !ok {
		return nil, err
	}
	return SplitList(text), nil
}

// OneOf reads a value that must equal one of the options.
func (c *Conf) OneOf(key string, options ...string) (value string, ok bool, err error) {
	value, ok, err = c.String(key)
	if !ok {
		return "", false, err
	}
	if !slices.Contains(options, value) {
		return "", false, c.optionError(key, value, options)
	}
	return value, true, nil
}

// RawInt reads an integer without substitution and without trimming
// (SparkConf.getInt); fallback is used if the key is not set.
func (c *Conf) RawInt(key string, fallback int32) (int32, error) {
	text, ok := c.Raw(key)
	if !ok {
		return fallback, nil
	}
	value, ok := ParseInt(text)
	if !ok {
		return 0, &ValueError{
			Key: key, Value: text,
			Message: "Illegal value for config key " + key + ": " + NumberFormatMessage(text),
		}
	}
	return value, nil
}

// NumberFormatMessage is the text of Java's NumberFormatException for an integer.
func NumberFormatMessage(text string) string { return `For input string: "` + text + `"` }

// SplitList splits at commas, trims the parts and drops empty ones
// (Utils.stringToSeq).
func SplitList(text string) []string {
	if text == "" {
		return nil
	}
	parts := make([]string, 0, 1+strings.Count(text, ","))
	for part := range strings.SplitSeq(text, ",") {
		if part = TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// TrimSpace removes leading and trailing characters up to and including U+0020,
// as java.lang.String.trim does. It leaves other Unicode blanks alone.
func TrimSpace(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
}

// ParseInt parses as java.lang.Integer.parseInt: ASCII digits with an optional
// sign, no blanks.
func ParseInt(text string) (int32, bool) {
	value, ok := parseDecimal(text, 32)
	return int32(value), ok
}

func parseLong(text string) (int64, bool) { return parseDecimal(text, 64) }

// parseDecimal is strconv.ParseInt: in base 10 it takes the same texts as Java
// (one optional sign, digits, no underscores).
func parseDecimal(text string, bits int) (int64, bool) {
	value, err := strconv.ParseInt(text, 10, bits)
	return value, err == nil
}

// ParseBool parses as Scala's String.toBoolean does after trimming.
func ParseBool(text string) (value, ok bool) {
	text = TrimSpace(text)
	switch {
	case strings.EqualFold(text, "true"):
		return true, true
	case strings.EqualFold(text, "false"):
		return false, true
	}
	return false, false
}

// ParseDouble parses as java.lang.Double.parseDouble: blanks around are ignored,
// a trailing f or d is allowed, "NaN" and "Infinity" are exact, numbers out of
// range become infinite or zero.
func ParseDouble(text string) (float64, bool) {
	text = TrimSpace(text)
	unsigned := strings.TrimPrefix(text, "-")
	if len(unsigned) == len(text) {
		unsigned = strings.TrimPrefix(text, "+")
	}
	if unsigned != "NaN" && unsigned != "Infinity" {
		hex := strings.HasPrefix(unsigned, "0x") || strings.HasPrefix(unsigned, "0X")
		if !javaFloatShape(unsigned, hex) {
			return 0, false
		}
		// In a hexadecimal number f and d are digits before the exponent; after
		// "p", which is mandatory, they are the suffix as elsewhere.
		text = strings.TrimRight(text, "fFdD")
	}
	if unsigned == "NaN" {
		text = "NaN" // Go knows no signed NaN
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return value, true
}

// javaFloatShape keeps out what strconv accepts and Java does not ("inf", "1_0",
// several suffixes) and needs no more than that.
func javaFloatShape(text string, hex bool) bool {
	if text == "" {
		return false
	}
	body := text
	if hex {
		exponent := strings.LastIndexAny(text, "pP")
		if exponent < 0 {
			return false
		}
		body = text[exponent+1:]
		if strings.ContainsAny(text[:exponent], "_+-") {
			return false
		}
	}
	if n := len(body); n > 0 && strings.ContainsRune("fFdD", rune(body[n-1])) {
		body = body[:n-1]
	}
	for _, r := range body {
		if (r < '0' || r > '9') && !strings.ContainsRune(".eE+-", r) {
			return false
		}
	}
	return body != ""
}
