// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// publishSubmitting says that a submission is under way or waits. What the status has
// of an earlier run goes, but for its id, from which that of the next one follows.
func publishSubmitting(in *Input, status *v1beta2.SparkApplicationStatus) {
	if in.State() == StateSubmitting {
		return
	}
	clearRun(status)
	status.AppState.State = StateSubmitted
	status.LastSubmissionAttemptTime = metav1.NewTime(in.Now)
}

// awaitedCause is the cause for which the status says that the submission waits;
// empty if it waits for none.
func (in *Input) awaitedCause() reconcile.Cause {
	return awaitedCauseOf(&in.App.Status, in.App.Generation)
}

// awaitedCauseOf is the cause in a status. What was awaited for an older spec does not
// count for the one of this generation.
func awaitedCauseOf(status *v1beta2.SparkApplicationStatus, generation int64) reconcile.Cause {
	stalled := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionStalled)
	if StateOf(status) != StateSubmitting || stalled == nil || stalled.ObservedGeneration != generation {
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
func (in *Input) awaitedSince() time.Time {
	if in.awaitedCause() == "" {
		return in.Now
	}
	return in.App.Status.LastSubmissionAttemptTime.Time
}

// GaveUp reports whether a request of the submission failed for good: for a reason
// that lies in the object, or for one that was waited for as long as it may take.
// Where the restart policy submits again, it is what waits for the namespace, as
// kubeflow/spark-operator's fields have it; the API server is waited for in any case.
func (in *Input) GaveUp(err error) bool {
	cause := reconcile.Awaited(err)
	if cause == "" {
		return reconcile.Final(err)
	}
	if !cause.OfServer() && resubmits(in.App.Spec.RestartPolicy) {
		return true
	}
	return !in.Now.Before(in.awaitedSince().Add(cause.Patience()))
}

// recordAwaited says what the submission waits for. The first message of a cause
// stays, because it names the times of all tries.
func recordAwaited(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	publishSubmitting(in, status)
	since := in.awaitedSince()
	if in.awaitedCause() == "" {
		status.LastSubmissionAttemptTime = metav1.NewTime(since)
		c.Remove(v1beta2.ConditionStalled)
	}
	if in.awaitedCause() != out.Awaited {
		c.SetTrue(v1beta2.ConditionStalled, string(out.Awaited), out.Awaited.Explain(since, in.Now, out.Err))
	}
}
