// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// retry is the verdict of the restart policy.
type retry struct {
	allowed bool
	// due is when the next attempt may start.
	due time.Time
	// refusal says why the policy forbids a retry that it would otherwise allow;
	// empty where there is nothing to explain.
	refusal string
}

// Defaults of restartPolicy.backoff and restartPolicy.infrastructureFailures.
const (
	defaultBackoffMaxSeconds     int64 = 300
	defaultBackoffJitterPercent  int32 = 10
	defaultInfrastructureRetries int32 = 10
)

func (in *Input) retryDue() bool {
	r := in.retry()
	return r.allowed && !in.Now.Before(r.due)
}

// retry is the verdict of the restart policy on the failure at hand: a refused
// submission or a failed run, which may end just now. A spec that cannot be
// decoded allows none.
func (in *Input) retry() retry {
	policy, status := in.App.Spec.RestartPolicy, &in.App.Status
	if in.Unreadable != "" {
		return retry{}
	}
	if in.State() == StateRefused {
		return retryAfterRefusal(policy, status, in.Now)
	}
	if isLive(in.State()) {
		f := in.failure()
		return retryAfter(policy, tallyOf(status).afterFailure(policy, f), f, spanOf(status, f.ended.Time), status.SubmissionID)
	}
	return retryAfterFailure(policy, status, in.Now)
}

// runEnd is the time at which the driver ended, as far as its pod shows. The clock
// of the node may be ahead of ours; retries and the time to live, which count from
// here, must not wait for it.
func (in *Input) runEnd() metav1.Time {
	if finished := in.Report.Finished; finished != nil && finished.Time.Before(in.Now) {
		return *finished
	}
	return metav1.NewTime(in.Now)
}

// ranFor is how long the driver had run by then; 0 if it was not seen running.
func (in *Input) ranFor(end metav1.Time) time.Duration {
	if started := in.Report.Started; started != nil {
		return max(end.Sub(started.Time), 0)
	}
	if attempt := currentAttempt(&in.App.Status); attempt != nil && attempt.StartTime != nil {
		return max(end.Sub(attempt.StartTime.Time), 0)
	}
	return 0
}

// retryAfterSuccess is the verdict after a run that succeeded.
func retryAfterSuccess(policy v1beta2.RestartPolicy) retry {
	return retry{allowed: policy.Type == v1beta2.RestartPolicyAlways}
}

// retryAfterFailure is the verdict after a run whose failure the status records.
func retryAfterFailure(policy v1beta2.RestartPolicy, status *v1beta2.SparkApplicationStatus, now time.Time) retry {
	return retryAfter(policy, tallyOf(status), recordedFailure(status), spanOf(status, endOf(status.TerminationTime, now)), status.SubmissionID)
}

// retryAfter is the verdict after a failed run that the tally contains. N retries
// are N+1 charged runs. The delay counts from the end of the run, that of
// kubeflow/spark-operator's fields from its submission. Its jitter
// follows from the id of the submission, so that it is the same whenever and by
// whomever it is computed.
func retryAfter(policy v1beta2.RestartPolicy, t tally, f failure, run span, submissionID string) retry {
	r := retryByType(policy, t, run, submissionID)
	if p := policy.InfrastructureFailures; p != nil && f.kind == v1beta2.FailureTypeInfrastructure && t.infrastructure <= infrastructureRetries(p) {
		r = retry{allowed: true, due: run.end.Add(bounded(ptr.Deref(p.IntervalSeconds, v1beta2.DefaultRetryIntervalSeconds), 1))}
	}
	if code := f.exitCode; r.allowed && code != nil && slices.Contains(policy.NonRetryableExitCodes, *code) {
		return retry{refusal: fmt.Sprintf("not retried: exit code %d is in restartPolicy.nonRetryableExitCodes", *code)}
	}
	return r
}

// retryByType is the verdict on a failure that is charged to the application.
func retryByType(policy v1beta2.RestartPolicy, t tally, run span, submissionID string) retry {
	r := linear(policy.Type, policy.OnFailureRetries, policy.OnFailureRetryInterval, t.charged(), run)
	if r.allowed && policy.Backoff != nil {
		r.due = run.end.Add(exponential(policy, t.charged(), submissionID))
	}
	return r
}

// infrastructureRetries is how many failures of the infrastructure in a row are
// not charged.
func infrastructureRetries(p *v1beta2.InfrastructureFailurePolicy) int32 {
	return ptr.Deref(p.Retries, defaultInfrastructureRetries)
}

// retryAfterRefusal is the verdict after a submission that was refused. Only
// refused submissions count, not those that led to a run, so both limits hold
// independently.
func retryAfterRefusal(policy v1beta2.RestartPolicy, status *v1beta2.SparkApplicationStatus, now time.Time) retry {
	return linear(policy.Type, policy.OnSubmissionFailureRetries, policy.OnSubmissionFailureRetryInterval,
		status.SubmissionAttempts-status.ExecutionAttempts, spanOf(status, endOf(status.LastSubmissionAttemptTime, now)))
}

