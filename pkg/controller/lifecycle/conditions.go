// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// followState brings the conditions that only repeat the state in line with it.
func followState(status *v1beta2.SparkApplicationStatus, message string, c reconcile.Conditions) {
	switch status.AppState.State {
	case v1beta2.ApplicationStateSubmitted:
		c.SetFalse(v1beta2.ConditionDriverReady, diagnosis.ReasonDriverPending, "")
		c.Remove(v1beta2.ConditionCompleted)
	case v1beta2.ApplicationStateRunning:
		c.SetTrue(v1beta2.ConditionDriverReady, reasonDriverRunning, "")
		c.Remove(v1beta2.ConditionCompleted)
	case v1beta2.ApplicationStateUnknown:
		c.Set(v1beta2.ConditionDriverReady, metav1.ConditionUnknown, reasonDriverUnknown, "the node of the driver does not report")
	case v1beta2.ApplicationStateSucceeding, v1beta2.ApplicationStateFailing:
		c.SetFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, message)
	case v1beta2.ApplicationStateCompleted:
		c.SetFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, "")
		c.SetTrue(v1beta2.ConditionCompleted, reasonSucceeded, "")
		c.Remove(v1beta2.ConditionUIReady)
	case v1beta2.ApplicationStateFailed:
		if c.Find(v1beta2.ConditionDriverReady) != nil {
			c.SetFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, "")
		}
		c.SetFalse(v1beta2.ConditionCompleted, reasonFailed, message)
		c.Remove(v1beta2.ConditionUIReady)
	case v1beta2.ApplicationStatePendingRerun, v1beta2.ApplicationStateInvalidating:
		c.SetFalse(v1beta2.ConditionSubmitted, reasonRerun, "")
		c.Remove(v1beta2.ConditionDriverReady, v1beta2.ConditionCompleted, v1beta2.ConditionExecutorsReady, v1beta2.ConditionUIReady)
	case v1beta2.ApplicationStateSuspending, v1beta2.ApplicationStateSuspended:
		c.SetFalse(v1beta2.ConditionSubmitted, reasonSuspended, "spec.suspend is true")
		c.Remove(v1beta2.ConditionDriverReady, v1beta2.ConditionCompleted, v1beta2.ConditionExecutorsReady, v1beta2.ConditionUIReady)
	default: // the other states say nothing here
	}
}

// stalledBy is why an application is stalled.
type stalledBy struct{ reason, message string }

// followStalled sets or removes the condition Stalled after a step that did what
// it had to. The most exact reason wins: what is wrong with the object, then with
// an earlier driver, then with the present one, then that nothing goes on.
func followStalled(in *Input, driver *stalledBy, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	present := c.Find(v1beta2.ConditionStalled)
	switch {
	case in.Unreadable != "":
		c.SetTrue(v1beta2.ConditionStalled, ReasonInvalidObject, in.Unreadable+"; correct the field")
	case present != nil && present.Reason == ReasonInvalidSpec:
	case present != nil && present.Reason == ReasonOldDriver && in.stuckDriver() != nil:
	case driver != nil:
		c.SetTrue(v1beta2.ConditionStalled, driver.reason, driver.message)
	default:
		if s := in.overstay(); s != nil && StateOf(status) == in.State() {
			c.SetTrue(v1beta2.ConditionStalled, s.reason, s.message)
			return
		}
		c.Remove(v1beta2.ConditionStalled)
	}
}

// IsStalled reports whether the status says that it is stalled for that reason.
func IsStalled(status *v1beta2.SparkApplicationStatus, reason string) bool {
	return reconcile.IsTrue(status.Conditions, v1beta2.ConditionStalled, reason)
}

// stall says in the status that syncs keep failing.
func stall(err error, c reconcile.Conditions) {
	reason := ReasonRetrying
	var waiting *reconcile.WaitError
	if errors.As(err, &waiting) {
		reason = waiting.Reason
	}
	c.SetTrueOnce(v1beta2.ConditionStalled, reason, reconcile.OneLine(err.Error()))
}
