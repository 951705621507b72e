// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// stateSubmitting is published as SUBMITTED, too: a submission is under way or waits,
// and its driver pod does not exist yet.
const stateSubmitting v1beta2.ApplicationStateType = "SUBMITTED, no driver yet"

// stateOf is the state by which the table works.
func stateOf(status *v1beta2.SparkApplicationStatus) v1beta2.ApplicationStateType {
	if status.BeingSubmitted() {
		return stateSubmitting
	}
	return status.AppState.State
}

// publishSubmitting says that a submission is under way or waits. What the status has
// of an earlier run goes, but for its id, from which that of the next one follows.
func publishSubmitting(in *input, status *v1beta2.SparkApplicationStatus) {
	if in.state() == stateSubmitting {
		return
	}
	setRerun(in, nil, status, reconcile.Conditions{})
	status.AppState.State = stateSubmitted
	status.LastSubmissionAttemptTime = metav1.NewTime(in.now)
}

// awaitedCause is the cause for which the status says that the submission waits;
// empty if it waits for none.
func (in *input) awaitedCause() reconcile.Cause {
	return awaitedCauseOf(&in.app.Status, in.app.Generation)
}

// awaitedCauseOf is the cause in a status. What was awaited for an older spec does not
// count for the one of this generation.
func awaitedCauseOf(status *v1beta2.SparkApplicationStatus, generation int64) reconcile.Cause {
	stalled := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionStalled)
	if stateOf(status) != stateSubmitting || stalled == nil || stalled.ObservedGeneration != generation {
		return ""
	}
	switch cause := reconcile.Cause(stalled.Reason); cause {
	case reconcile.NotPermitted, reconcile.KindNotServed, reconcile.ReferenceNotFound, reconcile.QuotaExceeded, reconcile.AdmissionDenied:
		return cause
	}
	return ""
}

// awaitedSince is since when the submission waits for refusals to end; now if it does
// not yet. The status keeps it, so it outlives the operator.
func (in *input) awaitedSince() time.Time {
	if in.awaitedCause() == "" {
		return in.now
	}
	return in.app.Status.LastSubmissionAttemptTime.Time
}

// gaveUp reports whether a request of the submission failed for good: for a reason
// that lies in the object, or for one that was waited for as long as it may take.
// Where the restart policy submits again, it is what waits for the namespace, as
// kubeflow/spark-operator's fields have it; the API server is waited for in any case.
func (in *input) gaveUp(err error) bool {
	cause := reconcile.Awaited(err)
	if cause == "" {
		return reconcile.Final(err)
	}
	if !cause.OfServer() && resubmits(in.app.Spec.RestartPolicy) {
		return true
	}
	return !in.now.Before(in.awaitedSince().Add(cause.Patience()))
}

// recordAwaited says what the submission waits for. The first message of a cause
// stays, because it names the times of all tries.
func recordAwaited(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	publishSubmitting(in, status)
	since := in.awaitedSince()
	if in.awaitedCause() == "" {
		status.LastSubmissionAttemptTime = metav1.NewTime(since)
		c.Remove(v1beta2.ConditionStalled)
	}
	if in.awaitedCause() != out.awaited {
		c.SetTrue(v1beta2.ConditionStalled, string(out.awaited), out.awaited.Explain(since, in.now, out.err))
	}
}

// releaseTries is how many tries in a row, and releasePatience how long after the
// end of a run, the deletion of its objects may fail before they are left behind for
// their owner to take along.
const (
	releaseTries    = 4
	releasePatience = 2 * time.Minute
)

// leavesBehind reports whether the deletion of an object of an ended run has failed
// for good.
func (t *task) leavesBehind(err error) bool {
	if reconcile.Awaited(err) == "" {
		return reconcile.Final(err)
	}
	since := t.in.stateSince()
	if at := t.in.app.DeletionTimestamp; at != nil {
		since = at.Time
	}
	return t.failures >= releaseTries && t.in.now.Sub(since) >= releasePatience
}
