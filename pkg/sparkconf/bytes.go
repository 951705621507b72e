// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"fmt"
	"math"
	"strings"
)

// Unit is a binary unit of memory in bytes (org.apache.spark.network.util.ByteUnit).
type Unit int64

// The units that Spark knows.
const (
	Byte Unit = 1 << (10 * iota)
	KiB
	MiB
	GiB
	TiB
	PiB
)

func (u Unit) String() string {
	switch u {
	case KiB:
		return "KiB"
	case MiB:
		return "MiB"
	case GiB:
		return "GiB"
	case TiB:
		return "TiB"
	case PiB:
		return "PiB"
	default:
		return "BYTE"
	}
}

// unitOf maps a lower-case suffix to its unit. All are binary: "kb" is 1024
// bytes. Spark 4.2 added the forms "ki" and "kib" (SPARK-55051).
func unitOf(suffix string, version Version) (Unit, bool) {
	if version.AtLeast(4, 2) {
		if short := strings.TrimSuffix(strings.TrimSuffix(suffix, "b"), "i"); len(short) == 1 && short != "b" {
			suffix = short
		}
	}
	switch suffix {
	case "b":
		return Byte, true
	case "k", "kb":
		return KiB, true
	case "m", "mb":
		return MiB, true
	case "g", "gb":
		return GiB, true
	case "t", "tb":
		return TiB, true
	case "p", "pb":
		return PiB, true
	}
	return 0, false
}

// ParseBytes parses an amount of memory and converts it to unit, which is also
// the unit of a bare number. A leading minus negates, as typed entries allow it
// (ConfigHelpers.byteFromString); there are no fractions and no blank before
// the suffix. Conversion to a bigger unit truncates; more than 64 bits is an
// error. The errors carry Spark's text.
func ParseBytes(text string, unit Unit, version Version) (int64, error) {
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		amount, err := ParseMemory(rest, unit, version)
		return -amount, err
	}
	return ParseMemory(text, unit, version)
}

// ParseMemory is ParseBytes without the leading minus (JavaUtils.byteStringAs).
func ParseMemory(text string, unit Unit, version Version) (int64, error) {
	lower := TrimSpace(strings.ToLower(text))
	digits := len(lower) - len(strings.TrimLeft(lower, "0123456789"))
	number, suffix := lower[:digits], lower[digits:]
	if number == "" || !lowerLetters(suffix) {
		if fraction, ok := fractionOf(lower); ok {
			return 0, sizeError("Fractional values are not supported. Input was: " + fraction)
		}
		return 0, sizeError("Failed to parse byte string: " + text)
	}
	amount, ok := parseLong(number)
	if !ok {
		return 0, sizeError(NumberFormatMessage(number))
	}
	from := unit
	if suffix != "" {
		if from, ok = unitOf(suffix, version); !ok {
			return 0, sizeError(`Invalid suffix: "` + suffix + `"`)
		}
	}
	if from <= unit {
		return amount / int64(unit/from), nil
	}
	ratio := int64(from / unit)
	if math.MaxInt64/ratio < amount {
		return 0, conversionError(amount, from, version)
	}
	return amount * ratio, nil
}

// sparkError is an error whose text is Spark's.
type sparkError string

func (e sparkError) Error() string { return string(e) }

func sizeError(reason string) error {
	return sparkError("Size must be specified as bytes (b), kibibytes (k), mebibytes (m), gibibytes (g), " +
		"tebibytes (t), or pebibytes(p). E.g. 50b, 100k, or 250m.\n" + reason)
}

func conversionError(amount int64, unit Unit, version Version) error {
	if version.AtLeast(4, 2) {
		return sparkError(fmt.Sprintf("Conversion of %d %s exceeds Long.MAX_VALUE. "+
			"Try a larger unit (e.g. MiB instead of KiB).", amount, unit))
	}
	return sparkError(fmt.Sprintf("Conversion of %d exceeds Long.MAX_VALUE in %s. "+
		"Try a larger unit (e.g. MiB instead of KiB)", amount, unit))
}

// fractionOf returns the number of a text such as "1.5g".
func fractionOf(text string) (string, bool) {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	whole, fraction, found := strings.Cut(number, ".")
	if !found || whole == "" || fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return "", false
	}
	return number, true
}

func lowerLetters(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") == ""
}
