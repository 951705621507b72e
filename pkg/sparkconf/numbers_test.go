// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"math"
	"strings"
	"testing"
)

// The expectations of this file were produced by Java 17 and by
// org.apache.spark.network.util.JavaUtils of the versions named.

func TestParseMemory(t *testing.T) {
	for _, test := range []struct {
		text    string
		version string
		want    int64 // in MiB
		message string
	}{
		{"2048", "3.3.4", 2048, ""},
		{"1500k", "3.5.9", 1, ""},
		{"100k", "3.5.9", 0, ""},
		{" 2GB ", "3.5.9", 2048, ""},
		{"1t", "4.0.5", 1 << 20, ""},
		{"1pb", "4.1.4", 1 << 30, ""},
		{"3b", "4.1.4", 0, ""},
		{"1kib", "4.3.0", 0, ""},
		{"2gi", "4.2.1", 2048, ""},
		{"2GiB", "4.3.0", 2048, ""},
		{"1tib", "4.3.0", 1 << 20, ""},
		{"2gi", "4.1.4", 0, `Invalid suffix: "gi"`},
		{"1bi", "4.3.0", 0, `Invalid suffix: "bi"`},
		{"1ei", "4.3.0", 0, `Invalid suffix: "ei"`},
		{"1xb", "4.3.0", 0, `Invalid suffix: "xb"`},
		{"1.5g", "4.3.0", 0, "Fractional values are not supported. Input was: 1.5"},
		{"1.5gib", "4.3.0", 0, "Fractional values are not supported. Input was: 1.5"},
		{"1.5 g", "4.3.0", 0, "Failed to parse byte string: 1.5 g"},
		{".5g", "4.3.0", 0, "Failed to parse byte string: .5g"},
		{"1.g", "4.3.0", 0, "Failed to parse byte string: 1.g"},
		{"1 g", "4.3.0", 0, "Failed to parse byte string: 1 g"},
		{"-1", "4.3.0", 0, "Failed to parse byte string: -1"},
		{"x", "4.3.0", 0, "Failed to parse byte string: x"},
		{"", "4.3.0", 0, "Failed to parse byte string: "},
		{"99999999999999999999g", "4.3.0", 0, `For input string: "99999999999999999999"`},
		{"9999999999p", "4.1.4", 0, "Conversion of 9999999999 exceeds Long.MAX_VALUE in PiB. Try a larger unit (e.g. MiB instead of KiB)"},
		{"9999999999p", "4.3.0", 0, "Conversion of 9999999999 PiB exceeds Long.MAX_VALUE. Try a larger unit (e.g. MiB instead of KiB)."},
	} {
		got, err := ParseMemory(test.text, MiB, mustVersion(t, test.version))
		switch {
		case test.message == "" && (err != nil || got != test.want):
			t.Errorf("%s: ParseMemory(%q) = %d, %v, want %d", test.version, test.text, got, err, test.want)
		case test.message != "" && (err == nil || !strings.HasSuffix(err.Error(), test.message)):
			t.Errorf("%s: ParseMemory(%q) = %d, %v, want the error %q", test.version, test.text, got, err, test.message)
		}
	}
}

func TestParseBytesNegative(t *testing.T) {
	if got, err := ParseBytes("-2g", MiB, Version{}); err != nil || got != -2048 {
		t.Errorf("ParseBytes(-2g) = %d, %v", got, err)
	}
	if got, err := ParseBytes("--2g", MiB, Version{}); err == nil {
		t.Errorf("ParseBytes(--2g) = %d, want an error", got)
	}
}

func TestUnitNames(t *testing.T) {
	for unit, want := range map[Unit]string{Byte: "BYTE", KiB: "KiB", MiB: "MiB", GiB: "GiB", TiB: "TiB", PiB: "PiB"} {
		if unit.String() != want {
			t.Errorf("%d = %s, want %s", unit, unit, want)
		}
	}
}

