// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Actions of events. The API requires one.
const (
	actionSubmit  = "Submit"
	ActionObserve = "Observe"
	actionFinish  = "Finish"
	actionSuspend = "Suspend"
	actionResume  = "Resume"
	actionRerun   = "Rerun"
)

// minWarning is how much of a warning is shown at least.
const minWarning = 16

// TransitionEvents derives the events from what the status was and is. It is
// pure.
func TransitionEvents(in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus) []reconcile.Event {
	t := &transition{in: in, old: &in.App.Status, new: status}
	t.submissionEvents(out)
	t.stateEvents()
	t.logEvent(out)
	t.executorEvents()
	t.conditionEvents()
	return t.events
}

// UnwrittenEvents derives the events from a status that could not be written. If it was to
// begin the new run that an edit of the spec needs, one has the reason of
// kubeflow/spark-operator for that.
func UnwrittenEvents(app *v1beta2.SparkApplication, status *v1beta2.SparkApplicationStatus, err error) []reconcile.Event {
	cause := reconcile.OneLine(err.Error())
	events := []reconcile.Event{reconcile.Warning("SparkApplicationStatusNotWritten", ActionObserve, nil,
		"SparkApplication %s: the status cannot be written and is out of date: %s", app.Name, cause)}
	if StateOf(status) == StateInvalidating {
		events = append(events, reconcile.Warning("SparkApplicationSpecUpdateFailed", actionRerun, nil,
			"Failed to update spec for SparkApplication %s: %s", app.Name, cause))
	}
	return events
}

type transition struct {
	in       *Input
	old, new *v1beta2.SparkApplicationStatus
	events   []reconcile.Event
}

func (t *transition) normal(reason, action string, related runtime.Object, format string, arguments ...any) {
	t.events = append(t.events, reconcile.Normal(reason, action, related, format, arguments...))
}

func (t *transition) warning(reason, action string, related runtime.Object, format string, arguments ...any) {
	t.events = append(t.events, reconcile.Warning(reason, action, related, format, arguments...))
}

// driver is the driver pod as a subject of events.
func (t *transition) driver() runtime.Object {
	if t.in.Driver != nil {
		return t.in.Driver.Reference()
	}
	if t.new.DriverInfo.PodName == "" {
		return nil
	}
	return podReference(t.in.App.Namespace, t.new.DriverInfo.PodName)
}

func podReference(namespace, name string) runtime.Object {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name}
}

func (t *transition) submissionEvents(out *Outcome) {
	if t.old.SubmissionID == t.new.SubmissionID {
		return
	}
	name := t.in.App.Name
	switch t.new.AppState.State {
	case StateSubmitted:
		t.normal("SparkApplicationSubmitted", actionSubmit, t.driver(), "SparkApplication %s was submitted successfully", name)
	case StateRefused:
		if from := StateOf(t.old); from == StateNew || from == StateSubmitting && t.old.SubmissionID == "" {
			t.normal("SparkApplicationAdded", actionSubmit, nil, "SparkApplication %s was added, enqueuing it for submission", name)
		}
		t.warning("SparkApplicationSubmissionFailed", actionSubmit, nil, "failed to submit SparkApplication %s: %s", name, t.new.AppState.ErrorMessage)
	default: // the other states say nothing here
	}
	if out.Submission == nil {
		return
	}
	// One event for all: of several that differ only in their note, the recorder sends
	// only the first.
	if warnings := out.Submission.Warnings; len(warnings) > 0 {
		prefix := "SparkApplication " + name + ": "
		t.warning("SparkApplicationSubmissionWarning", actionSubmit, nil, "%s%s", prefix, joinWithin(warnings, reconcile.MaxNote-len(prefix)))
	}
}

// joinWithin joins texts such that each of them shows in no more than so many bytes. If
// they are too long together, the longest ones are cut.
func joinWithin(texts []string, limit int) string {
	const separator = "; "
	left := limit - len(separator)*(len(texts)-1)
	byLength := slices.SortedFunc(slices.Values(texts), func(a, b string) int { return len(a) - len(b) })
	share := 0
	for i, text := range byLength {
		if share = left / (len(byLength) - i); len(text) > share {
			break // all that follow are at least as long
		}
		left -= len(text)
		share = len(text)
	}
	cut := make([]string, len(texts))
	for i, text := range texts {
		cut[i] = reconcile.Truncate(text, max(share, minWarning))
	}
	return reconcile.Truncate(strings.Join(cut, separator), limit)
}

