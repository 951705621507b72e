// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"slices"
	"testing"
)

// TestLanes: the first lane comes before the other, but not always.
func TestLanes(t *testing.T) {
	lanes := NewLanes[string]()
	for range 3 {
		lanes.PushOther("other")
	}
	for range 6 {
		lanes.PushFirst("first")
	}
	var got []string
	for lanes.Len() > 0 {
		got = append(got, lanes.Pop())
	}
	want := []string{"first", "first", "first", "first", "other", "first", "first", "other", "other"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
