// SPDX-License-Identifier: Apache-2.0

package floor

import (
	"slices"
	"testing"
)

// TestOrder: who is submitted comes first, but not always.
func TestOrder(t *testing.T) {
	var o order
	for range 3 {
		o.add(job{at: submission})
	}
	for range 6 {
		o.add(job{at: end})
	}
	var got []phase
	for !o.empty() {
		got = append(got, o.next().at)
	}
	want := []phase{end, end, end, end, submission, end, end, submission, submission}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
