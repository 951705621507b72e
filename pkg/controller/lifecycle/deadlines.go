// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// Delays after which a waiting application is synced again. They are backstops: what
// it waits for normally causes an event.
const (
	BackstopDelay = 30 * time.Second
	AuditDelay    = 5 * time.Minute
)

// unseenDelay is when to sync again if the API server kept nothing new of a status, so that
// no event causes it.
const unseenDelay = 200 * time.Millisecond

// NextSync is when to sync again after a sync whose status was written, or the error for
// which it is repeated with growing delays.
func NextSync(in *Input, p Plan, out *Outcome, status *v1beta2.SparkApplicationStatus) (time.Duration, error) {
	if out.Awaited != "" && awaitedCauseOf(status, in.App.Generation) != "" {
		since := status.LastSubmissionAttemptTime.Time
		return max(out.Awaited.NextTry(since, in.Now).Sub(in.Now), minimumDelay), nil
	}
	if out.Err != nil {
		return 0, out.Err // the delays between tries, and nothing sooner
	}
	after := p.afterOutcome(in, out)
	if out.Unseen {
		after = soonest(after, unseenDelay)
	}
	return after, nil
}

// afterOutcome is the delay of the plan, or a shorter one for what an action waits for.
func (p Plan) afterOutcome(in *Input, out *Outcome) time.Duration {
	if out.Pending != nil && out.Pending.After > 0 {
		return out.Pending.After
	}
	if out.UI != nil && out.UI.awaited != "" {
		since := in.uiFailingSince()
		if next := out.UI.awaited.NextTry(since, in.Now); in.Now.Before(since.Add(out.UI.awaited.Patience())) {
			return soonest(p.requeueAfter, next.Sub(in.Now))
		}
	}
	if out.UI != nil && out.UI.err != nil && (p.requeueAfter == 0 || p.requeueAfter > BackstopDelay) {
		return BackstopDelay
	}
	return p.requeueAfter
}

// requeueAfter is when to sync again after a row if nothing happens; 0 for never.
func (in *Input) requeueAfter(row *Row) time.Duration {
	var after time.Duration
	if row.wait != nil {
		after = max(row.wait.of(in), minimumDelay)
	} else if row.to != stay {
		after = AuditDelay
	}
	if _, at := in.stuckBound(); in.Now.Before(at) && after > 0 {
		after = soonest(after, at.Sub(in.Now))
	}
	switch row.to {
	case StateSubmitted:
		if at := in.driverDeadline(); !at.IsZero() {
			after = soonest(after, at.Sub(in.Now))
		}
	case StateRunning:
		if at := in.executorDeadline(); in.Now.Before(at) && !hadExecutors(&in.App.Status) {
			after = soonest(after, at.Sub(in.Now))
		}
	default: // the other states wait for nothing of that kind
	}
	// Times in a status may be of a clock that was wrong by years.
	return min(after, maxDelay)
}

// soonest is the shorter delay, where 0 stands for never.
func soonest(a, b time.Duration) time.Duration {
	b = max(b, minimumDelay)
	if a == 0 {
		return b
	}
	return min(a, b)
}

// minimumDelay keeps a deadline that has just passed from being taken as no
// deadline.
const minimumDelay = 10 * time.Millisecond

// delay is a named way to compute when to sync again.
type delay struct {
	text string
	of   func(in *Input) time.Duration
}

var (
	backstop       = &delay{"30 s", func(*Input) time.Duration { return BackstopDelay }}
	audit          = &delay{"5 min, or when a timeout expires", func(in *Input) time.Duration { return in.untilDeadline(AuditDelay) }}
	untilRetry     = &delay{"when the retry is due", func(in *Input) time.Duration { return in.retry().due.Sub(in.Now) }}
	untilGraceEnds = &delay{"when the grace period ends", func(in *Input) time.Duration { return in.graceEnd().Sub(in.Now) }}
	untilRerun     = &delay{"30 s after the end of the run", func(in *Input) time.Duration {
		return min(RerunArchiveDelay, in.Settings.LogArchive.Deadline) - in.sinceEnd()
	}}
	untilArchived = &delay{"when the deadline of the archive expires", func(in *Input) time.Duration {
		return in.Settings.LogArchive.Deadline - in.sinceEnd()
	}}
	untilExpiry = &delay{"when the time to live expires", func(in *Input) time.Duration {
		expires, _ := timeToLive(in.App, in.Settings.DefaultTimeToLive)
		return expires.Sub(in.Now)
	}}
)

