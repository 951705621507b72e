// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
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

// conditions edits the conditions of a status at one moment.
type conditions struct {
	status     *v1beta2.ScheduledSparkApplicationStatus
	generation int64
	now        time.Time
}

// maxConditionMessage keeps the status small; the API allows 32768.
const maxConditionMessage = 1024

func (c conditions) set(kind string, value bool, reason, message string) {
	status := metav1.ConditionFalse
	if value {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&c.status.Conditions, metav1.Condition{
		Type:               kind,
		Status:             status,
		ObservedGeneration: c.generation,
		LastTransitionTime: metav1.NewTime(c.now),
		Reason:             reason,
		Message:            truncated(message, maxConditionMessage),
	})
}

func (c conditions) remove(kind string) { meta.RemoveStatusCondition(&c.status.Conditions, kind) }

// endWaiting takes back that a run waits: what it waited for is over, or it is not
// due any more.
func (c conditions) endWaiting() {
	if onTime := meta.FindStatusCondition(c.status.Conditions, v1beta2.ConditionOnTime); onTime != nil && onTime.Reason == reasonWaiting {
		c.remove(v1beta2.ConditionOnTime)
	}
}

// isStalled reports whether the status says that it is stalled for that reason.
func isStalled(status *v1beta2.ScheduledSparkApplicationStatus, reason string) bool {
	condition := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionStalled)
	return condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == reason
}

// truncated shortens text to at most limit bytes without breaking a character.
func truncated(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const ellipsis = "..."
	cut := limit - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
