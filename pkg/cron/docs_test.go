// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestDocumentedClockChanges executes the table of docs/schedules.md.
func TestDocumentedClockChanges(t *testing.T) {
	text, err := os.ReadFile("../../docs/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		schedule, zone, runs := cells[1], cells[2], cells[4]
		after, err := time.Parse(time.RFC3339, cells[3])
		if err != nil {
			continue // another table
		}
		rows++
		runs, open := strings.CutSuffix(runs, ", …")
		want := strings.Split(runs, ", ")

		s := mustParse(t, schedule, mustZone(t, zone)).Anchored(after)
		var got []string
		for at := s.Next(after); !at.After(after.Add(24 * time.Hour)); at = s.Next(at) {
			got = append(got, at.Format(time.RFC3339))
			if open && len(got) == 3 {
				break
			}
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s in %s after %s: %s, the table says %s", schedule, zone, cells[3], got, want)
		}
	}
	if rows < 15 {
		t.Errorf("only %d rows found", rows)
	}
}
