// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxConditionMessage is the longest message of a condition, in bytes. It keeps the
// status small; the API allows 32768.
const MaxConditionMessage = 1024

// Conditions edits the conditions of a status at one moment.
type Conditions struct {
	// List is the list in the status.
	List *[]metav1.Condition
	// Generation is that of the object from which the status follows.
	Generation int64
	Now        time.Time
	// Redact hides secrets in messages; nil for nothing.
	Redact func(string) string
}

// Set sets a condition. The transition time changes with the value only.
func (c Conditions) Set(kind string, value metav1.ConditionStatus, reason, message string) {
	if c.Redact != nil {
		message = c.Redact(message) // before it is cut
	}
	meta.SetStatusCondition(c.List, metav1.Condition{
		Type:               kind,
		Status:             value,
		ObservedGeneration: c.Generation,
		LastTransitionTime: metav1.NewTime(c.Now),
		Reason:             reason,
		Message:            Truncate(message, MaxConditionMessage),
	})
}

// SetTrue sets a condition to True.
func (c Conditions) SetTrue(kind, reason, message string) {
	c.Set(kind, metav1.ConditionTrue, reason, message)
}

// SetFalse sets a condition to False.
func (c Conditions) SetFalse(kind, reason, message string) {
	c.Set(kind, metav1.ConditionFalse, reason, message)
}

// SetTrueOnce is SetTrue, except that the first message of a reason stays: one that
// changed with every attempt would be written with every attempt.
func (c Conditions) SetTrueOnce(kind, reason, message string) {
	if !IsTrue(*c.List, kind, reason) {
		c.SetTrue(kind, reason, message)
	}
}

// Remove removes conditions.
func (c Conditions) Remove(kinds ...string) {
	for _, kind := range kinds {
		meta.RemoveStatusCondition(c.List, kind)
	}
}

// Find returns a condition; nil without it.
func (c Conditions) Find(kind string) *metav1.Condition {
	return meta.FindStatusCondition(*c.List, kind)
}

// IsTrue reports whether a condition is True for that reason.
func IsTrue(list []metav1.Condition, kind, reason string) bool {
	condition := meta.FindStatusCondition(list, kind)
	return condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == reason
}