func TestParseDouble(t *testing.T) {
	for text, want := range map[string]float64{
		"1": 1, "+1": 1, "1f": 1, "1d": 1, ".5": .5, "5.": 5, "1e5": 1e5, "1e+5": 1e5, "1E-1": .1,
		"0x1p3": 8, "0x1.8p1": 3, "0x1p3f": 8, "0x1.p1": 2, "0xfp1d": 30,
		"Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "1e400": math.Inf(1), "-1e400": math.Inf(-1), "1e-400": 0,
	} {
		if got, ok := ParseDouble(text); !ok || got != want {
			t.Errorf("ParseDouble(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
	if got, ok := ParseDouble(" 1\t"); !ok || got != 1 {
		t.Errorf("blanks around are not ignored: %v, %v", got, ok)
	}
	for _, text := range []string{"NaN", "-NaN", "+NaN"} {
		if got, ok := ParseDouble(text); !ok || !math.IsNaN(got) {
			t.Errorf("ParseDouble(%q) = %v, %v, want NaN", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "+", "-", "inf", "infinity", "nan", "1fd", "1_0", "1L", "1e", "--1", "+-1", "0x1", "0x1p", "0x.p1",
		"0b1", "1 0", "10%", "٣", "f", ".", "e5", "0x_1p1", "0x1p1_0",
	} {
		if got, ok := ParseDouble(text); ok {
			t.Errorf("ParseDouble(%q) = %v, want a refusal", text, got)
		}
	}
}

func TestFormatDouble(t *testing.T) {
	for want, value := range map[string]float64{
		"0.1": .1, "0.4": .4, "2.0": 2, "1.0E-4": 1e-4, "0.001": 1e-3, "9.99E-4": 9.99e-4, "1.0E7": 1e7,
		"9999999.0": 9999999, "1.2345678E7": 12345678, "1.23456789012E11": 123456789012, "1.0E21": 1e21,
		"0.3333333333333333": 1. / 3, "-0.0": math.Copysign(0, -1), "0.0": 0, "1.7976931348623157E308": math.MaxFloat64,
		"-1.5": -1.5, "NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "100.0": 100,
	} {
		if got := FormatDouble(value); got != want {
			t.Errorf("FormatDouble(%g) = %s, want %s", value, got, want)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int32{"+1": 1, "-1": -1, "00012": 12, "-2147483648": math.MinInt32} {
		if got, ok := ParseInt(text); !ok || got != want {
			t.Errorf("ParseInt(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "+", "-", "1_0", "2147483648", "+-1", " 1", "1.0", "0x1"} {
		if got, ok := ParseInt(text); ok {
			t.Errorf("ParseInt(%q) = %d, want a refusal", text, got)
		}
	}
}

func FuzzParseMemory(f *testing.F) {
	for _, seed := range []string{"1g", "1500k", "2GiB", "1.5g", "-1", "9999999999p", " 7 ", "K"} {
		f.Add(seed)
	}
	versions := []Version{mustVersion(f, "3.3.4"), mustVersion(f, "4.3.0")}
	f.Fuzz(func(t *testing.T, text string) {
		for _, version := range versions {
			inBytes, err := ParseMemory(text, Byte, version)
			if err != nil {
				continue
			}
			if inBytes < 0 {
				t.Fatalf("ParseMemory(%q) = %d", text, inBytes)
			}
			// A suffix fixes the amount: a bigger unit only truncates it.
			trimmed := TrimSpace(text)
			if last := trimmed[len(trimmed)-1]; last < '0' || last > '9' {
				mib, err := ParseMemory(text, MiB, version)
				if err != nil || mib != inBytes>>20 {
					t.Fatalf("ParseMemory(%q) = %d bytes but %d MiB, %v", text, inBytes, mib, err)
				}
			}
		}
	})
}

func FuzzDouble(f *testing.F) {
	for _, seed := range []string{"0.1", "1e-4", "0x1.8p1", "12345678", "-0", "1e23", "5e-324", "NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := ParseDouble(text)
		if !ok {
			return
		}
		printed := FormatDouble(value)
		again, ok := ParseDouble(printed)
		if !ok || again != value && !(math.IsNaN(again) && math.IsNaN(value)) {
			t.Fatalf("%q is %v, printed %q, which is %v, %v", text, value, printed, again, ok)
		}
	})
}
