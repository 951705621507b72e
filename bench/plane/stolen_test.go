// SPDX-License-Identifier: Apache-2.0

package plane

import "testing"

func TestStolenSince(t *testing.T) {
	before, err := parseProcessors("cpu  100 10 20 300 5 0 5 60 7 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseProcessors("cpu  150 10 30 320 5 0 5 80 57 0\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := after.StolenSince(before); got != 0.2 {
		t.Errorf("stolen: %v, want 0.2 (20 of 100 ticks)", got)
	}
	if got := before.StolenSince(before); got != 0 {
		t.Errorf("stolen in no time: %v", got)
	}
	for _, stat := range []string{"", "cpu 1 2 3", "cpu 1 2 3 4 5 6 7 x", "intr 1 2 3 4 5 6 7 8"} {
		if _, err := parseProcessors(stat); err == nil {
			t.Errorf("%q: no error", stat)
		}
	}
	if _, err := ReadProcessors(); err != nil {
		t.Error(err)
	}
}
