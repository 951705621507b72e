// SPDX-License-Identifier: Apache-2.0

package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestElementsAreReadOneByOne: each starts empty, and a document that ends too early, goes on or
// has an element without an end is an error.
func TestElementsAreReadOneByOne(t *testing.T) {
	type element struct {
		A int
		B []int
	}
	for document, want := range map[string]string{
		`[{"a":1,"b":[1,2]},{"a":2},{}]` + "\n": "{1 [1 2]}{2 []}{0 []}",
		`[]`:                                    "",
		`[{"a":1}`:                              "{1 []}" + ErrMalformed.Error(),
		`[{"a":1}]]`:                            "{1 []}" + ErrMalformed.Error(),
		`[{"a":1}][`:                            "{1 []}" + ErrMalformed.Error(),
		`[{"a":"SECRET"}]`:                      ErrMalformed.Error(),
		``:                                      ErrMalformed.Error(),
		`null`:                                  ErrMalformed.Error(),
		`{}`:                                    ErrMalformed.Error(),
		strings.Repeat("[", 100_000):            ErrMalformed.Error(),
		`[{"c":"` + strings.Repeat("c", maxElement) + `"}]`: ErrMalformed.Error(),
	} {
		var got strings.Builder
		if err := List(strings.NewReader(document), func(e *element) { fmt.Fprint(&got, *e) }); err != nil {
			got.WriteString(err.Error())
		}
		if got.String() != want {
			t.Errorf("%.40s: %s, want %s", document, &got, want)
		}
	}
}

// TestGaugesAreReadOneByOne: whatever else the document contains is skipped.
func TestGaugesAreReadOneByOne(t *testing.T) {
	for document, want := range map[string]string{
		`{"version":"4.0.0","gauges":{"a.b":{"value":1},"c":{"value":"text"},"d":{}},"timers":{"t":{"value":9}}}`: "a.b=1 c=\"text\" d= ",
		`{"gauges":{}}`: "", `{}`: "",
		`{"gauges":{"a":{"value":1}`: "a=1 malformed", ``: "malformed", `null`: "malformed", `[]`: "malformed", `{}]`: "malformed", `{}{}`: "malformed", `{"gauges":[]}`: "malformed", `{"gauges":{"a":1}}`: "malformed",
	} {
		var got strings.Builder
		err := Gauges(strings.NewReader(document), func(name string, value json.RawMessage) error {
			fmt.Fprintf(&got, "%s=%s ", name, value)
			return nil
		})
		if errors.Is(err, ErrMalformed) {
			got.WriteString("malformed")
		}
		if got.String() != want {
			t.Errorf("%s: %s, want %s (%v)", document, &got, want, err)
		}
	}
}

// TestErrorsOfOthersAreKept: that of the reader says more than that the document ends there, and
// after one of the caller, nothing is read.
func TestErrorsOfOthersAreKept(t *testing.T) {
	broken := errors.New("broken")
	for _, begin := range []string{"", "[", "[1,", "[1]", "{", `{"gauges":{`, `{"gauges":{}}`} {
		reader := func() io.Reader { return io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken)) }
		err := List(reader(), func(*int) {})
		if strings.HasPrefix(begin, "{") {
			err = Gauges(reader(), func(string, json.RawMessage) error { return nil })
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", begin, err)
		}
	}
	enough, calls := errors.New("enough"), 0
	err := Gauges(strings.NewReader(`{"gauges":{"a":{},"b":{}}}`), func(string, json.RawMessage) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d gauges", err, calls)
	}
}
