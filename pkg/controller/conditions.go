// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// conditionUIReady is true once Service and Ingress of the web UI and of the
// driver's other ports exist as the spec asks for them.
const conditionUIReady = "UIReady"

// conditions edits the conditions of a status at one moment.
type conditions struct {
	status     *v1beta2.SparkApplicationStatus
	generation int64
	now        time.Time
	// redact hides secrets in messages; nil for nothing.
	redact func(string) string
}

func (c conditions) set(kind string, value metav1.ConditionStatus, reason, message string) {
	if c.redact != nil {
		message = c.redact(message) // before it is cut
	}
	meta.SetStatusCondition(&c.status.Conditions, metav1.Condition{
		Type:               kind,
		Status:             value,
		ObservedGeneration: c.generation,
		LastTransitionTime: metav1.NewTime(c.now),
		Reason:             reason,
		Message:            truncated(message, maxConditionMessage),
	})
}

func (c conditions) setTrue(kind, reason, message string) {
	c.set(kind, metav1.ConditionTrue, reason, message)
}

func (c conditions) setFalse(kind, reason, message string) {
	c.set(kind, metav1.ConditionFalse, reason, message)
}

func (c conditions) remove(kinds ...string) {
	for _, kind := range kinds {
		meta.RemoveStatusCondition(&c.status.Conditions, kind)
	}
}

// followState brings the conditions that only repeat the state in line with it.
func (c conditions) followState(message string) {
	switch c.status.AppState.State {
	case v1beta2.ApplicationStateSubmitted:
		c.setFalse(v1beta2.ConditionDriverReady, reasonDriverPending, "")
		c.remove(v1beta2.ConditionCompleted)
	case v1beta2.ApplicationStateRunning:
		c.setTrue(v1beta2.ConditionDriverReady, reasonDriverRunning, "")
		c.remove(v1beta2.ConditionCompleted)
	case v1beta2.ApplicationStateUnknown:
		c.set(v1beta2.ConditionDriverReady, metav1.ConditionUnknown, reasonDriverUnknown, "the node of the driver does not report")
	case v1beta2.ApplicationStateSucceeding, v1beta2.ApplicationStateFailing:
		c.setFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, message)
	case v1beta2.ApplicationStateCompleted:
		c.setFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, "")
		c.setTrue(v1beta2.ConditionCompleted, reasonSucceeded, "")
		c.remove(conditionUIReady)
	case v1beta2.ApplicationStateFailed:
		if meta.FindStatusCondition(c.status.Conditions, v1beta2.ConditionDriverReady) != nil {
			c.setFalse(v1beta2.ConditionDriverReady, reasonDriverEnded, "")
		}
		c.setFalse(v1beta2.ConditionCompleted, reasonFailed, message)
		c.remove(conditionUIReady)
	case v1beta2.ApplicationStatePendingRerun, v1beta2.ApplicationStateInvalidating:
		c.setFalse(v1beta2.ConditionSubmitted, reasonRerun, "")
		c.remove(v1beta2.ConditionDriverReady, v1beta2.ConditionCompleted, v1beta2.ConditionExecutorsReady, conditionUIReady)
	case v1beta2.ApplicationStateSuspending, v1beta2.ApplicationStateSuspended:
		c.setFalse(v1beta2.ConditionSubmitted, reasonSuspended, "spec.suspend is true")
		c.remove(v1beta2.ConditionDriverReady, v1beta2.ConditionCompleted, v1beta2.ConditionExecutorsReady, conditionUIReady)
	default: // the other states say nothing here
	}
}

// maxConditionMessage keeps the status small; the API allows 32768.
const maxConditionMessage = 1024

// truncated shortens text to at most limit bytes without breaking a character.
func truncated(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const ellipsis = "..."
	cut := max(limit-len(ellipsis), 0)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprint(text[:cut], ellipsis)
}
