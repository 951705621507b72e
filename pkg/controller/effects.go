// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// effectOnStatus is a named change of the status that a row of the table makes
// besides the state. It is pure.
type effectOnStatus struct {
	text  string
	apply func(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions)
}

var (
	explainWait        = &effectOnStatus{"report which pod does not terminate", setWaiting}
	explainNodeLoss    = &effectOnStatus{"report that the node is lost, or that the operator waits for it", setNodeLoss}
	recordSubmission   = &effectOnStatus{"record the submission", setSubmitted}
	resetForRerun      = &effectOnStatus{"clear the run, keep the counters", setRerun}
	resetForChange     = &effectOnStatus{"clear the run and the counters", setChanged}
	resetForSuspension = &effectOnStatus{"clear the run, keep the counters", setRerun}
	uncharge           = &effectOnStatus{"do not count the attempt", setUncharged}
	endSucceeded       = &effectOnStatus{"record the end", setSucceeded}
	endFailed          = &effectOnStatus{"record end and cause", setFailed}
	endLost            = &effectOnStatus{"record that the driver is gone", setFailed}
	endTimedOut        = &effectOnStatus{"record the timeout", setFailed}
	endGivenUp         = &effectOnStatus{"record why no retry follows", setGivenUp}
	failUnreadable     = &effectOnStatus{"record the invalid field", setUnreadable}
	failInvalid        = &effectOnStatus{"record the invalid fields", setInvalid}
	failRefused        = &effectOnStatus{"record the end", setRefused}
)

func setSubmitted(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	s := out.submission
	beginAttempt(in, s, status)
	status.AppState.ErrorMessage = ""
	status.SparkApplicationID = s.sparkApplicationID
	status.ExecutionAttempts++
	status.ObservedSpecHash = s.specHash
	startAttempt(status, v1beta2.Attempt{
		SubmissionID:       s.id,
		SparkApplicationID: s.sparkApplicationID,
		DriverPodName:      s.driverPodName,
		SubmissionTime:     ptr.To(status.LastSubmissionAttemptTime),
	})
	c.SetTrue(v1beta2.ConditionSubmitted, reasonSubmitted, "")
	c.Remove(v1beta2.ConditionStalled)
}

// beginAttempt is what a submission leaves in the status whether it succeeds or
// not.
func beginAttempt(in *input, s *submission, status *v1beta2.SparkApplicationStatus) {
	status.SubmissionID = s.id
	status.LastSubmissionAttemptTime = metav1.NewTime(s.time.Truncate(0))
	status.TerminationTime = metav1.Time{}
	status.DriverInfo = v1beta2.DriverInfo{PodName: s.driverPodName}
	status.ExecutorState = nil
	status.ExecutorCounts = nil
	status.SparkApplicationID = ""
	status.SubmissionAttempts++
}

// maxErrorMessage bounds what a refusal may put into the status, in bytes: an
// admission webhook may answer at any length.
const maxErrorMessage = 8 << 10

// recordRefusal is the counterpart of setSubmitted for a submission that cannot
// succeed.
func recordRefusal(in *input, out outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	beginAttempt(in, out.submission, status)
	status.AppState.ErrorMessage = reconcile.Truncate(out.refusal, maxErrorMessage)
	status.ObservedSpecHash = in.specHash
	startAttempt(status, v1beta2.Attempt{
		SubmissionID:    out.submission.id,
		DriverPodName:   out.submission.driverPodName,
		State:           stateRefused,
		SubmissionTime:  ptr.To(status.LastSubmissionAttemptTime),
		TerminationTime: ptr.To(metav1.NewTime(in.now)),
		Reason:          out.refusalReason,
		Message:         reconcile.Truncate(out.refusal, reconcile.MaxConditionMessage),
	})
	c.SetFalse(v1beta2.ConditionSubmitted, out.refusalReason, out.refusal)
}

func setRerun(_ *input, _ *outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	status.SparkApplicationID = ""
	status.AppState.ErrorMessage = ""
	status.DriverInfo = v1beta2.DriverInfo{}
	status.ExecutorState = nil
	status.ExecutorCounts = nil
	status.TerminationTime = metav1.Time{}
}

func setChanged(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	endAttempt(status, stateInvalidating, driverReport{reason: reasonSpecChanged}, metav1.NewTime(in.now))
	setRerun(in, out, status, c)
	status.SubmissionAttempts = 0
	status.ExecutionAttempts = 0
	tally{}.store(status)
	status.LastSubmissionAttemptTime = metav1.Time{}
	c.Remove(v1beta2.ConditionStalled)
}

// setUncharged takes back an attempt that is cut short by a suspension: the
// restart policy limits failures, and this is none.
func setUncharged(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	status.ExecutionAttempts = max(status.ExecutionAttempts-1, 0)
	status.ForgivenAttempts = min(status.ForgivenAttempts, status.ExecutionAttempts)
	status.SubmissionAttempts = max(status.SubmissionAttempts-1, 0)
	endAttempt(status, stateSuspended, driverReport{reason: reasonSuspended}, metav1.NewTime(in.now))
}

func setSucceeded(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	status.AppState.ErrorMessage = ""
	status.TerminationTime = in.runEnd()
	tallyOf(status).afterSuccess(in.app.Spec.RestartPolicy, in.ranFor(status.TerminationTime)).store(status)
	endAttempt(status, stateCompleted, in.report, status.TerminationTime)
}

func setFailed(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	recordFailure(in, status, in.failure())
}

// setGivenUp explains why a run that was to be retried is not, if the restart
// policy was edited meanwhile.
func setGivenUp(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	refusal := in.retry().refusal
	if !strings.HasSuffix(status.AppState.ErrorMessage, refusal) {
		status.AppState.ErrorMessage = reconcile.Join("; ", status.AppState.ErrorMessage, refusal)
	}
}

func setUnreadable(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	status.AppState.ErrorMessage = "the object cannot be decoded: " + in.unreadable + "; correct the field"
	status.TerminationTime = metav1.NewTime(in.now)
	status.ObservedSpecHash = undecodableSpec
	c.SetFalse(v1beta2.ConditionSubmitted, reasonInvalidObject, status.AppState.ErrorMessage)
}

func setInvalid(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	status.AppState.ErrorMessage = reconcile.Truncate(in.refusal(), maxErrorMessage)
	status.TerminationTime = metav1.NewTime(in.now)
	status.ObservedSpecHash = in.specHash
	c.SetFalse(v1beta2.ConditionSubmitted, reasonInvalidSpec, status.AppState.ErrorMessage)
	c.SetTrue(v1beta2.ConditionStalled, reasonInvalidSpec, status.AppState.ErrorMessage)
}

func setRefused(in *input, _ *outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	status.TerminationTime = metav1.NewTime(in.now)
}
