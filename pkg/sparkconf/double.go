// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"math"
	"strconv"
	"strings"
)

// FormatDouble prints a number as java.lang.Double.toString does: plain with at
// least one digit after the point from 1e-3 up to 1e7, otherwise in the form
// 1.0E-4. The digits are the shortest that read back as the same number, as
// in Java 19 and newer.
func FormatDouble(value float64) string {
	switch {
	case math.IsNaN(value):
		return "NaN"
	case math.IsInf(value, 1):
		return "Infinity"
	case math.IsInf(value, -1):
		return "-Infinity"
	case value == 0:
		if math.Signbit(value) {
			return "-0.0"
		}
		return "0.0"
	}
	if magnitude := math.Abs(value); magnitude >= 1e-3 && magnitude < 1e7 {
		text := strconv.FormatFloat(value, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(value, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	power, _ := strconv.Atoi(exponent) // always a small integer: Go printed it
	return mantissa + "E" + strconv.Itoa(power)
}
