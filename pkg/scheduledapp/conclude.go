// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// quietFailures is how many looks in a row may fail before the status says so.
	quietFailures = 3
	// startTolerance is how late a run may start and still be on time.
	startTolerance = time.Minute
	// clockTolerance is how far the clock may be behind without a word: leaders on
	// two machines never agree exactly.
	clockTolerance = time.Minute
)

// conclude returns the status after the plan was executed. It is pure. Failures is
// the number of syncs of this schedule that failed in a row before this one.
func conclude(in *input, p *plan, out *outcome, failures int) *v1beta2.ScheduledSparkApplicationStatus {
	status := in.app.Status.DeepCopy()
	c := reconcile.Conditions{List: &status.Conditions, Generation: in.app.Generation, Now: in.now}

	status.ObservedGeneration = in.app.Generation
	if in.spec.condition != reasonInvalidObject {
		status.PastSuccessfulRunNames = p.history.successful
		status.PastFailedRunNames = p.history.failed
	}
	recordRuns(status, p)
	if !p.settled.IsZero() {
		status.SettledTime = ptr.To(metav1.NewTime(p.settled))
	}
	status.ObservedSchedule = p.observed
	status.NextRun = metav1.NewTime(p.next)

	switch {
	case in.spec.timetable == nil:
		status.ScheduleState = v1beta2.ScheduleStateFailedValidation
		status.Reason = in.spec.refusal
		c.SetFalse(v1beta2.ConditionScheduled, in.spec.condition, in.spec.refusal)
	case p.observed == "":
		status.ScheduleState, status.Reason = v1beta2.ScheduleStateScheduled, ""
		c.SetFalse(v1beta2.ConditionScheduled, reasonSuspended, "spec.suspend is true")
	default:
		status.ScheduleState, status.Reason = v1beta2.ScheduleStateScheduled, ""
		c.SetTrue(v1beta2.ConditionScheduled, reasonActive, in.spec.notice)
	}
	concludeOnTime(in, p, c)
	concludeStalled(in, p, out, failures, c)
	return status
}

// recordRuns writes down which run was the last.
func recordRuns(status *v1beta2.ScheduledSparkApplicationStatus, p *plan) {
	var started []*v1beta2.SparkApplication
	for _, r := range p.recorded {
		started = append(started, r.app)
		status.LastScheduleTime = ptr.To(metav1.NewTime(r.scheduled))
	}
	if p.request.settled {
		count := int64(1)
		if status.RunNow != nil {
			count = status.RunNow.Count + 1
		}
		status.RunNow = &v1beta2.RunNowStatus{Value: p.request.value, Count: count}
		if p.request.started != nil {
			started = append(started, p.request.started)
		}
	}
	if len(started) > 0 {
		last := slices.MaxFunc(started, compareAge)
		status.LastRun, status.LastRunName = last.CreationTimestamp, last.Name
	}
}

// concludeOnTime says what became of the latest time for which a run was due.
func concludeOnTime(in *input, p *plan, c reconcile.Conditions) {
	times, v := in.spec.timetable, &p.verdict
	var latest record
	if len(p.recorded) > 0 {
		latest = p.recorded[len(p.recorded)-1]
	}
	switch {
	case times == nil:
		endWaiting(c)
	case !v.waiting.IsZero():
		c.SetFalse(v1beta2.ConditionOnTime, reasonWaiting, times.waits(v.waiting)+v.blocker+in.note(v.blocker))
	case v.skipped.After(latest.scheduled):
		c.SetFalse(v1beta2.ConditionOnTime, reasonSkipped, fmt.Sprintf("the run due at %s was skipped: %s %s",
			times.format(v.skipped), v.blocker, in.standing(v.blocker)))
	case v.latestMissed.After(latest.scheduled):
		c.SetFalse(v1beta2.ConditionOnTime, reasonMissed, p.missedText(in))
	case p.request.waiting:
		c.SetFalse(v1beta2.ConditionOnTime, reasonWaiting, fmt.Sprintf("the run requested with annotation %s=%s waits for the end of %s",
			v1beta2.AnnotationRunNow, p.request.value, p.request.blocker))
	case latest.app == nil && len(p.start) > 0: // it may be one that has waited, and could not be created
	case latest.app == nil:
		endWaiting(c)
	default:
		late := latest.app.CreationTimestamp.Sub(times.due(latest.scheduled))
		if late <= startTolerance {
			c.SetTrue(v1beta2.ConditionOnTime, reasonStarted, "")
		} else {
			c.SetFalse(v1beta2.ConditionOnTime, reasonLate, fmt.Sprintf("the run due at %s was started %s late", times.format(latest.scheduled), late))
		}
	}
}

// waits begins the message that names the waiting run. It is recognized by
// [input.lateness].
func (t *timetable) waits(scheduled time.Time) string {
	return "the run due at " + t.format(scheduled) + " waits for the end of "
}

// missedText says which runs were given up.
func (p *plan) missedText(in *input) string {
	runs := "1 run was"
	if p.verdict.missed > 1 {
		runs = fmt.Sprintf("%d runs were", p.verdict.missed)
	}
	if p.verdict.missed >= countLimit {
		runs = fmt.Sprintf("%d or more runs were", countLimit)
	}
	return fmt.Sprintf("%s missed, the latest was due at %s; spec.catchUpPolicy and spec.startingDeadlineSeconds define which missed runs are started",
		runs, in.spec.timetable.format(p.verdict.latestMissed))
}

// format writes when the run for a time of the schedule was due, in the time zone
// of the schedule.
func (t *timetable) format(scheduled time.Time) string {
	return t.due(scheduled).In(t.times.Zone()).Format(time.RFC3339)
}

// concludeStalled says what stands in the way of the next run. The first message
// of a reason stays: one that changed with every attempt would be written with
// every attempt.
func concludeStalled(in *input, p *plan, out *outcome, failures int, c reconcile.Conditions) {
	var reason, message string
	switch {
	case in.spec.timetable == nil:
		c.SetTrue(v1beta2.ConditionStalled, in.spec.condition, in.spec.refusal)
		return
	case out.refusal != "":
		reason, message = out.refusal, reconcile.OneLine(out.err.Error())
	case out.err != nil && failures+1 < quietFailures:
		return
	case out.err != nil && out.awaited:
		reason, message = reasonRunRefused, reconcile.OneLine(out.err.Error())
	case out.err != nil:
		reason, message = reasonRetrying, reconcile.OneLine(out.err.Error())
	case p.ahead > clockTolerance && p.settled.After(in.app.CreationTimestamp.Time):
		// The creation of a new schedule is ahead of a clock that lags behind that of the
		// API server; no time was dealt with then.
		reason = reasonClockWentBack
		message = fmt.Sprintf("runs due up to %s were handled before, when the clock showed a later time; none is started again. "+
			"Suspend and resume the schedule to count from now", p.settled.UTC().Format(time.RFC3339))
	default:
		c.Remove(v1beta2.ConditionStalled)
		return
	}
	c.SetTrueOnce(v1beta2.ConditionStalled, reason, message)
}
