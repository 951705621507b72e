// SPDX-License-Identifier: Apache-2.0

package reconcile

import "time"

const (
	// FirstPause is the shortest time between two uses of a [Pace].
	FirstPause = 30 * time.Second
	// LongestPause is the longest.
	LongestPause = 5 * time.Minute
)

// Pace spaces out what may be done again and again, such as reading the events of a pod:
// the time between two uses doubles. The zero value is a use that is due.
type Pace struct {
	next  time.Time // zero: never done yet
	pause time.Duration
}

// Next is when the next use is due.
func (p Pace) Next() time.Time { return p.next }

// Due reports whether a use is due.
func (p Pace) Due(now time.Time) bool { return !now.Before(p.next) }

// Done is the pace after a use.
func (p Pace) Done(now time.Time) Pace {
	pause := min(max(2*p.pause, FirstPause), LongestPause)
	return Pace{next: now.Add(pause), pause: pause}
}