// driverDeadline is when a driver that is pending has to be looked at although
// nothing happened; zero for never.
func (in *Input) driverDeadline() time.Time {
	if in.StartsSilently() {
		if due := in.EventsDue(); in.Now.Before(due) {
			return due
		}
		return in.Watch.read.Done(in.Now).Next() // they are read now
	}
	if in.Obstacle == nil {
		return time.Time{}
	}
	if in.Now.Before(in.Obstacle.Due) {
		return in.Obstacle.Due
	}
	if at, stalls := in.Obstacle.StallsAt(); stalls && in.Now.Before(at) {
		return at
	}
	if !in.Watch.rephrase.Due(in.Now) {
		return in.Watch.rephrase.Next()
	}
	return time.Time{}
}

// EventsDue is when the events of a driver that starts silently are read next.
func (in *Input) EventsDue() time.Time {
	return reconcile.Later(diagnosis.QuietUntil(in.Driver), in.Watch.read.Next())
}

// deadline is the end of the time that a run has for one of its phases, and what
// the failure is if the run misses it.
type deadline struct {
	at              time.Time
	kind            v1beta2.FailureType
	reason, message string
}

// deadlines returns those that the run under way has not met yet.
func (in *Input) deadlines() []deadline {
	switch in.Report.State {
	case v1beta2.DriverStatePending:
		return in.startDeadlines()
	case v1beta2.DriverStateRunning:
		return in.runDeadlines()
	default: // ended, or out of sight
		return nil
	}
}

// startDeadlines are those of a driver that does not run yet. Both count from its
// submission.
func (in *Input) startDeadlines() []deadline {
	var list []deadline
	submitted := in.App.Status.LastSubmissionAttemptTime
	if submitted.IsZero() {
		return nil
	}
	if t := in.App.Spec.Timeouts; t != nil && t.DriverStartSeconds != nil {
		list = append(list, deadline{
			at: submitted.Add(bounded(*t.DriverStartSeconds, 1)), kind: v1beta2.FailureTypeApplication, reason: reasonDriverStartTimeout,
			message: fmt.Sprintf("driver did not start within %d s of its submission (timeouts.driverStartSeconds)", *t.DriverStartSeconds),
		})
	}
	limit := in.Settings.DriverCannotStartTimeout
	if o := in.Obstacle; o != nil && o.Failure != "" && limit > 0 {
		list = append(list, deadline{
			at: submitted.Add(limit), kind: o.Failure, reason: o.Reason,
			message: "driver cannot start: " + in.wording(v1beta2.ConditionDriverReady, o),
		})
	}
	return list
}

// runDeadlines are those of a driver that runs. Both count from the start of its
// Spark container; as long as that is not known, there are none.
func (in *Input) runDeadlines() []deadline {
	t, started := in.App.Spec.Timeouts, in.Report.Started
	if t == nil || started.IsZero() {
		return nil
	}
	var list []deadline
	if t.ExecutorsReadySeconds != nil && !in.executorsWereReady() {
		list = append(list, deadline{
			at: started.Add(bounded(*t.ExecutorsReadySeconds, 1)), kind: v1beta2.FailureTypeApplication, reason: reasonExecutorsReadyTimeout,
			message: fmt.Sprintf("%d of %d executors ran within %d s of the driver's start (timeouts.executorsReadySeconds)",
				in.startedExecutors(), startingExecutors(in.App), *t.ExecutorsReadySeconds),
		})
	}
	if t.RunSeconds != nil {
		list = append(list, deadline{
			at: started.Add(bounded(*t.RunSeconds, 1)), kind: v1beta2.FailureTypeApplication, reason: reasonRunTimeout,
			message: fmt.Sprintf("driver ran for %d s (timeouts.runSeconds)", *t.RunSeconds),
		})
	}
	return list
}

// overdue returns the first deadline that the run has missed; nil for none.
func (in *Input) overdue() *deadline {
	var first *deadline
	for _, d := range in.deadlines() {
		if !in.Now.Before(d.at) && (first == nil || d.at.Before(first.at)) {
			first = &d
		}
	}
	return first
}

