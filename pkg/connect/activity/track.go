// SPDX-License-Identifier: Apache-2.0

package activity

import "time"

// Track is what the probes of one server pod showed so far. The zero value, or one with
// LastActivity alone, is that of a server that was not probed yet.
type Track struct {
	// LastActivity is when the server was last seen in use. Whatever is in doubt counts as
	// use. It never moves back.
	LastActivity time.Time
	// At is when the latest probe began.
	At time.Time
	// Failures is how many probes failed in a row up to the latest one.
	Failures int
	// Reading is that of the latest probe that succeeded, and Known is set once there is one.
	Reading Reading
	Known   bool
}

// Succeeded returns the track after a probe that began at a time. The first one shows no
// change of counters, so it counts as use unless the server reports the times of all use;
// trusted says that the clock by which it does goes right.
func (t Track) Succeeded(at time.Time, r Reading, trusted bool) Track {
	switch {
	case r.Busy(), t.Known && r.counters() != t.Reading.counters():
		t.see(at)
	case r.Connect.Dated && trusted && (t.Known || !r.Streamed):
		latest := r.Connect.Latest
		if latest.After(at) {
			latest = at
		}
		t.see(latest)
	case !t.Known:
		t.see(at)
	}
	t.At, t.Failures, t.Reading, t.Known = at, 0, r, true
	return t
}

// Failed returns the track after a probe that began at a time and failed.
func (t Track) Failed(at time.Time) Track {
	t.see(at)
	t.At = at
	t.Failures++
	return t
}

func (t *Track) see(at time.Time) {
	if at.After(t.LastActivity) {
		t.LastActivity = at
	}
}

// IdleAt is when the server has been out of use for a timeout, unless it is used before;
// false while the latest probe failed, or none was made.
func (t Track) IdleAt(timeout time.Duration) (time.Time, bool) {
	return t.LastActivity.Add(timeout), t.Known && t.Failures == 0
}

// Confirmed reports whether the latest probe, which began after the timeout, found the
// server still out of use, not longer than age ago.
func (t Track) Confirmed(timeout time.Duration, now time.Time, age time.Duration) bool {
	idleAt, known := t.IdleAt(timeout)
	return known && !t.At.Before(idleAt) && !now.Before(t.At) && now.Sub(t.At) <= age
}
