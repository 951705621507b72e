// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// followDriver says in DriverReady why the driver does not run yet. It returns the
// message if the application is stalled by that, else nil.
//
// What Kubernetes says of one and the same fault changes all the time. A status is
// written only if there is another fault, or the same with another cause, and the
// latter at a limited pace.
func followDriver(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) *stalledBy {
	if StateOf(status) != StateSubmitted || in.Driver == nil || status.SubmissionID != in.App.Status.SubmissionID {
		return nil
	}
	before := meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionDriverReady)
	present := in.Obstacle
	if out.Events != nil {
		present = out.Events.Obstacle
	}
	if present != nil && present.Subject == "" {
		return nil // nothing to report yet
	}
	if present == nil {
		if out.Events != nil || before == nil || !diagnosis.FromEvents(before.Reason) || !in.StartsSilently() {
			return nil
		}
		// The events were not read this time; the last result holds.
		c.SetFalse(v1beta2.ConditionDriverReady, before.Reason, before.Message)
		if before.Reason == diagnosis.ReasonImagePulling {
			return nil
		}
		return &stalledBy{before.Reason, before.Message}
	}
	message := in.wording(v1beta2.ConditionDriverReady, present)
	c.SetFalse(v1beta2.ConditionDriverReady, present.Reason, message)
	if at, stalls := present.StallsAt(); stalls && !in.Now.Before(at) {
		return &stalledBy{present.Reason, message}
	}
	return nil
}

// UnownedDriver is said of a driver that the application does not own.
const UnownedDriver = "the driver pod has no owner reference; deleting the application does not delete it"

// followOwner says so if DriverReady has no other message.
func followOwner(in *Input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	ready := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionDriverReady)
	if in.Driver == nil || ready == nil || !isLive(status.AppState.State) || status.SubmissionID != in.App.Status.SubmissionID {
		return
	}
	switch {
	case in.Unowned() && ready.Message == "":
		c.Set(ready.Type, ready.Status, ready.Reason, UnownedDriver)
	case !in.Unowned() && ready.Message == UnownedDriver:
		c.Set(ready.Type, ready.Status, ready.Reason, "")
	}
}

// wording is the message for an obstacle: that of the condition as long as it will
// do, which knows the cause where Kubernetes says it now and then only.
func (in *Input) wording(kind string, present *diagnosis.Obstacle) string {
	before := meta.FindStatusCondition(in.App.Status.Conditions, kind)
	if before != nil && before.Reason == present.Reason && in.keepsMessage(before, present) {
		return before.Message
	}
	return present.Message()
}

// keepsMessage reports whether the present message of the same reason will do.
func (in *Input) keepsMessage(before *metav1.Condition, present *diagnosis.Obstacle) bool {
	said, sameSubject := strings.CutPrefix(before.Message, present.Subject)
	if !sameSubject {
		return false
	}
	said = strings.TrimPrefix(said, ": ")
	now := strings.TrimPrefix(reconcile.Truncate(present.Message(), reconcile.MaxConditionMessage), present.Subject+": ")
	switch {
	case present.Detail == "", diagnosis.Rephrases(said, now):
		return true
	case said == "":
		return false // the cause was not known before
	}
	return !in.Watch.rephrase.Due(in.Now)
}

// Rephrases reports whether a status says the same reason as before in other words.
func (in *Input) Rephrases(status *v1beta2.SparkApplicationStatus) bool {
	if in.Driver == nil {
		return false
	}
	for _, kind := range []string{v1beta2.ConditionDriverReady, v1beta2.ConditionExecutorsReady} {
		before := meta.FindStatusCondition(in.App.Status.Conditions, kind)
		now := meta.FindStatusCondition(status.Conditions, kind)
		if before != nil && now != nil && before.Reason == now.Reason && before.Message != now.Message {
			return true
		}
	}
	return false
}

// followStart records when the driver started, for the case that its pod is gone
// before its end is seen.
func followStart(in *Input, status *v1beta2.SparkApplicationStatus) {
	if status.AppState.State != StateRunning || in.Report.Started.IsZero() {
		return
	}
	if attempt := currentAttempt(status); attempt != nil && attempt.State == "" && attempt.StartTime == nil {
		attempt.StartTime = in.Report.Started.DeepCopy()
	}
}

// followDisruption notes in the condition DriverReady that the driver is being
// disrupted. That outlives the pod, which may be gone before its end is seen.
func followDisruption(in *Input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if in.Driver == nil || !isLive(StateOf(status)) || status.SubmissionID != in.App.Status.SubmissionID {
		return
	}
	disrupted, ready := diagnosis.Disruption(in.Driver), meta.FindStatusCondition(status.Conditions, v1beta2.ConditionDriverReady)
	switch {
	case ready != nil && ready.Reason == ReasonNodeLost:
		return
	case disrupted == nil:
		if ready != nil && ready.Reason == reasonDriverDisrupted {
			followState(status, "", c) // it was called off
		}
		return
	}
	value := metav1.ConditionUnknown
	if ready != nil {
		value = ready.Status
	}
	c.Set(v1beta2.ConditionDriverReady, value, reasonDriverDisrupted, reconcile.OneLine(reconcile.Join(": ", disrupted.Reason, disrupted.Message)))
}

// NodeLossRecorded reports whether the status says that the node of the driver is
// lost.
func (in *Input) NodeLossRecorded() bool {
	ready := meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionDriverReady)
	return ready != nil && ready.Reason == ReasonNodeLost
}

// followUI records where the web UI is found and whether all is well.
func followUI(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if out.UI == nil {
		return
	}
	ui.SetDriverInfo(&status.DriverInfo, out.UI.Web, out.UI.Service, out.UI.Routed)
	if out.UI.err != nil {
		message := reconcile.OneLine(out.UI.err.Error())
		if old := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionUIReady); old != nil && old.Status == metav1.ConditionFalse && old.ObservedGeneration == in.App.Generation {
			message = old.Message // see stall
		}
		reason := ReasonRetrying
		if out.UI.refused || out.UI.awaited != "" && !in.Now.Before(in.uiFailingSince().Add(out.UI.awaited.Patience())) {
			reason = reasonUIFailed
		}
		c.SetFalse(v1beta2.ConditionUIReady, reason, message)
		return
	}
	c.SetTrue(v1beta2.ConditionUIReady, reasonUIReady, "")
}

// uiFailingSince is since when the UI objects cannot be written; now if they can.
func (in *Input) uiFailingSince() time.Time {
	condition := meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionUIReady)
	if condition == nil || condition.Status != metav1.ConditionFalse {
		return in.Now
	}
	return condition.LastTransitionTime.Time
}
