// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"maps"
	"strings"
	"testing"
)

func TestAppendProperties(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"spark.master", "k8s://https://h:6443", `spark.master=k8s\://https\://h\:6443`},
		{"a", `a=b:c#d!e\f`, `a=a\=b\:c\#d\!e\\f`},
		{"a", " lead and trail ", `a=\ lead and trail `},
		{"a", "   three", `a=\   three`},
		{"spark key sp", "v", `spark\ key\ sp=v`},
		{"spark.empty", "", "spark.empty="},
		{"a", "t\tn\nr\rf\f", `a=t\tn\nr\rf\f`},
		{"a", "café 你 😀\x01\u2028", "a=café 你 😀\x01\u2028"},
		{"", "v", "=v"},
		{"#k", `"q" 'q'`, `\#k="q" 'q'`},
	} {
		got := string(AppendProperties([]byte("x"), []Property{{test.key, test.value}}))
		if want := "x" + test.want + "\n"; got != want {
			t.Errorf("AppendProperties(%q=%q) = %q, want %q", test.key, test.value, got, want)
		}
	}
}

// The expectation was produced by java.util.Properties.store.
func TestAppendComment(t *testing.T) {
	got := string(AppendComment(nil, "c\nd\r\n#e\r!f\n"))
	if want := "#c\n#d\n#e\n!f\n#\n"; got != want {
		t.Errorf("AppendComment = %q, want %q", got, want)
	}
}

// The expectations were produced by java.util.Properties.load.
func TestParseProperties(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       map[string]string
	}{
		{"empty", "", map[string]string{}},
		{"blank lines and comments", "\n \t\n# c\\\n  ! c\na=b", map[string]string{"a": "b"}},
		{"separators", "a=1\nb:2\nc 3\nd\t=\t4\ne : 5\nf==6\ng\nh =", map[string]string{
			"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "=6", "g": "", "h": "",
		}},
		{"line ends", "a=1\rb=2\r\nc=3", map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"continuation", "a\\\n  b=c\nd=e\\\r\n\t f\\\ng\n", map[string]string{"ab": "c", "d": "ef" + "g"}},
		{"continued by a comment line", "a=b\\\n#c", map[string]string{"a": "b#c"}},
		{"continued by nothing", "a=b\\\n\nc=d\\", map[string]string{"a": "b", "c": "d"}},
		{"backslash alone", "\\\n\na=b\n\\", map[string]string{"a": "b"}},
		{"no continuation", `a=b\\` + "\nc=d", map[string]string{"a": `b\`, "c": "d"}},
		{"escapes", `\ x=\t\n\r\f\z\=\:\#\!\\`, map[string]string{" x": "\t\n\r\fz=:#!\\"}},
		{"unicode", `k\u0041=v\u00e9 \uD83D\uDE00`, map[string]string{"kA": "vé 😀"}},
		{"escaped separator in key", `a\=b\:c\ d=e`, map[string]string{"a=b:c d": "e"}},
		{"trailing blanks stay", "a=b \t", map[string]string{"a": "b \t"}},
		{"no key", "=v\n:w", map[string]string{"": "w"}},
		{"last wins", "a=1\na=2", map[string]string{"a": "2"}},
	} {
		got, err := ParseProperties(test.text)
		if err != nil || !maps.Equal(got, test.want) {
			t.Errorf("%s: ParseProperties(%q) = %q, %v, want %q", test.name, test.text, got, err, test.want)
		}
	}
	for _, text := range []string{`a=\u00g1`, `\u12=x`, `a=\u`} {
		if got, err := ParseProperties("x=y\n" + text); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("ParseProperties(%q) = %q, %v, want an error in line 2", text, got, err)
		}
	}
}

func TestTrimValue(t *testing.T) {
	if got := TrimValue(" \t\x01a b\r\n \x00"); got != "a b\r\n" {
		t.Errorf("TrimValue = %q", got)
	}
}

func FuzzPropertiesRoundTrip(f *testing.F) {
	f.Add("spark.a", "b", " c ", "\\=\n")
	f.Add("", "", "# x", "é😀\r\f\t")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string) {
		want := map[string]string{key1: value1, key2: value2}
		var properties []Property
		for key, value := range want {
			properties = append(properties, Property{key, value})
		}
		text := AppendProperties(AppendComment(nil, key1+value2), properties)
		got, err := ParseProperties(string(text))
		// An entry of two empty texts is the line "=", which reads back as such.
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%q read back as %q, %v", text, got, err)
		}
	})
}

func FuzzParseProperties(f *testing.F) {
	f.Add("a\\\n b : c\n# d\nk\\u0041=v\\z\\")
	f.Fuzz(func(t *testing.T, text string) {
		properties, err := ParseProperties(text)
		if err != nil {
			return
		}
		var list []Property
		for key, value := range properties {
			list = append(list, Property{key, value})
		}
		again, err := ParseProperties(string(AppendProperties(nil, list)))
		if err != nil || !maps.Equal(properties, again) {
			t.Fatalf("%q is %q, written and read again %q, %v", text, properties, again, err)
		}
	})
}