// resubmits reports whether the policy follows a refused submission by another one.
func resubmits(policy v1beta2.RestartPolicy) bool {
	return linear(policy.Type, policy.OnSubmissionFailureRetries, nil, 1, span{}).allowed
}

// span is the time of an attempt.
type span struct{ submission, end time.Time }

// spanOf is the time of the current submission, which ended then.
func spanOf(status *v1beta2.SparkApplicationStatus, end time.Time) span {
	submission := status.LastSubmissionAttemptTime.Time
	if submission.IsZero() || submission.After(end) {
		submission = end
	}
	return span{submission, end}
}

// longestLinear is the longest linear delay, unless a single interval is longer.
const longestLinear = 10 * time.Minute

// linear allows a retry while attempts do not exceed retries, interval × attempts
// seconds after the last submission, which after a long run is at once.
func linear(policy v1beta2.RestartPolicyType, retries *int32, interval *int64, attempts int32, last span) retry {
	switch policy {
	case v1beta2.RestartPolicyAlways:
	case v1beta2.RestartPolicyOnFailure:
		if retries == nil || attempts > *retries {
			return retry{}
		}
	default:
		return retry{}
	}
	seconds := ptr.Deref(interval, v1beta2.DefaultRetryIntervalSeconds)
	delay := min(bounded(seconds, int64(max(attempts, 1))), max(bounded(seconds, 1), longestLinear))
	return retry{allowed: true, due: reconcile.Later(last.submission.Add(delay), last.end)}
}

// exponential is the delay after so many charged runs: the initial one, doubled
// for each run after the first, at most the longest, less the jitter.
func exponential(policy v1beta2.RestartPolicy, attempts int32, submissionID string) time.Duration {
	b := policy.Backoff
	longest := bounded(ptr.Deref(b.MaxSeconds, defaultBackoffMaxSeconds), 1)
	initial := ptr.Deref(policy.OnFailureRetryInterval, v1beta2.DefaultRetryIntervalSeconds)
	delay := bounded(ptr.Deref(b.InitialSeconds, initial), 1)
	for range max(attempts, 1) - 1 {
		if delay <= 0 || delay >= longest {
			break
		}
		delay *= 2 // below 2 × maxDelay, far from an overflow
	}
	delay = min(delay, longest)
	percent := min(max(ptr.Deref(b.JitterPercent, defaultBackoffJitterPercent), 0), 100)
	return delay - time.Duration(float64(delay)*float64(percent)/100*spread(submissionID))
}

// spread maps a submission to a number from 0 up to but without 1, such that those
// of different submissions look random.
func spread(submissionID string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(submissionID)) // never fails
	x := h.Sum64()
	x ^= x >> 33 // the last characters would otherwise hardly reach the upper bits
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// maxDelay bounds what a user can ask for, so that no product overflows.
const maxDelay = 365 * 24 * time.Hour

// bounded is seconds × factor, at least zero and at most maxDelay.
func bounded(seconds, factor int64) time.Duration {
	limit := int64(maxDelay / time.Second)
	if seconds > limit/factor {
		return maxDelay
	}
	return time.Duration(max(seconds, 0)*factor) * time.Second
}

// endOf is the time recorded in the status, or now if there is none.
func endOf(recorded metav1.Time, now time.Time) time.Time {
	if recorded.IsZero() {
		return now
	}
	return recorded.Time
}

// tally is the part of the status by which the restart policy counts runs.
type tally struct {
	executions, forgiven, infrastructure int32
}

func tallyOf(status *v1beta2.SparkApplicationStatus) tally {
	return tally{status.ExecutionAttempts, status.ForgivenAttempts, status.InfrastructureFailures}
}

func (t tally) store(status *v1beta2.SparkApplicationStatus) {
	status.ForgivenAttempts, status.InfrastructureFailures = t.forgiven, t.infrastructure
}

// charged is how many runs count against the limits of the restart policy.
func (t tally) charged() int32 { return max(t.executions-t.forgiven, 0) }

// afterFailure is the tally once the current run has failed. Decisions in the
// state in which a failure is seen and in the state that waits for the retry rest
// on the same numbers, because this is the only place where they are made.
func (t tally) afterFailure(policy v1beta2.RestartPolicy, f failure) tally {
	t = t.afterRun(policy, f.ran)
	if f.kind != v1beta2.FailureTypeInfrastructure {
		t.infrastructure = 0
		return t
	}
	t.infrastructure++
	// Beyond its own retries such a failure counts like any other.
	if p := policy.InfrastructureFailures; p != nil && t.infrastructure <= infrastructureRetries(p) {
		t.forgiven = min(t.forgiven+1, t.executions)
	}
	return t
}

