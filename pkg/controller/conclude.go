// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

// outcome is what executing a plan led to.
type outcome struct {
	// submission is what submitRun created or found; nil if it did not run or
	// stopped before the driver pod existed.
	submission *submission
	// refusal says why the submission is refused for good; empty if it is not.
	refusal string
	// awaited is the cause of err if it is a refusal of the submission that may end by
	// itself, else empty.
	awaited reconcile.Cause
	// pending is what submitRun waits for; nil if it does not wait.
	pending *pending
	// ui is what ensureUI achieved; nil if it had nothing to do.
	ui *uiResult
	// events is what readDriverEvents read; nil if it did not read them or got no
	// answer.
	events *driverEvents
	// logTail is what readDriverLog read, or why it could not; empty if it was not
	// asked to.
	logTail string
	// refusalReason is the reason that goes with refusal.
	refusalReason string
	// nodeLoss is the evidence that the node of a driver pod is lost that did not go;
	// empty if there is none.
	nodeLoss string
	// err is worth a retry; nothing after the action that failed was done.
	err error
	// releaseFailed is set if err comes from releaseRun.
	releaseFailed bool
	// unseen is set if the API server kept nothing new of the status, so that no event
	// causes the next look.
	unseen bool
}

// redact hides secrets in what others have to say: the API server, which quotes what
// it refuses, packages that quote the spec, and the kubelet.
func (o *outcome) redact(hide func(string) string) {
	o.refusal = hide(o.refusal)
	if o.submission != nil {
		for i, text := range o.submission.warnings {
			o.submission.warnings[i] = hide(text)
		}
	}
	if o.pending != nil {
		o.pending.message = hide(o.pending.message)
	}
	if o.events != nil && o.events.obstacle != nil {
		o.events.obstacle.detail = hide(o.events.obstacle.detail)
	}
	o.err = redact.Error(o.err, hide)
}

// quietFailures is how many syncs in a row may fail before the status says so. It
// keeps a hiccup of the API server from causing writes to it.
const quietFailures = 3

// conclude returns the status after the plan was executed. It is pure. Failures is
// the number of syncs of this application that failed in a row before this one.
func conclude(in *input, p plan, out outcome, failures int) *v1beta2.SparkApplicationStatus {
	status := in.app.Status.DeepCopy()
	follow(in, p, &out, failures, status)
	if status.AppState.State == stateNew && !equality.Semantic.DeepEqual(&in.app.Status, status) {
		if in.app.DeletionTimestamp != nil {
			return in.app.Status.DeepCopy() // what is new about it is of no interest any more
		}
		publishSubmitting(in, status) // there is no status without a state
	}
	stampTransition(in, status)
	followRetry(in, status)
	return status
}

// followRetry says when the next attempt is due. It changes with the state or an edit
// only, which are written anyway.
func followRetry(in *input, status *v1beta2.SparkApplicationStatus) {
	state := stateOf(status)
	if state == in.state() && status.ObservedGeneration == in.app.Status.ObservedGeneration {
		return
	}
	var next retry
	policy := in.app.Spec.RestartPolicy
	switch {
	case in.unreadable != "":
	case state == stateFailing:
		next = retryAfterFailure(policy, status, in.now)
	case state == stateRefused:
		next = retryAfterRefusal(policy, status, in.now)
	}
	status.NextRetryTime = nil
	if next.allowed {
		// Whole seconds, and not before it is due.
		status.NextRetryTime = ptr.To(metav1.NewTime(next.due.Add(time.Second - 1).Truncate(time.Second)))
	}
}

// follow brings the status in line with what was done.
func follow(in *input, p plan, out *outcome, failures int, status *v1beta2.SparkApplicationStatus) {
	c := reconcile.Conditions{List: &status.Conditions, Generation: in.app.Generation, Now: in.now, Redact: in.settings.redact}
	from := in.state()

	switch {
	case p.row == nil:
		return
	case out.pending != nil:
		publishSubmitting(in, status)
		recordPending(out.pending, c)
		followStalled(in, nil, status, c)
		return
	case out.refusal != "":
		recordRefusal(in, *out, status, c)
		status.AppState.State = stateRefused
	case out.err == nil:
		p.row.enter(status)
		p.row.applySet(in, out, status, c)
		recordLogTail(out, status)
	case out.releaseFailed && (p.row.to == stateCompleted || p.row.to == stateFailed):
		// The run is over, only some of its objects are still there.
		status.AppState.State = stateSucceeding
		if p.row.to == stateFailed {
			status.AppState.State = stateFailing
		}
		p.row.applySet(in, out, status, c)
		recordLogTail(out, status)
	case failures+1 < quietFailures && (out.awaited == "" || from != stateSubmitting):
		return
	case out.awaited != "":
		recordAwaited(in, out, status, c)
		return
	default:
		if p.row.to == stateSubmitted && slices.Contains(toBeSubmitted, from) {
			publishSubmitting(in, status)
		}
		stall(out.err, c)
		return
	}

	if stateOf(status) != from || p.row.to == stateSubmitted {
		followState(status, status.AppState.ErrorMessage, c)
	}
	stalled := followDriver(in, out, status, c)
	followOwner(in, status, c)
	followExecutors(in, status, c)
	followStart(in, status)
	followDisruption(in, status, c)
	followUI(in, out, status, c)
	followStalled(in, stalled, status, c)
	followSpec(in, out, status)
}

