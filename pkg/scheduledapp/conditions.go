// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Reasons of conditions.
const (
	// Scheduled
	reasonActive    = "Active"
	reasonSuspended = "Suspended"
	// Scheduled and Stalled
	reasonInvalidSpec   = "InvalidSpec"
	reasonInvalidObject = "InvalidObject"
	// Stalled
	reasonRunRefused    = "RunRefused"
	reasonNameTaken     = "NameTaken"
	reasonRetrying      = "Retrying"
	reasonClockWentBack = "ClockWentBack"
	// OnTime
	reasonStarted = "Started"
	reasonLate    = "Late"
	reasonWaiting = "Waiting"
	reasonSkipped = "Skipped"
	reasonMissed  = "Missed"
)

// endWaiting removes the statement that a run waits: what it waited for is over, or it is
// no longer due.
func endWaiting(c reconcile.Conditions) {
	if onTime := c.Find(v1beta2.ConditionOnTime); onTime != nil && onTime.Reason == reasonWaiting {
		c.Remove(v1beta2.ConditionOnTime)
	}
}
