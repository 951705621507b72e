// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// What SnakeYAML, the parser of Spark's client up to 3.4, takes for numbers
// (org.yaml.snakeyaml.resolver.Resolver).
var (
	yaml11Base    = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*)$`)
	yaml11Minutes = regexp.MustCompile(`^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+$`)
	yaml11Float   = regexp.MustCompile(`^[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9_]*[0-9][0-9_]*)([eE][-+]?[0-9]+)?$|^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$`)
)

// text returns the text that the client makes of a scalar where a text belongs.
// From 3.5 on it is what was written, except for infinity and no number; 3.3 and 3.4
// print what YAML 1.1 takes for a number, and 3.3 knows more words for yes and no.
func (r *typedReader) text(node *yaml.Node) string {
	text := node.Value
	if !isPlain(node) {
		return text
	}
	switch strings.ToLower(text) {
	case ".inf", "+.inf":
		return "Infinity"
	case "-.inf":
		return "-Infinity"
	case ".nan":
		return "NaN"
	}
	if !r.numbers {
		return text
	}
	if value, ok := yaml11Bool(text); ok && (r.yaml11 || strings.EqualFold(text, strconv.FormatBool(value))) {
		return strconv.FormatBool(value)
	}
	if number, ok := yaml11Int(text); ok {
		return number
	}
	if yaml11Float.MatchString(text) {
		if value, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
			return sparkconf.FormatDouble(value)
		}
	}
	return text
}

// yaml11Bool reads the words of SnakeYAML for true and false; y and n are none.
func yaml11Bool(text string) (value, ok bool) {
	switch text {
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true, true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

// yaml11Int returns an integer of YAML 1.1 in decimal digits.
func yaml11Int(text string) (string, bool) {
	const longest = 64 // digits; no field takes more, and reading them takes time
	if len(text) > longest {
		return "", false
	}
	digits := strings.ReplaceAll(text, "_", "")
	negative := strings.HasPrefix(digits, "-")
	digits = strings.TrimLeft(digits, "+-")
	number, ok := new(big.Int), false
	switch {
	case yaml11Base.MatchString(text):
		number, ok = number.SetString(digits, 0)
	case yaml11Minutes.MatchString(text):
		ok = true
		for part := range strings.SplitSeq(digits, ":") {
			value, err := strconv.ParseInt(part, 10, 64)
			if err != nil {
				return "", false
			}
			number.Add(number.Mul(number, big.NewInt(60)), big.NewInt(value))
		}
	}
	if !ok {
		return "", false
	}
	if negative {
		number.Neg(number)
	}
	return number.String(), true
}
