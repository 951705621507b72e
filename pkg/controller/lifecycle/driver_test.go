// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := testStart
	for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		if !p.due(now) {
			t.Fatalf("step %d is not due", i)
		}
		if p = p.done(now); p.next.Sub(now) != want || p.due(now) {
			t.Errorf("step %d: next after %v", i, p.next.Sub(now))
		}
		now = p.next
	}
}
