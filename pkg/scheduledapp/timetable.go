// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"hash/fnv"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/cron"
)

// timetable is when the runs of one schedule are due. Times of the schedule
// identify runs; each is due a fixed delay later.
type timetable struct {
	times *cron.Schedule
	delay time.Duration
}

// newTimetable reads the schedule of an application that passed validation.
// Intervals count from its creation, so they keep their phase over restarts.
func newTimetable(app *v1beta2.ScheduledSparkApplication, local *time.Location) (*timetable, error) {
	zone, err := cron.LoadZone(app.Spec.TimeZone, local)
	if err != nil {
		return nil, err
	}
	times, err := cron.Parse(app.Spec.Schedule, zone, local)
	if err != nil {
		return nil, err
	}
	t := &timetable{times: times.Anchored(app.CreationTimestamp.Time)}
	if app.Spec.Spread != nil {
		t.delay = delayOf(app.UID, app.Spec.Spread.Duration)
	}
	return t, nil
}

// delayOf is a part of spread in whole seconds, always the same for one schedule
// and evenly distributed over all.
func delayOf(uid types.UID, spread time.Duration) time.Duration {
	seconds := uint64(max(spread, 0) / time.Second)
	if seconds == 0 {
		return 0
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(uid)) // never fails
	return time.Duration(hash.Sum64()%seconds) * time.Second
}

// due is when the run for a time of the schedule is due.
func (t *timetable) due(scheduled time.Time) time.Time { return scheduled.Add(t.delay) }

// next returns the first time of the schedule that is later than settled and not
// due at now; zero if there is none.
func (t *timetable) next(settled, now time.Time) time.Time {
	from := now.Add(-t.delay)
	if settled.After(from) {
		from = settled
	}
	return t.times.Next(from)
}

// countLimit bounds how many missed times are counted.
const countLimit = 1000

// between returns the latest of the times after after and not after until, oldest
// first and at most keep of them. The second result says how many there are in
// all, counted up to countLimit.
func (t *timetable) between(after, until time.Time, keep int) (latest []time.Time, count int) {
	for at := t.times.Next(after); !at.IsZero() && !at.After(until); at = t.times.Next(at) {
		count++
		latest = append(latest, at)
		if len(latest) > keep {
			latest = latest[1:]
		}
		if count == countLimit {
			return t.latest(after, until, keep), count
		}
	}
	return latest, count
}

// latest is between for periods with more times than one wants to go through.
func (t *timetable) latest(after, until time.Time, keep int) []time.Time {
	var found []time.Time
	for len(found) < keep {
		at := t.last(after, until)
		if at.IsZero() {
			break
		}
		found = append(found, at)
		until = at.Add(-time.Second)
	}
	slices.Reverse(found)
	return found
}

// last returns the last time after after and not after until, zero if there is
// none, by halving the period.
func (t *timetable) last(after, until time.Time) time.Time {
	low := t.times.Next(after)
	if low.IsZero() || low.After(until) {
		return time.Time{}
	}
	high := until // low is a time of the schedule, and there is none after high
	for {
		next := t.times.Next(low)
		if next.IsZero() || next.After(high) {
			return low
		}
		low = next
		middle := low.Add(high.Sub(low) / 2)
		if later := t.times.Next(middle); later.IsZero() || later.After(high) {
			high = middle
		} else {
			low = later
		}
	}
}
