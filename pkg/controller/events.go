// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Component is the name under which events are reported.
const Component = "spark-application-controller"

// Actions of events. The API requires one.
const (
	actionSubmit  = "Submit"
	actionObserve = "Observe"
	actionFinish  = "Finish"
	actionSuspend = "Suspend"
	actionResume  = "Resume"
	actionRerun   = "Rerun"
)

// minWarning is how much of a warning is shown at least.
const minWarning = 16

// transitionEvents derives the events from what the status was and is. It is
// pure.
func transitionEvents(in *input, out *outcome, status *v1beta2.SparkApplicationStatus) []reconcile.Event {
	t := &transition{in: in, old: &in.app.Status, new: status}
	t.submissionEvents(out)
	t.stateEvents()
	t.logEvent(out)
	t.executorEvents()
	t.conditionEvents()
	return t.events
}

type transition struct {
	in       *input
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
	if t.in.driver != nil {
		return t.in.driver.Reference()
	}
	if t.new.DriverInfo.PodName == "" {
		return nil
	}
	return podReference(t.in.app.Namespace, t.new.DriverInfo.PodName)
}

func podReference(namespace, name string) runtime.Object {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name}
}

func (t *transition) submissionEvents(out *outcome) {
	if t.old.SubmissionID == t.new.SubmissionID {
		return
	}
	name := t.in.app.Name
	switch t.new.AppState.State {
	case stateSubmitted:
		t.normal("SparkApplicationSubmitted", actionSubmit, t.driver(), "SparkApplication %s was submitted successfully", name)
	case stateRefused:
		if from := stateOf(t.old); from == stateNew || from == stateSubmitting && t.old.SubmissionID == "" {
			t.normal("SparkApplicationAdded", actionSubmit, nil, "SparkApplication %s was added, enqueuing it for submission", name)
		}
		t.warning("SparkApplicationSubmissionFailed", actionSubmit, nil, "failed to submit SparkApplication %s: %s", name, t.new.AppState.ErrorMessage)
	default: // the other states say nothing here
	}
	if out.submission == nil {
		return
	}
	// One event for all: of several that differ only in their note, the recorder sends
	// only the first.
	if warnings := out.submission.warnings; len(warnings) > 0 {
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
	from, to := stateOf(t.old), stateOf(t.new)
	if from == to {
		return
	}
	name, driver := t.in.app.Name, t.new.DriverInfo.PodName
	wasLive := slices.Contains(live, from)
	if wasLive {
		switch to {
		case stateSucceeding, stateCompleted:
			t.normal("SparkDriverCompleted", actionObserve, t.driver(), "Driver %s completed", driver)
		case stateFailing, stateFailed:
			switch {
			case t.in.driverAlive():
				t.warning("SparkDriverFailed", actionObserve, t.driver(), "Driver %s is stopped: %s", driver, t.new.AppState.ErrorMessage)
			case t.in.absent():
				t.warning("SparkDriverNotFound", actionObserve, t.driver(), "Driver pod %s not found after grace period %v, marking application as Failing", driver, t.in.settings.DriverGracePeriod)
			default:
				t.warning("SparkDriverFailed", actionObserve, t.driver(), "Driver %s failed", driver)
			}
		case stateSubmitted:
			t.normal("SparkDriverPending", actionObserve, t.driver(), "Driver %s is pending", driver)
		default: // the other states say nothing here
		}
	}
	switch to {
	case stateRunning:
		t.normal("SparkDriverRunning", actionObserve, t.driver(), "Driver %s is running", driver)
	case stateUnknown:
		t.warning("SparkDriverUnknown", actionObserve, t.driver(), "Driver %s in unknown state", driver)
	case stateCompleted:
		t.normal("SparkApplicationCompleted", actionFinish, t.driver(), "SparkApplication %s completed", name)
	case stateFailed:
		t.warning("SparkApplicationFailed", actionFinish, t.driver(), "SparkApplication %s failed: %s", name, t.new.AppState.ErrorMessage)
	case statePendingRerun:
		t.warning("SparkApplicationPendingRerun", actionRerun, nil, "SparkApplication %s is pending rerun", name)
	case stateSuspending:
		t.warning("SparkApplicationSuspending", actionSuspend, nil, "SparkApplication %s is suspending", name)
	case stateSuspended:
		t.warning("SparkApplicationSuspended", actionSuspend, nil, "SparkApplication %s is suspended", name)
	case stateResuming:
		t.warning("SparkApplicationResuming", actionResume, nil, "SparkApplication %s is resuming", name)
	case stateInvalidating:
		t.normal("SparkApplicationSpecUpdateProcessed", actionRerun, nil, "SparkApplication %s has an edited spec that needs a new run", name)
	default: // the other states say nothing here
	}
}

func (t *transition) executorEvents() {
	if maps.Equal(t.old.ExecutorState, t.new.ExecutorState) {
		return
	}
	for _, pod := range t.in.executors {
		state, tracked := t.new.ExecutorState[pod.Name]
		if !tracked || t.old.ExecutorState[pod.Name] == state {
			continue
		}
		switch state {
		case v1beta2.ExecutorStatePending:
			t.normal("SparkExecutorPending", actionObserve, pod.Reference(), "Executor %s is pending", pod.Name)
		case v1beta2.ExecutorStateRunning:
			t.normal("SparkExecutorRunning", actionObserve, pod.Reference(), "Executor %s is running", pod.Name)
		case v1beta2.ExecutorStateCompleted:
			t.normal("SparkExecutorCompleted", actionObserve, pod.Reference(), "Executor %s completed", pod.Name)
		case v1beta2.ExecutorStateFailed:
			exitCode, reason := int32(-1), "Unknown (Container not Found)"
			if end := executorEnd(pod); end != nil {
				exitCode, reason = end.ExitCode, end.Reason
			}
			t.warning("SparkExecutorFailed", actionObserve, pod.Reference(), "Executor %s failed with ExitCode: %d, Reason: %s, Pod Message: %s", pod.Name, exitCode, reason, pod.Status.Message)
		case v1beta2.ExecutorStateUnknown:
			t.warning("SparkExecutorUnknown", actionObserve, pod.Reference(), "Executor %s in unknown state", pod.Name)
		}
	}
}

// conditionEvents reports conditions that need a user's attention, once for each
// reason.
func (t *transition) conditionEvents() {
	if t.old.AppState.State != t.new.AppState.State && t.new.AppState.State == stateFailed {
		return // its own event says why
	}
	for _, alarm := range []struct {
		condition string
		status    metav1.ConditionStatus
		reason    string
	}{
		{v1beta2.ConditionStalled, metav1.ConditionTrue, "SparkApplicationStalled"},
		{v1beta2.ConditionExecutorsReady, metav1.ConditionFalse, "SparkExecutorsMissing"},
		{conditionUIReady, metav1.ConditionFalse, "SparkUIUnavailable"},
	} {
		now := meta.FindStatusCondition(t.new.Conditions, alarm.condition)
		if now == nil || now.Status != alarm.status || now.Reason == reasonRetrying && alarm.condition == conditionUIReady {
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
		t.warning(alarm.reason, now.Reason, nil, "SparkApplication %s: %s: %s", t.in.app.Name, now.Reason, now.Message)
	}
}
