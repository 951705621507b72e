// SPDX-License-Identifier: Apache-2.0

package gauges

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestGaugesAreReadOneByOne: whatever else the document contains is skipped, and a document that
// ends too early is an error.
func TestGaugesAreReadOneByOne(t *testing.T) {
	for document, want := range map[string]string{
		`{"version":"4.0.0","gauges":{"a.b":{"value":1},"c":{"value":"text"},"d":{}},"timers":{"t":{"value":9}}}`: "a.b=1 c=\"text\" d= ",
		`{"gauges":{}}`: "", `{}`: "",
		`{"gauges":{"a":{"value":1}`: "a=1 error", ``: "error", `null`: "error", `[]`: "error", `{"gauges":[]}`: "error", `{"gauges":{"a":1}}`: "error",
	} {
		var got strings.Builder
		err := Read(strings.NewReader(document), func(name string, value json.RawMessage) error {
			fmt.Fprintf(&got, "%s=%s ", name, value)
			return nil
		})
		if err != nil {
			got.WriteString("error")
		}
		if got.String() != want {
			t.Errorf("%s: %s, want %s (%v)", document, &got, want, err)
		}
	}
}

// TestErrorOfTheCallerEndsTheReading: nothing is read after it.
func TestErrorOfTheCallerEndsTheReading(t *testing.T) {
	enough, calls := errors.New("enough"), 0
	err := Read(strings.NewReader(`{"gauges":{"a":{},"b":{}}}`), func(string, json.RawMessage) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d gauges", err, calls)
	}
}
