// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"math/bits"
	"time"
)

// Schedule is a parsed schedule: a set of times. It is not changed after
// [Parse], so it may be shared.
type Schedule struct {
	text string // as it was written, without time zone and superfluous blanks
	zone *time.Location

	// every is the interval of "@every", in whole seconds; else 0.
	every  time.Duration
	origin time.Time

	minutes, hours, daysOfMonth, months, daysOfWeek set
	// A day has to match both fields of days if one of them is a wildcard, else one
	// of them is enough.
	anyDayOfMonth, anyDayOfWeek bool
}

// Zone is the time zone of the schedule.
func (s *Schedule) Zone() *time.Location { return s.zone }

// Anchored returns the schedule with the times of its interval counted from
// origin, the first one being a full interval later. It changes nothing for
// schedules with five fields. Fractions of a second are dropped.
func (s *Schedule) Anchored(origin time.Time) *Schedule {
	anchored := *s
	anchored.origin = origin
	return &anchored
}

// Next returns the first time after t. It is always in whole seconds.
func (s *Schedule) Next(t time.Time) time.Time {
	if s.every > 0 {
		return s.nextMultiple(t)
	}
	t = t.In(s.zone)
	_, offset := t.Zone()
	begin, end := sameOffset(t)

	from := onClock(t, offset).Truncate(time.Minute).Add(time.Minute)
	if !begin.IsZero() {
		if before := offsetBefore(begin); before > offset && !s.unaffectedBy(offset-before) {
			// What the clock shows between begin and this time was there before.
			from = later(from, ceilMinute(onClock(begin, before)))
		}
	}
	label := s.nextLabel(from)
	for !label.IsZero() {
		if at := label.Add(-seconds(offset)).In(s.zone); end.IsZero() || at.Before(end) {
			return at
		}
		// The clock is changed before it shows the label.
		change := end
		before := offset
		_, offset = change.Zone()
		if after := onClock(change, offset); s.unaffectedBy(offset - before) {
			label = s.nextLabel(ceilMinute(after))
		} else if label.Before(after) {
			return change // skipped by the change
		}
		_, end = sameOffset(change)
	}
	return time.Time{}
}

// unaffectedBy reports whether a change of the clock by that many seconds
// neither skips nor repeats a run.
func (s *Schedule) unaffectedBy(shift int) bool {
	const everyHour = set(1<<24 - 1)
	return s.hours == everyHour && shift%3600 == 0
}

// nextMultiple returns the first multiple of the interval after t.
func (s *Schedule) nextMultiple(t time.Time) time.Time {
	every := int64(s.every / time.Second)
	origin := s.origin.Unix()
	passed := t.Unix() - origin
	multiple := int64(1)
	if passed >= every {
		multiple = passed/every + 1
	}
	return time.Unix(origin+multiple*every, 0).In(s.zone)
}

// nextLabel returns the first time not before from that matches the five fields,
// or the zero time if there is none. Both are what a clock shows, written as UTC,
// in whole minutes.
func (s *Schedule) nextLabel(from time.Time) time.Time {
	// The 29th of February can be eight years away, as from 2096 to 2104.
	lastYear := from.Year() + 8
	hour, minute := from.Hour(), from.Minute()
	for day := from; day.Year() <= lastYear; hour, minute = 0, 0 {
		year, month, number := day.Date()
		if !s.months.has(int(month)) {
			day = time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if s.matchesDay(number, day.Weekday()) {
			if hour, minute, found := s.nextClock(hour, minute); found {
				return time.Date(year, month, number, hour, minute, 0, 0, time.UTC)
			}
		}
		day = time.Date(year, month, number+1, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}
}

func (s *Schedule) matchesDay(ofMonth int, ofWeek time.Weekday) bool {
	month, week := s.daysOfMonth.has(ofMonth), s.daysOfWeek.has(int(ofWeek))
	if s.anyDayOfMonth || s.anyDayOfWeek {
		return month && week
	}
	return month || week
}

// nextClock returns the first matching time of a day not before hour:minute.
func (s *Schedule) nextClock(hour, minute int) (h, m int, found bool) {
	if s.hours.has(hour) {
		if m, found := s.minutes.next(minute); found {
			return hour, m, true
		}
	}
	if h, found = s.hours.next(hour + 1); !found {
		return 0, 0, false
	}
	m, found = s.minutes.next(0)
	return h, m, found
}

// set is a set of numbers below 64.
type set uint64

func (s set) with(number int) set { return s | 1<<number }

func (s set) has(number int) bool { return s&(1<<number) != 0 }

// next returns the smallest member that is not below number.
func (s set) next(number int) (int, bool) {
	rest := s >> number << number
	return bits.TrailingZeros64(uint64(rest)), rest != 0
}

// sameOffset returns bounds of a period around t in which the offset to UTC does
// not change: begin is not after t, end is after t, and either is zero if there is
// no change in that direction.
//
// They are those of [time.Time.ZoneBounds], except that the latter, where a zone
// is described by a rule for all years, ends on the last day of a leap year before
// it begins.
func sameOffset(t time.Time) (begin, end time.Time) {
	begin, end = t.ZoneBounds()
	if begin.After(t) {
		begin = t
	}
	if !end.IsZero() && !end.After(t) {
		end = t.Add(time.Hour)
	}
	return begin, end
}

// onClock returns what a clock with that offset to UTC shows at t, written as UTC.
func onClock(t time.Time, offset int) time.Time { return t.UTC().Add(seconds(offset)) }

// offsetBefore is the offset to UTC right before a change of the clock.
func offsetBefore(change time.Time) int {
	_, offset := change.Add(-time.Second).Zone()
	return offset
}

func ceilMinute(t time.Time) time.Time {
	if floor := t.Truncate(time.Minute); floor.Before(t) {
		return floor.Add(time.Minute)
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// String is the schedule as it was written, with its time zone in front.
func (s *Schedule) String() string {
	if s.every > 0 {
		return s.text
	}
	return "CRON_TZ=" + s.zone.String() + " " + s.text
}
