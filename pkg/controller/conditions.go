// SPDX-License-Identifier: Apache-2.0

package controller

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// conditionUIReady is true once Service and Ingress of the web UI and of the
// driver's other ports exist as the spec asks for them.
const conditionUIReady = "UIReady"

// followState brings the conditions that only repeat the state in line with it.
func followState(status *v1beta2.SparkApplicationStatus, message string, c reconcile.Conditions) {
	switch status.AppState.State {
	case v1beta2.ApplicationStateSubmitted:
		c.SetFalse(v1beta2.ConditionDriverReady, reasonDriverPending, "")
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
		c.Remove(conditionUIReady)
	case v1beta2.ApplicationStateFailed:
		if c.Find(v1beta2.ConditionDriverReady) != nil {
			c.SetFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, "")
		}
		c.SetFalse(v1beta2.ConditionCompleted, reasonFailed, message)
		c.Remove(conditionUIReady)
	case v1beta2.ApplicationStatePendingRerun, v1beta2.ApplicationStateInvalidating:
		c.SetFalse(v1beta2.ConditionSubmitted, reasonRerun, "")
		c.Remove(v1beta2.ConditionDriverReady, v1beta2.ConditionCompleted, v1beta2.ConditionExecutorsReady, conditionUIReady)
	case v1beta2.ApplicationStateSuspending, v1beta2.ApplicationStateSuspended:
		c.SetFalse(v1beta2.ConditionSubmitted, reasonSuspended, "spec.suspend is true")
		c.Remove(v1beta2.ConditionDriverReady, v1beta2.ConditionCompleted, v1beta2.ConditionExecutorsReady, conditionUIReady)
	default: // the other states say nothing here
	}
}
