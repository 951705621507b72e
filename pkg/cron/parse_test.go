// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestParseAsKubeflow compares with a recording of the parser of kubeflow's operator.
func TestParseAsKubeflow(t *testing.T) {
	recording, err := os.ReadFile("testdata/robfig.txt")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for line := range strings.Lines(string(recording)) {
		quoted, want, found := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !found {
			continue // a comment
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		if got := describe(text); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("only %d schedules in the recording", compared)
	}
}

// describe parses text and writes the outcome as the recording does.
func describe(text string) string {
	s, err := Parse(text, time.Local, time.Local)
	if err != nil {
		return "error " + strconv.Quote(err.Error())
	}
	if s.every > 0 {
		return "every " + s.every.String()
	}
	days := func(values set, wildcard bool) string {
		if wildcard {
			return fmt.Sprintf("*%x", values)
		}
		return fmt.Sprintf("%x", values)
	}
	return fmt.Sprintf("fields %s %x %x %s %x %s", s.zone, s.minutes, s.hours,
		days(s.daysOfMonth, s.anyDayOfMonth), s.months, days(s.daysOfWeek, s.anyDayOfWeek))
}

// TestParseRefusesWhatNeverOccurs: here the parser of kubeflow's operator accepts what can
// never run, or panics.
func TestParseRefusesWhatNeverOccurs(t *testing.T) {
	for text, want := range map[string]string{
		"0 0 30 2 *":        "never occurs, no such date exists: 0 0 30 2 *",
		"0 0 31 4,6,9,11 *": "never occurs, no such date exists: 0 0 31 4,6,9,11 *",
		", * * * *":         "no value in list: ,",
		"@every 0s":         "interval must be positive: @every 0s",
		"@every -5m":        "interval must be positive: @every -5m",
		"TZ=UTC":            "no schedule after the time zone: TZ=UTC",
		"CRON_TZ=":          "no schedule after the time zone: CRON_TZ=",
	} {
		if s, err := Parse(text, time.UTC, time.UTC); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
}

func TestString(t *testing.T) {
	berlin := mustZone(t, "Europe/Berlin")
	for text, want := range map[string]string{
		"  0 5\t* *   * ":         "CRON_TZ=Europe/Berlin 0 5 * * *",
		"@daily":                  "CRON_TZ=Europe/Berlin @daily",
		"TZ=Asia/Tokyo 0 5 * * *": "CRON_TZ=Asia/Tokyo 0 5 * * *",
		"@every 90s":              "@every 90s",
	} {
		s := mustParse(t, text, berlin)
		if s.String() != want {
			t.Errorf("%q: %s", text, s)
		}
		again := mustParse(t, s.String(), time.UTC)
		if again.String() != want {
			t.Errorf("%q read again: %s", want, again)
		}
	}
}

func TestLoadZone(t *testing.T) {
	tokyo := mustZone(t, "Asia/Tokyo")
	for name, want := range map[string]string{"": "Asia/Tokyo", "Local": "Asia/Tokyo", "UTC": "UTC", "Etc/UTC": "Etc/UTC", "Europe/Berlin": "Europe/Berlin"} {
		zone, err := LoadZone(name, tokyo)
		if err != nil || zone.String() != want {
			t.Errorf("%q: %v, %v", name, zone, err)
		}
	}
	for _, name := range []string{"Mars/Olympus", "../UTC", "/etc/localtime", "local"} {
		if zone, err := LoadZone(name, tokyo); err == nil {
			t.Errorf("%q: %v", name, zone)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"*/5 1-3,7 * JAN mon-FRI", "@every 1h", "@daily", "CRON_TZ=Europe/Berlin 30 2 * * *", "TZ=", "0 0 29 2 *", "a,b/c-d"} {
		f.Add(seed, int64(1_743_292_800))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		s, err := Parse(text, time.UTC, time.UTC)
		if err != nil {
			if s != nil {
				t.Fatal("a schedule and an error")
			}
			return
		}
		// Years that a status can hold.
		at = at%(200*365*86_400) + 946_684_800
		now := time.Unix(at, 0)
		for range 3 {
			next := s.Next(now)
			if !next.After(now) {
				t.Fatalf("%q: next after %s is %s", text, now.UTC(), next.UTC())
			}
			now = next
		}
		if again, err := Parse(s.String(), time.UTC, time.UTC); err != nil {
			t.Fatalf("%q became %q: %v", text, s, err)
		} else if a, b := again.Next(now), s.Next(now); !a.Equal(b) {
			t.Fatalf("%q: %s, as %q: %s", text, b, s, a)
		}
	})
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func mustParse(t testing.TB, text string, zone *time.Location) *Schedule {
	t.Helper()
	s, err := Parse(text, zone, time.UTC)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s
}
