// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// stalledBy is why an application is stalled.
type stalledBy struct{ reason, message string }

// followStalled sets or removes the condition Stalled after a step that did what
// it had to. The most exact reason wins: what is wrong with the object, then with
// an earlier driver, then with the present one, then that nothing goes on.
func followStalled(in *input, driver *stalledBy, c conditions) {
	present := meta.FindStatusCondition(c.status.Conditions, v1beta2.ConditionStalled)
	switch {
	case in.unreadable != "":
		c.setTrue(v1beta2.ConditionStalled, reasonInvalidObject, in.unreadable+"; correct the field")
	case present != nil && present.Reason == reasonInvalidSpec:
	case present != nil && present.Reason == reasonOldDriver && in.stuckDriver() != nil:
	case driver != nil:
		c.setTrue(v1beta2.ConditionStalled, driver.reason, driver.message)
	default:
		if s := in.overstay(); s != nil && stateOf(c.status) == in.state() {
			c.setTrue(v1beta2.ConditionStalled, s.reason, s.message)
			return
		}
		c.remove(v1beta2.ConditionStalled)
	}
}

// isStalled reports whether the status says that it is stalled for that reason.
func isStalled(status *v1beta2.SparkApplicationStatus, reason string) bool {
	condition := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionStalled)
	return condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == reason
}
