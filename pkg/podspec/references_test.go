// SPDX-License-Identifier: Apache-2.0

package podspec_test

import (
	"slices"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// References are read as the kubelet reads them.
func TestReferences(t *testing.T) {
	for value, test := range map[string]struct {
		names    []string
		resolved string // with A known
		expands  bool
	}{
		"":              {resolved: ""},
		"plain $A ${A}": {resolved: "plain $A ${A}"},
		"$(A)":          {names: []string{"A"}, resolved: "<1$$>", expands: true},
		"x-$(A)-$(B)":   {names: []string{"A", "B"}, resolved: "x-<1$$>-$(B)", expands: true},
		"$$(A)":         {resolved: "$$(A)", expands: true},
		"$$$(A)":        {names: []string{"A"}, resolved: "$$<1$$>", expands: true},
		"$$$$(A)":       {resolved: "$$$$(A)", expands: true},
		"$(A":           {resolved: "$(A", expands: true},
		"a$":            {resolved: "a$"},
		"$x$(A)":        {names: []string{"A"}, resolved: "$x<1$$>", expands: true},
		"$($(A))":       {names: []string{"$(A"}, resolved: "$($(A))", expands: true},
		"$()":           {names: []string{""}, resolved: "$()", expands: true},
		"a)$(A)b)":      {names: []string{"A"}, resolved: "a)<1$$>b)", expands: true},
	} {
		if got := podspec.References(value); !slices.Equal(got, test.names) {
			t.Errorf("%s refers to %q, want %q", value, got, test.names)
		}
		got := podspec.Resolve(value, func(name string) (string, bool) { return "<1$>", name == "A" })
		if got != test.resolved {
			t.Errorf("%s is resolved to %s, want %s", value, got, test.resolved)
		}
		if got := podspec.Expands(value); got != test.expands {
			t.Errorf("%s expands: %t", value, got)
		}
	}
}
