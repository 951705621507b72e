// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
	var references []*reference
	for _, text := range schedules {
		references = append(references, readReference(text))
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
				for i, want := range clock.runs(references) {
					compare(t, mustParse(t, schedules[i], zone), period[0], period[1], want)
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

// wallClock is what a clock on the wall shows at each minute of a period, in
// minutes since 1970 as if the wall clock were UTC.
type wallClock struct {
	first int64 // the first minute since 1970, UTC
	shows []int64
}

func watchClock(zone *time.Location, from, to time.Time) *wallClock {
	clock := &wallClock{first: from.Unix() / 60}
	for at := from.Add(-warmUp * time.Minute); at.Before(to); at = at.Add(time.Minute) {
		_, offset := at.In(zone).Zone()
		clock.shows = append(clock.shows, (at.Unix()+int64(offset))/60)
	}
	return clock
}

// warmUp is how many minutes the clock is watched before the period begins.
const warmUp = 24 * 60

// reference is a schedule that can only report whether a minute matches.
type reference struct {
	minute     [60]bool
	hour       [24]bool
	dayOfMonth [32]bool
	month      [13]bool
	dayOfWeek  [7]bool
	eitherDay  bool // one of the two days is enough
	everyHour  bool
}

// runs returns for each schedule the minutes since 1970, UTC, at which it is due,
// by going through all minutes once and applying the rules as they are documented
// to every schedule that names that minute of the hour.
//
// Nothing here is shared between goroutines, and the race detector would multiply
// the time that it takes.
//
//go:norace
func (clock *wallClock) runs(references []*reference) [][]int64 {
	var byMinute [60][]int
	for index, r := range references {
		for minute, listed := range r.minute {
			if listed {
				byMinute[minute] = append(byMinute[minute], index)
			}
		}
	}
	due := make([][]int64, len(references))
	latest := clock.shows[0] // that the clock has shown so far
	var putBack int64        // by how many minutes, at the latest change
	var day date
	for i := 1; i < len(clock.shows); i++ {
		at := clock.first + int64(i-warmUp)
		shown, before := clock.shows[i], clock.shows[i-1]
		skipped := shown - before - 1
		for missing := before + 1; missing < shown; missing++ {
			day.set(missing)
			for _, index := range byMinute[missing%60] {
				if r := references[index]; (!r.everyHour || skipped%60 != 0) && r.matches(missing, &day) {
					due[index] = addOnce(due[index], at)
				}
			}
		}
		if shown <= before {
			putBack = before + 1 - shown
		}
		day.set(shown)
		for _, index := range byMinute[shown%60] {
			if r := references[index]; (shown > latest || r.everyHour && putBack%60 == 0) && r.matches(shown, &day) {
				due[index] = addOnce(due[index], at)
			}
		}
		latest = max(latest, shown)
	}
	for index, minutes := range due {
		begin, _ := slices.BinarySearch(minutes, clock.first)
		due[index] = minutes[begin:]
	}
	return due
}

func addOnce(minutes []int64, minute int64) []int64 {
	if n := len(minutes); n > 0 && minutes[n-1] == minute {
		return minutes
	}
	return append(minutes, minute)
}

// matches reports whether the schedule names the hour and the day of a minute of
// its list.
//
//go:norace
func (r *reference) matches(shown int64, day *date) bool {
	if !r.hour[shown/60%24] || !r.month[day.month] {
		return false
	}
	if r.eitherDay {
		return r.dayOfMonth[day.ofMonth] || r.dayOfWeek[day.ofWeek]
	}
	return r.dayOfMonth[day.ofMonth] && r.dayOfWeek[day.ofWeek]
}

// date is the day that a clock shows.
type date struct {
	number  int64 // days since 1970
	month   time.Month
	ofMonth int
	ofWeek  time.Weekday
}

// set changes the date to that of a minute since 1970.
//
//go:norace
func (d *date) set(shown int64) {
	const minutes = 24 * 60
	if number := shown / minutes; number != d.number {
		day := time.Unix(number*minutes*60, 0).UTC()
		*d = date{number, day.Month(), day.Day(), day.Weekday()}
	}
}

// readReference reads the plain notation of referenceSchedules: numbers, lists,
// ranges and steps.
func readReference(text string) *reference {
	fields := strings.Fields(text)
	r := &reference{everyHour: fields[1] == "*", eitherDay: fields[2] != "*" && fields[4] != "*"}
	for i, values := range [][]bool{r.minute[:], r.hour[:], r.dayOfMonth[:], r.month[:], r.dayOfWeek[:]} {
		for value := range values {
			values[value] = listed(fields[i], value)
		}
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