func (t *transition) stateEvents() {
	from, to := StateOf(t.old), StateOf(t.new)
	if from == to {
		return
	}
	name, driver := t.in.App.Name, t.new.DriverInfo.PodName
	wasLive := slices.Contains(Live, from)
	if wasLive {
		switch to {
		case StateSucceeding, StateCompleted:
			t.normal("SparkDriverCompleted", ActionObserve, t.driver(), "Driver %s completed", driver)
		case StateFailing, StateFailed:
			switch {
			case t.in.driverAlive():
				t.warning("SparkDriverFailed", ActionObserve, t.driver(), "Driver %s is stopped: %s", driver, t.new.AppState.ErrorMessage)
			case t.in.absent():
				t.warning("SparkDriverNotFound", ActionObserve, t.driver(), "Driver pod %s not found after grace period %v, marking application as Failing", driver, t.in.Settings.DriverGracePeriod)
			default:
				t.warning("SparkDriverFailed", ActionObserve, t.driver(), "Driver %s failed", driver)
			}
		case StateSubmitted:
			t.normal("SparkDriverPending", ActionObserve, t.driver(), "Driver %s is pending", driver)
		default: // the other states say nothing here
		}
	}
	switch to {
	case StateRunning:
		t.normal("SparkDriverRunning", ActionObserve, t.driver(), "Driver %s is running", driver)
	case StateUnknown:
		t.warning("SparkDriverUnknown", ActionObserve, t.driver(), "Driver %s in unknown state", driver)
	case StateCompleted:
		t.normal("SparkApplicationCompleted", actionFinish, t.driver(), "SparkApplication %s completed", name)
	case StateFailed:
		t.warning("SparkApplicationFailed", actionFinish, t.driver(), "SparkApplication %s failed: %s", name, t.new.AppState.ErrorMessage)
	case StatePendingRerun:
		t.warning("SparkApplicationPendingRerun", actionRerun, nil, "SparkApplication %s is pending rerun", name)
	case StateSuspending:
		t.warning("SparkApplicationSuspending", actionSuspend, nil, "SparkApplication %s is suspending", name)
	case StateSuspended:
		t.warning("SparkApplicationSuspended", actionSuspend, nil, "SparkApplication %s is suspended", name)
	case StateResuming:
		t.warning("SparkApplicationResuming", actionResume, nil, "SparkApplication %s is resuming", name)
	case StateInvalidating:
		t.normal("SparkApplicationSpecUpdateProcessed", actionRerun, nil, "SparkApplication %s has an edited spec that needs a new run", name)
	default: // the other states say nothing here
	}
}

func (t *transition) executorEvents() {
	if maps.Equal(t.old.ExecutorState, t.new.ExecutorState) {
		return
	}
	for _, pod := range t.in.Executors {
		state, tracked := t.new.ExecutorState[pod.Name]
		if !tracked || t.old.ExecutorState[pod.Name] == state {
			continue
		}
		switch state {
		case v1beta2.ExecutorStatePending:
			t.normal("SparkExecutorPending", ActionObserve, pod.Reference(), "Executor %s is pending", pod.Name)
		case v1beta2.ExecutorStateRunning:
			t.normal("SparkExecutorRunning", ActionObserve, pod.Reference(), "Executor %s is running", pod.Name)
		case v1beta2.ExecutorStateCompleted:
			t.normal("SparkExecutorCompleted", ActionObserve, pod.Reference(), "Executor %s completed", pod.Name)
		case v1beta2.ExecutorStateFailed:
			exitCode, reason := int32(-1), "Unknown (Container not Found)"
			if end := diagnosis.ExecutorEnd(pod); end != nil {
				exitCode, reason = end.ExitCode, end.Reason
			}
			t.warning("SparkExecutorFailed", ActionObserve, pod.Reference(), "Executor %s failed with ExitCode: %d, Reason: %s, Pod Message: %s", pod.Name, exitCode, reason, pod.Status.Message)
		case v1beta2.ExecutorStateUnknown:
			t.warning("SparkExecutorUnknown", ActionObserve, pod.Reference(), "Executor %s in unknown state", pod.Name)
		}
	}
}

// conditionEvents reports conditions that need a user's attention, once for each
// reason.
func (t *transition) conditionEvents() {
	if t.old.AppState.State != t.new.AppState.State && t.new.AppState.State == StateFailed {
		return // its own event says why
	}
	for _, alarm := range []struct {
		condition string
		status    metav1.ConditionStatus
		reason    string
	}{
		{v1beta2.ConditionStalled, metav1.ConditionTrue, "SparkApplicationStalled"},
		{v1beta2.ConditionExecutorsReady, metav1.ConditionFalse, "SparkExecutorsMissing"},
		{v1beta2.ConditionUIReady, metav1.ConditionFalse, "SparkUIUnavailable"},
	} {
		now := meta.FindStatusCondition(t.new.Conditions, alarm.condition)
		if now == nil || now.Status != alarm.status || now.Reason == ReasonRetrying && alarm.condition == v1beta2.ConditionUIReady {
			continue // for the UI, a condition does while it is tried again
		}
		if alarm.condition == v1beta2.ConditionExecutorsReady && now.Reason != reasonNoExecutors && now.Reason != reasonExecutorsCrashing {
			continue // Spark asks for others by itself
		}
		before := meta.FindStatusCondition(t.old.Conditions, alarm.condition)
		if before != nil && before.Status == now.Status && before.Reason == now.Reason {
			continue
		}
		// The recorder merges events that differ only in their note, and another reason is
		// another event.
		t.warning(alarm.reason, now.Reason, nil, "SparkApplication %s: %s: %s", t.in.App.Name, now.Reason, now.Message)
	}
}

// logEvent sends the end of the log tail as an event.
func (t *transition) logEvent(out *Outcome) {
	if out.LogTail == "" || strings.HasPrefix(out.LogTail, diagnosis.NoLog) {
		return
	}
	title := fmt.Sprintf("Last lines of driver %s:\n", t.new.DriverInfo.PodName)
	t.warning("SparkDriverLogTail", ActionObserve, t.driver(), "%s%s", title, diagnosis.LastBytes(out.LogTail, reconcile.MaxNote-len(title)))
}
