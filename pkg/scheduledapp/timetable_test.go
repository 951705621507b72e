// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/internal/cputime"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func timetableOf(t *testing.T, schedule, zone string) *timetable {
	t.Helper()
	app := newSchedule("s", schedule)
	app.Spec.TimeZone = zone
	app.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC))
	times, err := newTimetable(app, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return times
}

// TestBetween compares with going through all times.
func TestBetween(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, schedule := range []string{"* * * * *", "*/7 3 * * *", "30 2 * * *", "0 0 1 * *", "* * * 1 *", "@every 13s", "@every 36h"} {
		times := timetableOf(t, schedule, "Europe/Berlin")
		for range 20 {
			after := time.Date(2026, 1, 1+random.IntN(360), random.IntN(24), random.IntN(60), random.IntN(60), 0, time.UTC)
			until := after.Add(time.Duration(random.Int64N(int64(20 * 24 * time.Hour))))
			keep := 1 + random.IntN(12)

			var all []time.Time
			for at := times.times.Next(after); !at.After(until); at = times.times.Next(at) {
				all = append(all, at)
			}
			latest, count := times.between(after, until, keep)
			if want := min(len(all), countLimit); count != want {
				t.Errorf("%s after %s until %s: count %d, want %d", schedule, after, until, count, want)
			}
			if want := all[max(0, len(all)-keep):]; !slices.EqualFunc(latest, want, time.Time.Equal) {
				t.Errorf("%s after %s until %s: %v, want %v", schedule, after, until, latest, want)
			}
		}
	}
}

// TestBetweenAfterYears must not go through millions of times.
func TestBetweenAfterYears(t *testing.T) {
	times := timetableOf(t, "@every 1s", "UTC")
	until := time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
	var latest []time.Time
	var count int
	cost := cputime.Of(func() { latest, count = times.between(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), until, 100) })
	if count != countLimit || len(latest) != 100 || !latest[99].Equal(until) || !latest[0].Equal(until.Add(-99*time.Second)) {
		t.Errorf("%d times, %d of them from %s to %s", count, len(latest), latest[0], latest[len(latest)-1])
	}
	if cost.CPU > 10*time.Second {
		t.Errorf("took %s of processor time", cost.CPU)
	}
}

func TestDelay(t *testing.T) {
	if d := delayOf("a", 0); d != 0 {
		t.Errorf("without spread: %s", d)
	}
	if d := delayOf("a", 900*time.Millisecond); d != 0 {
		t.Errorf("less than a second: %s", d)
	}
	buckets := make([]int, 10)
	for i := range 5000 {
		uid := types.UID(fmt.Sprintf("8f3a%04d-0000-4000-8000-00000000%04d", i%97, i))
		d := delayOf(uid, 10*time.Minute)
		if d < 0 || d >= 10*time.Minute || d%time.Second != 0 || d != delayOf(uid, 10*time.Minute) {
			t.Fatalf("%s: %s", uid, d)
		}
		buckets[d/time.Minute]++
	}
	for minute, count := range buckets {
		if count < 400 || count > 600 {
			t.Errorf("%d of 5000 schedules in minute %d", count, minute)
		}
	}
}

func TestRunNames(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 34, 0, 0, time.UTC)
	long := strings.Repeat("abcdefgh-", 7)[:62]
	for _, test := range []struct {
		schedule  string
		at        time.Time
		precision Precision
		want      string
	}{
		{"nightly", at, PrecisionNanos, "nightly-1772368440000000000"},
		{"nightly", at, PrecisionMicros, "nightly-1772368440000000"},
		{"nightly", at, PrecisionMillis, "nightly-1772368440000"},
		{"nightly", at, PrecisionSeconds, "nightly-1772368440"},
		{"nightly", at, PrecisionMinutes, "nightly-29539474"},
		{"nightly", at.Add(30 * time.Second), PrecisionMinutes, "nightly-1772368470"},
		{long[:43], at, PrecisionNanos, long[:43] + "-1772368440000000000"},
		{long[:44], at, PrecisionNanos, long[:34] + "-" + shortHash(long[:44]) + "-1772368440000000000"},
		{long[:36] + "zzzzzzzzzzzzzzzzzz", at, PrecisionNanos, long[:34] + "-" + shortHash(long[:36]+"zzzzzzzzzzzzzzzzzz") + "-1772368440000000000"},
		{long[:35] + strings.Repeat("z", 28), at, PrecisionSeconds, long[:35] + "zzzzzzzz-" + shortHash(long[:35]+strings.Repeat("z", 28)) + "-1772368440"},
	} {
		got := runName(test.schedule, test.at, test.precision)
		if got != test.want {
			t.Errorf("%s %s: %s, want %s", test.schedule, test.precision, got, test.want)
		}
		if reasons := validation.IsDNS1035Label(got); len(reasons) > 0 {
			t.Errorf("%s: %s", got, reasons)
		}
	}
	for length := range 63 { // none ends in "--" or exceeds the limit
		schedule := strings.Repeat("a-", 40)[:length] + "a"
		for _, precision := range []Precision{PrecisionNanos, PrecisionMicros, PrecisionMillis, PrecisionSeconds, PrecisionMinutes} {
			name := runName(schedule, at, precision)
			if reasons := validation.IsDNS1035Label(name); len(reasons) > 0 || strings.Contains(name, "--") {
				t.Errorf("%s: %s %s", schedule, name, reasons)
			}
		}
		app := newSchedule(schedule, "@daily")
		if name := runNowName(app, "x"); len(validation.IsDNS1035Label(name)) > 0 {
			t.Errorf("%s: %s", schedule, name)
		}
	}
}

func TestRunNowNames(t *testing.T) {
	app := newSchedule("s", "@daily")
	app.UID = "u"
	first := runNowName(app, "a")
	if runNowName(app, "a") != first {
		t.Error("not always the same")
	}
	if runNowName(app, "b") == first {
		t.Error("the same for another value")
	}
	app.Status.RunNow = &v1beta2.RunNowStatus{Value: "b", Count: 2}
	if runNowName(app, "a") == first {
		t.Error("the same for the same value at another time")
	}
}