// afterSuccess is the tally once the current run has succeeded.
func (t tally) afterSuccess(policy v1beta2.RestartPolicy, ran time.Duration) tally {
	t = t.afterRun(policy, ran)
	t.infrastructure = 0
	if policy.Backoff != nil {
		t.forgiven = t.executions // delays that double do so from failure to failure
	}
	return t
}

// afterRun forgives all runs before the current one if that was long enough.
func (t tally) afterRun(policy v1beta2.RestartPolicy, ran time.Duration) tally {
	if policy.Backoff == nil || policy.Backoff.ResetAfterSeconds == nil {
		return t
	}
	if ran >= bounded(ptr.Deref(policy.Backoff.ResetAfterSeconds, 0), 1) {
		t.forgiven, t.infrastructure = max(t.executions-1, 0), 0
	}
	return t
}

// failure is how a run failed: what the restart policy and the record of the
// attempt have to know.
type failure struct {
	// kind is empty if the status does not say it.
	kind     v1beta2.FailureType
	exitCode *int32
	// reason is one CamelCase word; message is one line.
	reason, message string
	started         *metav1.Time
	ended           metav1.Time
	// ran is how long the driver ran, as far as that is known.
	ran time.Duration
}

// failure is the failure of the run that is under way, which there is: its driver
// is gone, has failed, or takes too long.
func (in *Input) failure() failure {
	switch {
	case in.absent():
		return in.lostDriver()
	case in.Report.State == v1beta2.DriverStateFailed:
		f := failure{
			kind:     diagnosis.FailureType(in.Driver, in.Report),
			exitCode: in.Report.ExitCode,
			reason:   in.Report.Reason, message: in.Report.Message,
			started: in.Report.Started, ended: in.runEnd(),
		}
		f.ran = in.ranFor(f.ended)
		return f
	}
	if d := in.overdue(); d != nil {
		return in.overdueFailure(d)
	}
	return failure{}
}

// lostDriver is the failure of a run whose driver pod is gone. What was to be seen
// of the pod while it was about to go is in the status.
func (in *Input) lostDriver() failure {
	f := failure{
		kind:   v1beta2.FailureTypeApplication,
		reason: ReasonDriverLost, message: "driver pod not found",
		ended: metav1.NewTime(in.Now),
	}
	f.ran = in.ranFor(f.ended)
	ready := meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionDriverReady)
	switch {
	case in.App.DeletionTimestamp != nil:
		f.message = "the driver pod went because the application is being deleted"
	case ready == nil:
	case ready.Reason == reasonDriverDisrupted:
		f.kind = v1beta2.FailureTypeInfrastructure
		f.message = reconcile.Join(": ", f.message, ready.Message)
	case ready.Reason == ReasonNodeLost:
		f.kind, f.reason = v1beta2.FailureTypeInfrastructure, ReasonNodeLost
		f.message = reconcile.Join(": ", "driver lost with its node", ready.Message)
	}
	return f
}

// recordedFailure is the failure that ended the current submission, as the status
// records it.
func recordedFailure(status *v1beta2.SparkApplicationStatus) failure {
	attempt := currentAttempt(status)
	if attempt == nil {
		return failure{}
	}
	return failure{kind: attempt.FailureType, exitCode: attempt.ExitCode}
}

// recordFailure writes a failure to the status and counts it.
func recordFailure(in *Input, status *v1beta2.SparkApplicationStatus, f failure) {
	policy := in.App.Spec.RestartPolicy
	counted := tallyOf(status).afterFailure(policy, f)
	counted.store(status)
	verdict := retryAfter(policy, counted, f, spanOf(status, f.ended.Time), status.SubmissionID)
	setEnd(status, f.ended, reconcile.Join("; ", f.message, verdict.refusal))
	ended := endAttempt(status, StateFailed, diagnosis.Report{ExitCode: f.exitCode, Started: f.started, Reason: f.reason, Message: f.message}, f.ended)
	if ended != nil {
		ended.FailureType = f.kind
	}
}

// timeToLive returns when a finished application is to be deleted; false if it
// stays. The time counts from the end of the driver. Zero or less in the spec
// means at once; the operator's default applies if the spec says nothing, and
// zero there means that applications stay.
func timeToLive(app *v1beta2.SparkApplication, byDefault time.Duration) (expires time.Time, limited bool) {
	ended := app.Status.TerminationTime
	if ended.IsZero() {
		return time.Time{}, false
	}
	switch seconds := app.Spec.TimeToLiveSeconds; {
	case seconds != nil:
		return ended.Add(bounded(max(*seconds, 0), 1)), true
	case byDefault > 0:
		return ended.Add(byDefault), true
	}
	return time.Time{}, false
}

// expired reports whether the time to live of a finished application has expired.
func (in *Input) expired() bool {
	expires, limited := timeToLive(in.App, in.Settings.DefaultTimeToLive)
	return limited && !in.Now.Before(expires)
}
