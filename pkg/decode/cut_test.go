// SPDX-License-Identifier: Apache-2.0

package decode_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/decode"
)

func TestCutTakesTheFieldAtThePath(t *testing.T) {
	for _, test := range []struct{ text, rest, value string }{
		{`{"a":{"b":{"c":[1,"}"]}},"d":2}`, `{"a":{"b":null},"d":2}`, `{"c":[1,"}"]}`},
		{` { "x" : "a" , "a" : { "b" : 12 } } `, ` { "x" : "a" , "a" : { "b" : null } } `, `12`},
		{`{"b":1,"a":[{"b":2}],"x":{"a":{"b":3}}}`, `{"b":1,"a":[{"b":2}],"x":{"a":{"b":3}}}`, ``},
		{`{"a":{"x":"\"b\":1","b":"\\\"","c":"\\"}}`, `{"a":{"x":"\"b\":1","b":null,"c":"\\"}}`, `"\\\""`},
		{`{"a":{"c":{"b":1},"b":null}}`, `{"a":{"c":{"b":1},"b":null}}`, `null`},
		{`{"a":{"b":true}}`, `{"a":{"b":null}}`, `true`},
		{`{"a":7}`, `{"a":7}`, ``},
		{`{}`, `{}`, ``},
		{`[{"a":{"b":1}}]`, `[{"a":{"b":1}}]`, ``},
		{`{"c":{"b":{}},"a":{"z":{"b":1}},"b":{"b":1}}`, `{"c":{"b":{}},"a":{"z":{"b":1}},"b":{"b":1}}`, ``},
	} {
		rest, value := decode.Cut([]byte(test.text), "a", "b")
		if string(rest) != test.rest || string(value) != test.value {
			t.Errorf("%s: %s and %s, want %s and %s", test.text, rest, value, test.rest, test.value)
		}
	}
}

func TestFieldsHaveTheirKeysWithoutEscapes(t *testing.T) {
	got := decode.Fields([]byte(`{"plain":1,"a\"b":{"c":2},"\u003ckey\u003e":"\\"}`))
	want := map[string]json.RawMessage{"plain": []byte("1"), `a"b`: []byte(`{"c":2}`), "<key>": []byte(`"\\"`)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzCut: of any object the parts are what a decoder finds, and of any other text Cut
// returns something.
func FuzzCut(f *testing.F) {
	for _, text := range []string{`{"a":{"b":[{}],"c":""}}`, `{"a":{"b":"\\"}}`, `{"a":{"b":`, `{"a":}`, `{"a":{"b":"`, `}{"a":1`, `{"a":{"b":1.5e3 }}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rest, value := decode.Cut([]byte(text), "a", "b")
		var whole map[string]any
		if json.Unmarshal([]byte(text), &whole) != nil {
			return
		}
		var left map[string]any
		if err := json.Unmarshal(rest, &left); err != nil {
			t.Fatalf("%s: the rest is %s: %v", text, rest, err)
		}
		outer, _ := whole["a"].(map[string]any)
		before, given := outer["b"]
		if value == nil || !given || strings.Count(text, `"b"`) != 1 { // it is not there, its key has escapes, or there are several
			return
		}
		var cut any
		if err := json.Unmarshal(value, &cut); err != nil || !reflect.DeepEqual(cut, before) {
			t.Fatalf("%s: the value is %s: %v", text, value, err)
		}
		if outer["b"] = nil; !reflect.DeepEqual(left, whole) {
			t.Errorf("%s: the rest is %s", text, rest)
		}
	})
}
