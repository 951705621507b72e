// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	for _, test := range []struct{ schedule, after, want string }{
		{"* * * * *", "2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"},
		{"* * * * *", "2026-03-01T12:00:00.5Z", "2026-03-01T12:01:00Z"},
		{"* * * * *", "2026-03-01T11:59:59.999Z", "2026-03-01T12:00:00Z"},
		{"0 5 * * *", "2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z"},
		{"0 5 * * *", "2026-03-01T04:59:59Z", "2026-03-01T05:00:00Z"},
		{"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"},
		{"0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"},
		{"0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"0 0 13 * FRI", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"}, // one of the two days is enough
		{"0 0 */1 * FRI", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"},
		{"0 0 */2 * FRI", "2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"},
		{"@weekly", "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"},
		{"@yearly", "2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"TZ=Asia/Kolkata 0 0 * * *", "2026-03-01T00:00:00Z", "2026-03-01T18:30:00Z"},
		{"CRON_TZ=Pacific/Apia 0 12 * * *", "2026-03-01T00:00:00Z", "2026-03-01T23:00:00Z"},
		// A whole day that Samoa never had.
		{"CRON_TZ=Pacific/Apia 0 12 30 12 *", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"},
		{"CRON_TZ=Pacific/Apia 0 */6 * * *", "2011-12-30T04:00:00Z", "2011-12-30T10:00:00Z"},
		{"CRON_TZ=Pacific/Apia 0 * * * *", "2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z"},
		// Offsets with seconds, as clocks had before they were made alike.
		{"CRON_TZ=Africa/Monrovia 0 0 * * *", "1972-01-06T12:00:00Z", "1972-01-07T00:44:30Z"},
	} {
		after, err := time.Parse(time.RFC3339, test.after)
		if err != nil {
			t.Fatal(err)
		}
		s := mustParse(t, test.schedule, time.UTC)
		if got := s.Next(after).UTC().Format(time.RFC3339Nano); got != test.want {
			t.Errorf("%s after %s: %s, want %s", test.schedule, test.after, got, test.want)
		}
	}
}

func TestIntervalKeepsItsPhase(t *testing.T) {
	origin := time.Date(2026, 3, 1, 12, 0, 7, 0, time.UTC)
	s := mustParse(t, "@every 90s", time.UTC).Anchored(origin)
	for _, test := range []struct{ after, want time.Duration }{
		{-time.Hour, 90 * time.Second},
		{0, 90 * time.Second},
		{time.Nanosecond, 90 * time.Second},
		{89*time.Second + 999*time.Millisecond, 90 * time.Second},
		{90 * time.Second, 180 * time.Second},
		{1000 * time.Hour, 1000*time.Hour + 90*time.Second},
		{1000*time.Hour + 1, 1000*time.Hour + 90*time.Second},
		{1000*time.Hour - 1, 1000 * time.Hour},
	} {
		if got := s.Next(origin.Add(test.after)).Sub(origin); got != test.want {
			t.Errorf("%s after the origin: %s, want %s", test.after, got, test.want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s := mustParse(b, "30 2 * * *", mustZone(b, "Europe/Berlin"))
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		now = s.Next(now)
		if now.Year() > 2100 {
			now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		}
	}
}
