// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// stalledBy is why an application is stalled.
type stalledBy struct{ reason, message string }

// followStalled sets or removes the condition Stalled after a step that did what
// it had to. The most exact reason wins: what is wrong with the object, then with
// an earlier driver, then with the present one, then that nothing goes on.
func followStalled(in *input, driver *stalledBy, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	present := c.Find(v1beta2.ConditionStalled)
	switch {
	case in.unreadable != "":
		c.SetTrue(v1beta2.ConditionStalled, reasonInvalidObject, in.unreadable+"; correct the field")
	case present != nil && present.Reason == reasonInvalidSpec:
	case present != nil && present.Reason == reasonOldDriver && in.stuckDriver() != nil:
	case driver != nil:
		c.SetTrue(v1beta2.ConditionStalled, driver.reason, driver.message)
	default:
		if s := in.overstay(); s != nil && stateOf(status) == in.state() {
			c.SetTrue(v1beta2.ConditionStalled, s.reason, s.message)
			return
		}
		c.Remove(v1beta2.ConditionStalled)
	}
}

// isStalled reports whether the status says that it is stalled for that reason.
func isStalled(status *v1beta2.SparkApplicationStatus, reason string) bool {
	return reconcile.IsTrue(status.Conditions, v1beta2.ConditionStalled, reason)
}
