// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// plan is the result of the decision of one sync.
type plan struct {
	// start are the runs to create now, in this order.
	start []run
	// replace are the runs to delete before the next one may start.
	replace []*v1beta2.SparkApplication
	history history

	// observed is the schedule in force; empty for none.
	observed string
	// settled is up to when the times of the schedule are dealt with.
	settled time.Time
	// recorded are runs that the status does not list yet, in the order of their
	// scheduled times.
	recorded []record
	request  request
	verdict  verdict

	// next is when the next run is due; zero for never.
	next time.Time
	// ahead is how far the settled time is ahead of the clock.
	ahead time.Duration
}

// record is a run that exists for a time of the schedule.
type record struct {
	app       *v1beta2.SparkApplication
	scheduled time.Time
}

// request is what becomes of the annotation run-now.
type request struct {
	settled bool
	value   string
	started *v1beta2.SparkApplication // nil if Forbid left no room for it
	// scheduled is set if what was started is the run for a time of the schedule, too.
	scheduled bool
	// waiting for the run in the way to end.
	waiting bool
	blocker string
}

// verdict is what became of times for which no run was started.
type verdict struct {
	// skipped because of Forbid, and the run that was in the way.
	skipped time.Time
	// waiting for the run in the way to end.
	waiting time.Time
	blocker string
	// missed is how many were given up, the latest of them being latestMissed.
	missed       int
	latestMissed time.Time
}

// decide says what to do about a schedule. It is pure.
func decide(in *input) plan {
	app := in.app
	p := plan{}
	if in.spec.condition != reasonInvalidObject { // else the limits are not known
		p.history = in.trim()
	}
	p.recorded = in.unrecorded()
	if in.spec.timetable == nil {
		p.settled = in.latestSettled(p.recorded)
		return p
	}
	suspended := ptr.Deref(app.Spec.Suspend, false)
	if !suspended {
		p.observed = in.spec.timetable.times.String()
	}
	if suspended {
		p.settled = in.latestSettled(p.recorded)
		p.decideRequest(in)
		return p
	}
	begin := in.settledBefore(p.observed)
	p.settled = begin
	if n := len(p.recorded); n > 0 && p.recorded[n-1].scheduled.After(p.settled) {
		p.settled = p.recorded[n-1].scheduled
	}
	p.decideTimes(in)
	p.decideRequest(in)
	p.countMissed(in, begin)
	p.next = in.nextDue(p.settled)
	p.ahead = p.settled.Sub(in.now)
	return p
}

// settledBefore is up to when the times of the schedule were dealt with before
// this sync. A schedule that has come into force since counts from then on.
func (in *input) settledBefore(observed string) time.Time {
	status, creation := &in.app.Status, in.app.CreationTimestamp.Time
	switch {
	case status.ObservedSchedule == observed && status.SettledTime != nil:
		return status.SettledTime.Time
	case status.ScheduleState == v1beta2.ScheduleStateNew:
		return creation
	case startsFromLastRun(status):
		if status.LastRun.After(creation) {
			return status.LastRun.Time
		}
		return creation
	}
	begin := in.now.Truncate(time.Second)
	if status.ObservedGeneration != in.app.Generation { // the edit brought it into force, perhaps while the operator was away
		if edited := informers.LastEdit(in.app); !edited.IsZero() && edited.Before(begin) {
			begin = edited
		}
	}
	if status.ObservedSchedule != "" && status.SettledTime != nil && status.SettledTime.After(begin) {
		// Nothing that was started is started again, even if the clock was put back. A
		// schedule that was out of force meanwhile starts over.
		begin = status.SettledTime.Time
	}
	return begin
}

// unrecorded returns the runs for times of the schedule that the status does not
// list: usually because they have just been created, and after a crash.
func (in *input) unrecorded() []record {
	var records []record
	for _, app := range in.runs {
		if scheduled, known := scheduledTime(app); known && !scheduled.After(in.now) && !isRecorded(in.app, app) {
			records = append(records, record{app, scheduled})
		}
	}
	slices.SortStableFunc(records, func(a, b record) int { return a.scheduled.Compare(b.scheduled) })
	return records
}

// latestSettled is the settled time of the status, or that of the latest of the
// runs if it is later.
func (in *input) latestSettled(recorded []record) time.Time {
	var settled time.Time
	if in.app.Status.SettledTime != nil {
		settled = in.app.Status.SettledTime.Time
	}
	if len(recorded) > 0 {
		if latest := recorded[len(recorded)-1]; latest.scheduled.After(settled) {
			settled = latest.scheduled
		}
	}
	return settled
}

// requestedName is the name of the run that the annotation run-now asks for;
// empty if it asks for none.
func requestedName(app *v1beta2.ScheduledSparkApplication) string {
	value := app.Annotations[v1beta2.AnnotationRunNow]
	if value == "" || app.Status.RunNow != nil && app.Status.RunNow.Value == value {
		return ""
	}
	return runNowName(app, value)
}

