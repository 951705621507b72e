// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// effectOnStatus is a named change of the status that a row of the table makes
// besides the state. It is pure.
type effectOnStatus struct {
	text  string
	apply func(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions)
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

func setSubmitted(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	s := out.Submission
	beginAttempt(in, s, status)
	status.SparkApplicationID = s.SparkApplicationID
	status.ExecutionAttempts++
	status.ObservedSpecHash = s.SpecHash
	startAttempt(status, v1beta2.Attempt{
		SubmissionID:       s.ID,
		SparkApplicationID: s.SparkApplicationID,
		DriverPodName:      s.DriverPodName,
		SubmissionTime:     ptr.To(status.LastSubmissionAttemptTime),
		HistoryURL:         s.HistoryURL,
	})
	c.SetTrue(v1beta2.ConditionSubmitted, reasonSubmitted, "")
	c.Remove(v1beta2.ConditionStalled)
}

// recordRefusal is the counterpart of setSubmitted for a submission that cannot
// succeed.
func recordRefusal(in *Input, out Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	beginAttempt(in, out.Submission, status)
	setEnd(status, metav1.Time{}, reconcile.Truncate(out.Refusal, maxErrorMessage))
	status.ObservedSpecHash = in.SpecHash
	startAttempt(status, v1beta2.Attempt{
		SubmissionID:    out.Submission.ID,
		DriverPodName:   out.Submission.DriverPodName,
		State:           StateRefused,
		SubmissionTime:  ptr.To(status.LastSubmissionAttemptTime),
		TerminationTime: ptr.To(metav1.NewTime(in.Now)),
		Reason:          out.RefusalReason,
		Message:         reconcile.Truncate(out.Refusal, reconcile.MaxConditionMessage),
	})
	c.SetFalse(v1beta2.ConditionSubmitted, out.RefusalReason, out.Refusal)
}

func setRerun(_ *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	clearRun(status)
}

func setChanged(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	endAttempt(status, StateInvalidating, diagnosis.Report{Reason: reasonSpecChanged}, metav1.NewTime(in.Now))
	clearRun(status)
	status.SubmissionAttempts = 0
	status.ExecutionAttempts = 0
	tally{}.store(status)
	status.LastSubmissionAttemptTime = metav1.Time{}
	c.Remove(v1beta2.ConditionStalled)
}

// setUncharged takes back an attempt that is cut short by a suspension: the
// restart policy limits failures, and this is none.
func setUncharged(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	status.ExecutionAttempts = max(status.ExecutionAttempts-1, 0)
	status.ForgivenAttempts = min(status.ForgivenAttempts, status.ExecutionAttempts)
	status.SubmissionAttempts = max(status.SubmissionAttempts-1, 0)
	endAttempt(status, StateSuspended, diagnosis.Report{Reason: reasonSuspended}, metav1.NewTime(in.Now))
}

func setSucceeded(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	setEnd(status, in.runEnd(), "")
	tallyOf(status).afterSuccess(in.App.Spec.RestartPolicy, in.ranFor(status.TerminationTime)).store(status)
	endAttempt(status, StateCompleted, in.Report, status.TerminationTime)
}

func setFailed(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	recordFailure(in, status, in.failure())
}

// setGivenUp explains why a run that was to be retried is not, if the restart
// policy was edited meanwhile.
func setGivenUp(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	refusal := in.retry().refusal
	if !strings.HasSuffix(status.AppState.ErrorMessage, refusal) {
		setEnd(status, status.TerminationTime, reconcile.Join("; ", status.AppState.ErrorMessage, refusal))
	}
}

func setUnreadable(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	setEnd(status, metav1.NewTime(in.Now), "the object cannot be decoded: "+in.Unreadable+"; correct the field")
	status.ObservedSpecHash = undecodableSpec
	c.SetFalse(v1beta2.ConditionSubmitted, ReasonInvalidObject, status.AppState.ErrorMessage)
}

func setInvalid(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	setEnd(status, metav1.NewTime(in.Now), reconcile.Truncate(in.Refusal, maxErrorMessage))
	status.ObservedSpecHash = in.SpecHash
	c.SetFalse(v1beta2.ConditionSubmitted, ReasonInvalidSpec, status.AppState.ErrorMessage)
	c.SetTrue(v1beta2.ConditionStalled, ReasonInvalidSpec, status.AppState.ErrorMessage)
}

func setRefused(in *Input, _ *Outcome, status *v1beta2.SparkApplicationStatus, _ reconcile.Conditions) {
	setEnd(status, metav1.NewTime(in.Now), status.AppState.ErrorMessage)
}

// setNodeLoss notes that the node of the driver is lost, or that it is waited for.
func setNodeLoss(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if out.NodeLoss == "" {
		setWaiting(in, out, status, c)
		return
	}
	c.Set(v1beta2.ConditionDriverReady, metav1.ConditionUnknown, ReasonNodeLost, out.NodeLoss)
	if IsStalled(status, ReasonOldDriver) { // no action is needed any more
		c.Remove(v1beta2.ConditionStalled)
	}
}

// setWaiting says which driver pod is waited for, unless it has just been deleted
// by force.
func setWaiting(in *Input, out *Outcome, _ *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if pod := in.stuckDriver(); pod != nil && out.NodeLoss == "" {
		c.SetTrue(v1beta2.ConditionStalled, ReasonOldDriver, fmt.Sprintf(
			"driver pod %s was deleted, but node %s does not confirm its termination; recover the node, or force-delete the pod once the driver is known to be dead", pod.Name, pod.Spec.NodeName))
	}
}

// recordPending leaves the state as it is and says what is waited for.
func recordPending(p *Pending, c reconcile.Conditions) {
	c.SetFalse(v1beta2.ConditionSubmitted, p.Reason, p.Message)
}
