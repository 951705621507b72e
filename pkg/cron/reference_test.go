// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNextAgainstEveryMinute compares Next with a reference that looks at every
// minute, for 200 schedules in 6 time zones over 3 years and over the end of a
// leap year for which zones have rules instead of lists of changes.
func TestNextAgainstEveryMinute(t *testing.T) {
	schedules := referenceSchedules()
	if len(schedules) != 200 {
		t.Fatalf("%d schedules", len(schedules))
	}
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca"} {
		for _, period := range [][2]time.Time{
			{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
			{time.Date(2040, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2041, 1, 15, 0, 0, 0, 0, time.UTC)},
		} {
			t.Run(fmt.Sprintf("%s/%d", name, period[0].Year()), func(t *testing.T) {
				t.Parallel()
				zone := mustZone(t, name)
				clock := watchClock(zone, period[0], period[1])
				runs := 0
				for _, text := range schedules {
					want := clock.runs(readReference(text))
					compare(t, mustParse(t, text, zone), period[0], period[1], want)
					runs += len(want)
				}
				t.Logf("%d runs", runs)
			})
		}
	}
}

func compare(t *testing.T, s *Schedule, from, to time.Time, want []int64) {
	t.Helper()
	at := from.Add(-time.Second)
	for i := 0; ; i++ {
		next := s.Next(at)
		if !next.After(at) {
			t.Fatalf("%s: next after %s is %s", s, at, next)
		}
		at = next
		if !at.Before(to) {
			if i != len(want) {
				t.Errorf("%s: %d runs, want %d", s, i, len(want))
			}
			return
		}
		if i >= len(want) || at.Unix() != want[i]*60 {
			expected := "none"
			if i < len(want) {
				expected = time.Unix(want[i]*60, 0).In(s.Zone()).String()
			}
			t.Errorf("%s: run %d is %s, want %s", s, i, at, expected)
			return
		}
	}
}

// referenceSchedules are 200 schedules: those that people write, and random ones.
func referenceSchedules() []string {
	schedules := []string{
		"* * 25-31 3,4,9,10 *", "*/7 * 1-7 * *", "*/15 * * * *", "0 * * * *", "30 * * * *", "15 * * * *",
		"0 */2 * * *", "0,59 2 * * *", "30 1-3 * * *", "*/10 2 * * *", "*/20 0 * * *", "0 0 * * *", "30 2 * * *", "59 1 * * *", "0 2 * * *", "0 3 * * *",
		"1 0 * * *", "45 23 * * *", "0 0 * * 0", "0 2 * * 0", "0 0 1 * *", "0 0 31 * *", "0 0 29 2 *", "0 0 1 1 *",
		"0 0 13 * 5", "0 2 25-31 3 0", "30 1 * 11 *", "0 9-17 * * 1-5", "15 14 1 * *", "5 4 * * 6",
	}
	random := rand.New(rand.NewPCG(2026, 3))
	list := func(low, high, most int) string {
		var values []string
		for range 1 + random.IntN(most) {
			values = append(values, strconv.Itoa(low+random.IntN(high-low+1)))
		}
		return strings.Join(values, ",")
	}
	either := func(chance float64, otherwise string) string {
		if random.Float64() < chance {
			return "*"
		}
		return otherwise
	}
	for len(schedules) < 200 {
		schedules = append(schedules, strings.Join([]string{
			list(0, 59, 2),
			either(0.03, list(0, 23, 3)),
			either(0.6, list(1, 28, 4)),
			either(0.8, list(1, 12, 5)),
			either(0.6, list(0, 6, 3)),
		}, " "))
	}
	return schedules
}

// wallClock is what a clock on the wall shows at each minute of a period.
type wallClock struct {
	first int64   // the first minute since 1970, UTC
	shows []int64 // minutes since 1970 as if the wall clock were UTC
	// minute and hour of what it shows; together they cost less than one division.
	minute, hour []uint8
}

func watchClock(zone *time.Location, from, to time.Time) *wallClock {
	clock := &wallClock{first: from.Unix() / 60}
	for at := from.Add(-24 * time.Hour); at.Before(to); at = at.Add(time.Minute) {
		_, offset := at.In(zone).Zone()
		shown := (at.Unix() + int64(offset)) / 60
		clock.shows = append(clock.shows, shown)
		clock.minute = append(clock.minute, uint8(shown%60))
		clock.hour = append(clock.hour, uint8(shown/60%24))
	}
	return clock
}

// warmUp is how many minutes the clock is watched before the period begins.
const warmUp = 24 * 60

// reference is a schedule that can only tell whether a minute matches.
type reference struct {
	minute            [60]bool
	hour              [24]bool
	day               func(int64) bool // of a day since 1970
	everyHour         bool
	lastDay           int64
	lastDayWasMatched bool
}

// runs returns the minutes since 1970, UTC, at which the schedule is due, by
// going through all minutes and applying the rules as they are documented.
//
//go:norace
func (clock *wallClock) runs(r *reference) []int64 {
	var due []int64
	latest := clock.shows[0] // that the clock has shown so far
	var putBack int64        // by how many minutes, at the latest change
	for i := 1; i < len(clock.shows); i++ {
		shown, before := clock.shows[i], clock.shows[i-1]
		run := false
		if skipped := shown - before - 1; skipped > 0 && (!r.everyHour || skipped%60 != 0) {
			for missing := before + 1; missing < shown; missing++ {
				run = run || r.matches(missing)
			}
		}
		if shown <= before {
			putBack = before + 1 - shown
		}
		if r.minute[clock.minute[i]] && r.hour[clock.hour[i]] && r.matches(shown) && (shown > latest || r.everyHour && putBack%60 == 0) {
			run = true
		}
		latest = max(latest, shown)
		if run && i >= warmUp {
			due = append(due, clock.first+int64(i-warmUp))
		}
	}
	return due
}

//go:norace
func (r *reference) matches(shown int64) bool {
	if !r.minute[shown%60] || !r.hour[shown/60%24] {
		return false
	}
	if day := shown / (24 * 60); day != r.lastDay {
		r.lastDay, r.lastDayWasMatched = day, r.day(day)
	}
	return r.lastDayWasMatched
}

// readReference reads the plain notation of referenceSchedules: numbers, lists,
// ranges and steps.
func readReference(text string) *reference {
	fields := strings.Fields(text)
	r := &reference{everyHour: fields[1] == "*"}
	for i := range r.minute {
		r.minute[i] = listed(fields[0], i)
	}
	for i := range r.hour {
		r.hour[i] = listed(fields[1], i)
	}
	r.day = func(day int64) bool {
		date := time.Unix(day*86_400, 0).UTC()
		if !listed(fields[3], int(date.Month())) {
			return false
		}
		inMonth, inWeek := listed(fields[2], date.Day()), listed(fields[4], int(date.Weekday()))
		if fields[2] != "*" && fields[4] != "*" {
			return inMonth || inWeek
		}
		return inMonth && inWeek
	}
	return r
}

func listed(field string, value int) bool {
	for element := range strings.SplitSeq(field, ",") {
		var first, last, step int
		if n, _ := fmt.Sscanf(element, "*/%d", &step); n == 1 {
			if value%step == 0 {
				return true
			}
		} else if n, _ := fmt.Sscanf(element, "%d-%d", &first, &last); n == 2 {
			if first <= value && value <= last {
				return true
			}
		} else if element == "*" || element == strconv.Itoa(value) {
			return true
		}
	}
	return false
}