// decideRequest deals with the annotation run-now, after the times of the schedule:
// where only one run may be going, one that starts for such a time is what was asked
// for, too. Two would do away with each other.
func (p *plan) decideRequest(in *input) {
	name := requestedName(in.app)
	if name == "" {
		return
	}
	p.request.value = in.app.Annotations[v1beta2.AnnotationRunNow]
	if app := in.run(name); app != nil {
		p.request.settled, p.request.started = true, app
		return
	}
	for _, r := range p.recorded {
		if r.app.Annotations[v1beta2.AnnotationRunNow] == p.request.value {
			p.request.settled, p.request.started, p.request.scheduled = true, r.app, true
			return
		}
	}
	active := in.active()
	switch policy := in.app.Spec.ConcurrencyPolicy; {
	case policy != v1beta2.ConcurrencyAllow && len(p.start) > 0:
		p.start[0].requested = true
	case policy == v1beta2.ConcurrencyAllow || len(active) == 0:
		p.start = append(p.start, run{name: name})
	case policy == v1beta2.ConcurrencyForbid:
		p.request.settled, p.request.blocker = true, active[0].Name
	default:
		p.replace = active
		p.request.waiting, p.request.blocker = true, active[0].Name
	}
}

// run returns the run of that name, nil if there is none.
func (in *input) run(name string) *v1beta2.SparkApplication {
	for _, app := range in.runs {
		if app.Name == name {
			return app
		}
	}
	return nil
}

// active returns the runs that are going.
func (in *input) active() []*v1beta2.SparkApplication {
	var active []*v1beta2.SparkApplication
	for _, app := range in.runs {
		if in.isActive(app) {
			active = append(active, app)
		}
	}
	return active
}

// decideTimes deals with the times of the schedule for which a run is due.
func (p *plan) decideTimes(in *input) {
	spec, times := &in.app.Spec, in.spec.timetable
	keep := 1
	if spec.CatchUpPolicy == v1beta2.CatchUpAll && spec.ConcurrencyPolicy != v1beta2.ConcurrencyReplace {
		keep = int(ptr.Deref(spec.CatchUpLimit, v1beta2.DefaultCatchUpLimit))
	}
	due, count := times.between(p.settled, in.now.Add(-times.delay), keep)
	if count == 0 {
		return
	}
	latest := due[len(due)-1]
	for len(due) > 0 && in.lateness(due[0]) > deadline(spec.StartingDeadlineSeconds) {
		due = due[1:]
	}
	if len(due) == 0 {
		p.settled = latest
		return
	}
	if len(due) < count {
		p.settled = due[0].Add(-time.Second) // all before are given up
	}
	p.decideDue(in, due)
}

// decideDue applies the concurrency policy to the times for which a run could
// start now, oldest first.
func (p *plan) decideDue(in *input, due []time.Time) {
	policy := in.app.Spec.ConcurrencyPolicy
	active := in.active()
	blocker := ""
	if len(active) > 0 {
		blocker = active[0].Name
	}
	for _, scheduled := range due {
		name := runName(in.app.Name, scheduled, in.precision)
		if app := in.run(name); app != nil {
			// The annotation with its scheduled time was removed.
			p.recorded = append(p.recorded, record{app, scheduled})
			p.settled = scheduled
			continue
		}
		switch {
		case policy == v1beta2.ConcurrencyAllow || blocker == "":
			p.start = append(p.start, run{name: name, scheduled: scheduled})
			blocker = name
		case policy == v1beta2.ConcurrencyForbid && in.app.Spec.CatchUpPolicy == v1beta2.CatchUpSkip:
			p.verdict.skipped, p.verdict.blocker = scheduled, blocker
			p.settled = scheduled
		default:
			if policy == v1beta2.ConcurrencyReplace {
				p.replace = active
			}
			p.verdict.waiting, p.verdict.blocker = scheduled, blocker
			return
		}
	}
}

// lateness is by how much a run that started now would be late. With Replace, a
// run is in time if it was when another was asked to go for it: to end that one
// and then start none would be the worst of all. Once that one is gone, only the
// status shows which run has waited for it.
func (in *input) lateness(scheduled time.Time) time.Duration {
	asOf := in.now
	if in.app.Spec.ConcurrencyPolicy == v1beta2.ConcurrencyReplace {
		onTime := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionOnTime)
		if onTime != nil && onTime.Reason == reasonWaiting && strings.HasPrefix(onTime.Message, in.spec.timetable.waits(scheduled)) {
			return 0
		}
		for _, app := range in.active() {
			if app.DeletionTimestamp != nil && app.DeletionTimestamp.Time.Before(asOf) {
				asOf = app.DeletionTimestamp.Time
			}
		}
	}
	return asOf.Sub(in.spec.timetable.due(scheduled))
}

// deadline is how late a run may start.
func deadline(seconds *int64) time.Duration {
	if seconds == nil || *seconds > int64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(*seconds) * time.Second
}

// countMissed counts the times that this sync settles without a run.
func (p *plan) countMissed(in *input, begin time.Time) {
	accounted := map[int64]bool{}
	if !p.verdict.skipped.IsZero() {
		accounted[p.verdict.skipped.Unix()] = true
	}
	for _, r := range p.recorded {
		if r.scheduled.After(begin) {
			accounted[r.scheduled.Unix()] = true
		}
	}
	latest, count := in.spec.timetable.between(begin, p.settled, 1+len(accounted))
	for _, scheduled := range latest {
		if !accounted[scheduled.Unix()] {
			p.verdict.latestMissed = scheduled
			p.verdict.missed = max(count-len(accounted), 1)
			if count == countLimit {
				p.verdict.missed = countLimit
			}
		}
	}
}

// nextDue is when the next run is due.
func (in *input) nextDue(settled time.Time) time.Time {
	next := in.spec.timetable.next(settled, in.now)
	if next.IsZero() {
		return next
	}
	return in.spec.timetable.due(next)
}
