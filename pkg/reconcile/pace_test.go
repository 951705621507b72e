// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p Pace
	now := time.Date(2026, 7, 29, 12, 0, 0, 0, time.UTC)
	for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		if !p.Due(now) {
			t.Fatalf("step %d is not due", i)
		}
		if p = p.Done(now); p.Next().Sub(now) != want || p.Due(now) {
			t.Errorf("step %d: next after %v", i, p.Next().Sub(now))
		}
		now = p.Next()
	}
}
