// SPDX-License-Identifier: Apache-2.0

package decode_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/decode"
)

type object struct {
	Name  string   `json:"name"`
	Parts []object `json:"parts"`
	Count int32    `json:"count"`
}

func TestStrictNamesUnknownFields(t *testing.T) {
	var into object
	unknown, err := decode.Strict([]byte(`{"name":"a","parts":[{"Name":"b"},{"count":1,"colour":{"x":1}}]}`), &into)
	if want := []string{"parts[0].Name", "parts[1].colour"}; err != nil || !slices.Equal(unknown, want) {
		t.Errorf("unknown %q, error %v; want %q", unknown, err, want)
	}
	if into.Parts[1].Count != 1 {
		t.Errorf("decoded %+v", into)
	}
}

func TestStrictNamesTheFieldThatDoesNotFit(t *testing.T) {
	for text, want := range map[string]string{
		`{"parts":[{},{"parts":[{"count":"1"}]}]}`: "parts[1].parts[0].count: cannot unmarshal string into int32",
		`{"parts":{}}`:         "parts: cannot unmarshal object",
		`{"count":3000000000}`: "count: cannot unmarshal number 3000000000 into int32",
		`{`:                    "unexpected end of JSON input",
		`7`:                    "cannot unmarshal number",
	} {
		var into object
		_, err := decode.Strict([]byte(text), &into)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