// untilDeadline is the time to the next deadline, or until the driver should have
// gone that was deleted, at most limit.
func (in *Input) untilDeadline(limit time.Duration) time.Duration {
	if pod := in.Driver; pod != nil && pod.DeletionTimestamp != nil && !reconcile.Stuck(pod.DeletionTimestamp, in.Now) {
		limit = min(limit, reconcile.StuckAt(pod.DeletionTimestamp).Sub(in.Now))
	}
	for _, d := range in.deadlines() {
		limit = min(limit, d.at.Sub(in.Now))
	}
	return limit
}

// overdueFailure is the failure of a run that missed a deadline.
func (in *Input) overdueFailure(d *deadline) failure {
	f := failure{kind: d.kind, reason: d.reason, message: d.message, started: in.Report.Started, ended: metav1.NewTime(in.Now)}
	f.ran = in.ranFor(f.ended)
	return f
}

// bound says how long an application may be in a state before it counts as stuck.
// It ends nothing: the status only reports it.
type bound struct {
	state v1beta2.ApplicationStateType
	limit time.Duration
	// afterRetry is set if the time counts from when the retry is due.
	afterRetry bool
	// hint says where to look.
	hint string
}

// bounds has a line for every state that is not final, but for those that take as
// long as they take: RUNNING, and SUSPENDED until the user ends it. It is printed
// to docs/states.md by a test.
var bounds = []bound{
	{state: StateNew, limit: time.Minute, hint: "check the operator's log"},
	{state: StateSubmitting, limit: 5 * time.Minute, hint: "check the operator's log"},
	{state: StateSubmitted, limit: 10 * time.Minute, hint: "check the driver pod"},
	{state: StateUnknown, limit: 5 * time.Minute, hint: "check the node of the driver"},
	{state: StateSucceeding, limit: time.Minute, hint: "check the operator's log"},
	{state: StateFailing, limit: time.Minute, afterRetry: true, hint: "check the operator's log"},
	{state: StateRefused, limit: time.Minute, afterRetry: true, hint: "check the operator's log"},
	{state: StatePendingRerun, limit: time.Minute, hint: "check the driver pods and the operator's log"},
	{state: StateInvalidating, limit: time.Minute, hint: "check the driver pods and the operator's log"},
	{state: StateSuspending, limit: 2 * time.Minute, hint: "check the driver pods and the operator's log"},
	{state: StateResuming, limit: time.Minute, hint: "check the driver pods and the operator's log"},
}

// stuckBound returns the bound of the present state and when it ends; nil if there
// is none. What takes its time on purpose moves the end: spark-submit in a Job,
// and pods that have been asked to end.
func (in *Input) stuckBound() (*bound, time.Time) {
	if in.App.DeletionTimestamp != nil {
		return nil, time.Time{}
	}
	var b *bound
	for i := range bounds {
		if bounds[i].state == in.State() {
			b = &bounds[i]
		}
	}
	since := in.StateSince()
	if b == nil || since.IsZero() {
		return nil, time.Time{}
	}
	if b.afterRetry {
		if r := in.retry(); r.allowed {
			since = reconcile.Later(since, r.due)
		}
	}
	end := since.Add(b.limit)
	if in.SubmitterPhase() != "" {
		deadline := in.Settings.SubmitterDeadline
		if deadline == 0 {
			deadline = sparksubmit.DefaultDeadline
		}
		end = end.Add(deadline)
	}
	for _, pod := range in.Drivers() {
		if pod.DeletionTimestamp != nil {
			end = reconcile.Later(end, reconcile.StuckAt(pod.DeletionTimestamp))
		}
	}
	return b, end
}

// overstay is set if the application has been in its state for too long.
func (in *Input) overstay() *stalledBy {
	b, end := in.stuckBound()
	if b == nil || in.Now.Before(end) {
		return nil
	}
	state := "new"
	if b.state != StateNew {
		state = string(in.App.Status.AppState.State)
	}
	return &stalledBy{reasonStuck, fmt.Sprintf("the application has been %s since %s, longer than expected; %s",
		state, in.StateSince().UTC().Format(time.RFC3339), b.hint)}
}
