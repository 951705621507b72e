// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// QuietFailures is how many syncs in a row may fail before the status says so. It
// keeps a hiccup of the API server from causing writes to it.
const QuietFailures = 3

// Conclude returns the status after the plan was executed. It is pure. Failures is
// the number of syncs of this application that failed in a row before this one.
func Conclude(in *Input, p Plan, out Outcome, failures int) *v1beta2.SparkApplicationStatus {
	status := in.App.Status.DeepCopy()
	follow(in, p, &out, failures, status)
	if status.AppState.State == StateNew && !equality.Semantic.DeepEqual(&in.App.Status, status) {
		if in.App.DeletionTimestamp != nil {
			return in.App.Status.DeepCopy() // what is new about it is of no interest any more
		}
		publishSubmitting(in, status) // there is no status without a state
	}
	stampTransition(in, status)
	followRetry(in, status)
	followProgress(in, status)
	followAdvice(in, status)
	followUsage(in, status)
	return status
}

// followRetry says when the next attempt is due. It changes with the state or an edit
// only, which are written anyway.
func followRetry(in *Input, status *v1beta2.SparkApplicationStatus) {
	state := StateOf(status)
	if state == in.State() && status.ObservedGeneration == in.App.Status.ObservedGeneration {
		return
	}
	var next retry
	policy := in.App.Spec.RestartPolicy
	switch {
	case in.Unreadable != "":
	case state == StateFailing:
		next = retryAfterFailure(policy, status, in.Now)
	case state == StateRefused:
		next = retryAfterRefusal(policy, status, in.Now)
	}
	status.NextRetryTime = nil
	if next.allowed {
		// Whole seconds, and not before it is due.
		status.NextRetryTime = ptr.To(metav1.NewTime(next.due.Add(time.Second - 1).Truncate(time.Second)))
	}
}

// follow brings the status in line with what was done.
func follow(in *Input, p Plan, out *Outcome, failures int, status *v1beta2.SparkApplicationStatus) {
	c := reconcile.Conditions{List: &status.Conditions, Generation: in.App.Generation, Now: in.Now, Redact: in.Settings.Hide}
	from := in.State()

	switch {
	case p.Row == nil:
		return
	case out.Pending != nil:
		publishSubmitting(in, status)
		recordPending(out.Pending, c)
		followStalled(in, nil, status, c)
		return
	case out.Refusal != "":
		recordRefusal(in, *out, status, c)
		status.AppState.State = StateRefused
	case out.Err == nil:
		p.Row.enter(status)
		p.Row.applySet(in, out, status, c)
		recordLogTail(out, status)
	case out.ReleaseFailed && (p.Row.to == StateCompleted || p.Row.to == StateFailed):
		// The run is over, only some of its objects are still there.
		status.AppState.State = StateSucceeding
		if p.Row.to == StateFailed {
			status.AppState.State = StateFailing
		}
		p.Row.applySet(in, out, status, c)
		recordLogTail(out, status)
	case failures+1 < QuietFailures && (out.Awaited == "" || from != StateSubmitting):
		return
	case out.Awaited != "":
		recordAwaited(in, out, status, c)
		return
	default:
		if p.Row.to == StateSubmitted && slices.Contains(ToBeSubmitted, from) {
			publishSubmitting(in, status)
		}
		stall(out.Err, c)
		return
	}

	if StateOf(status) != from || p.Row.to == StateSubmitted {
		followState(status, status.AppState.ErrorMessage, c)
	}
	stalled := followDriver(in, out, status, c)
	followOwner(in, status, c)
	followExecutors(in, status, c)
	followStart(in, status)
	followDisruption(in, status, c)
	followUI(in, out, status, c)
	followLogArchive(in, status, c)
	followStalled(in, stalled, status, c)
	followSpec(in, out, status)
}

func (r *Row) applySet(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if r.set != nil {
		r.set.apply(in, out, status, c)
	}
}

// followExecutors brings the states of the executors up to date while there is a
// run or right after it.
func followExecutors(in *Input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	state := status.AppState.State
	switch state {
	case StateRunning, StateSucceeding, StateFailing, StateCompleted, StateFailed, StateUnknown, StateSubmitted:
	default:
		return
	}
	if status.SubmissionID != in.App.Status.SubmissionID {
		return // a new run: those seen belong to the one before
	}
	status.ExecutorState = executorStates(status.ExecutorState, in.Executors, state, in.Settings.MaxTrackedExecutors)
	status.ExecutorCounts = countExecutors(status.ExecutorState, in.Executors, state)
	if state == StateRunning {
		executorsReady(in, status, c)
	} else if state != StateUnknown { // where the run may go on as it was
		c.Remove(v1beta2.ConditionExecutorsReady)
	}
}

// followSpec records which spec the status is about, if it can be read at all.
func followSpec(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus) {
	if in.Unreadable != "" {
		if status.AppState.State == StateFailed && status.SubmissionID == "" && status.ObservedSpecHash == "" {
			status.ObservedSpecHash = undecodableSpec // the API server dropped it
		}
		return
	}
	unedited := in.App.Generation == in.App.Status.ObservedGeneration
	begun := status.SubmissionID != "" || slices.Contains(Terminal, status.AppState.State)
	if out.Submission == nil && begun && (unedited || !ComparableHash(status.ObservedSpecHash)) {
		// Without an edit a hash differs only because another version of the operator
		// computed it. Take the spec as it is for the one that runs.
		status.ObservedSpecHash = in.SpecHash
	}
	if out.Submission != nil && out.Submission.SpecHash != in.SpecHash {
		return // the pod was built from an older spec; let the next sync compare
	}
	status.ObservedGeneration = in.App.Generation
}

// stampTransition records when the application came into another state.
func stampTransition(in *Input, status *v1beta2.SparkApplicationStatus) {
	if StateOf(status) != in.State() {
		now := metav1.NewTime(in.Now)
		status.AppState.LastTransitionTime = &now
	}
}