func (r *row) applySet(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if r.set != nil {
		r.set.apply(in, out, status, c)
	}
}

// followExecutors brings the states of the executors up to date while there is a
// run or right after it.
func followExecutors(in *input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	state := status.AppState.State
	switch state {
	case stateRunning, stateSucceeding, stateFailing, stateCompleted, stateFailed, stateUnknown, stateSubmitted:
	default:
		return
	}
	if status.SubmissionID != in.app.Status.SubmissionID {
		return // a new run: those seen belong to the one before
	}
	status.ExecutorState = executorStates(status.ExecutorState, in.executors, state, in.settings.MaxTrackedExecutors)
	status.ExecutorCounts = countExecutors(status.ExecutorState, in.executors, state)
	if state == stateRunning {
		executorsReady(in, status, c)
	} else if state != stateUnknown { // where the run may go on as it was
		c.Remove(v1beta2.ConditionExecutorsReady)
	}
}

// followSpec records which spec the status is about, if it can be read at all.
func followSpec(in *input, out *outcome, status *v1beta2.SparkApplicationStatus) {
	if in.unreadable != "" {
		if status.AppState.State == stateFailed && status.SubmissionID == "" && status.ObservedSpecHash == "" {
			status.ObservedSpecHash = undecodableSpec // the API server dropped it
		}
		return
	}
	unedited := in.app.Generation == in.app.Status.ObservedGeneration
	begun := status.SubmissionID != "" || slices.Contains(terminal, status.AppState.State)
	if out.submission == nil && begun && (unedited || !comparableHash(status.ObservedSpecHash)) {
		// Without an edit a hash differs only because another version of the operator
		// computed it. Take the spec as it is for the one that runs.
		status.ObservedSpecHash = in.specHash
	}
	if out.submission != nil && out.submission.specHash != in.specHash {
		return // the pod was built from an older spec; let the next sync compare
	}
	status.ObservedGeneration = in.app.Generation
}

// maxAttempts bounds status.attempts.
const maxAttempts = 10

// startAttempt adds an attempt to the history.
func startAttempt(status *v1beta2.SparkApplicationStatus, attempt v1beta2.Attempt) {
	if excess := len(status.Attempts) + 1 - maxAttempts; excess > 0 {
		status.Attempts = slices.Delete(status.Attempts, 0, excess)
	}
	status.Attempts = append(status.Attempts, attempt)
}

// endAttempt completes the record of the current submission, unless that is done.
// It begins one for a run that another operator started. It returns the record that
// it completed; nil for none.
func endAttempt(status *v1beta2.SparkApplicationStatus, state v1beta2.ApplicationStateType, report driverReport, end metav1.Time) *v1beta2.Attempt {
	attempt := currentAttempt(status)
	if attempt == nil {
		if status.SubmissionID == "" || state != stateCompleted && state != stateFailed {
			return nil
		}
		startAttempt(status, v1beta2.Attempt{
			SubmissionID:       status.SubmissionID,
			SparkApplicationID: status.SparkApplicationID,
			DriverPodName:      status.DriverInfo.PodName,
		})
		attempt = currentAttempt(status)
		if !status.LastSubmissionAttemptTime.IsZero() {
			attempt.SubmissionTime = ptr.To(status.LastSubmissionAttemptTime)
		}
	}
	if attempt.State != "" {
		return nil
	}
	attempt.State = state
	attempt.TerminationTime = ptr.To(end)
	attempt.ExitCode = report.exitCode
	attempt.Reason, attempt.Message = report.reason, reconcile.Truncate(report.message, reconcile.MaxConditionMessage)
	if report.started != nil {
		attempt.StartTime = ptr.To(*report.started)
	}
	return attempt
}

// currentAttempt returns the record of the current submission; nil for none.
func currentAttempt(status *v1beta2.SparkApplicationStatus) *v1beta2.Attempt {
	for i := len(status.Attempts) - 1; i >= 0; i-- {
		if status.Attempts[i].SubmissionID == status.SubmissionID {
			return &status.Attempts[i]
		}
	}
	return nil
}

// stall says in the status that syncs keep failing.
func stall(err error, c reconcile.Conditions) {
	reason := reasonRetrying
	var waiting *reconcile.WaitError
	if errors.As(err, &waiting) {
		reason = waiting.Reason
	}
	c.SetTrueOnce(v1beta2.ConditionStalled, reason, reconcile.OneLine(err.Error()))
}
