// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Component is the name under which events are reported.
const Component = "scheduled-spark-application-controller"

// Reasons of events.
const (
	eventRunStarted  = "RunStarted"
	eventRunSkipped  = "RunSkipped"
	eventRunMissed   = "RunMissed"
	eventRunReplaced = "RunReplaced"
	eventStalled     = "ScheduledSparkApplicationStalled"
	eventNotice      = "TemplateNotice"
)

// event is one event about a schedule.
type event struct {
	kind   string // Normal or Warning
	reason string
	action string
	note   string
	// related is the run that the event is about, nil for none.
	related runtime.Object
}

// maxNote is the longest note the API server accepts.
const maxNote = 1024

// emit sends events after the write of the status that they report.
func emit(recorder events.EventRecorder, app *v1beta2.ScheduledSparkApplication, list []event) {
	for _, e := range list {
		recorder.Eventf(app, e.related, e.kind, e.reason, e.action, "%s", truncated(e.note, maxNote))
	}
}

// transitionEvents reports what happened in one sync. It is pure.
func transitionEvents(in *input, p *plan, status *v1beta2.ScheduledSparkApplicationStatus) []event {
	var list []event
	add := func(kind, reason, action string, related runtime.Object, format string, arguments ...any) {
		list = append(list, event{kind, reason, action, fmt.Sprintf(format, arguments...), related})
	}
	namespace := in.app.Namespace
	for _, r := range p.recorded {
		add(corev1.EventTypeNormal, eventRunStarted, "Start", reference(namespace, r.app.Name), "Started run %s for %s",
			r.app.Name, r.scheduled.UTC().Format(time.RFC3339))
	}
	if started := p.request.started; started != nil {
		add(corev1.EventTypeNormal, eventRunStarted, "Start", reference(namespace, started.Name), "Started run %s, requested with annotation %s=%s",
			started.Name, v1beta2.AnnotationRunNow, p.request.value)
	} else if p.request.settled {
		add(corev1.EventTypeNormal, eventRunSkipped, "Skip", reference(namespace, p.request.blocker),
			"Run requested with annotation %s=%s was skipped: concurrencyPolicy is Forbid, and %s %s", v1beta2.AnnotationRunNow, p.request.value,
			p.request.blocker, in.standing(p.request.blocker))
	}
	if v := &p.verdict; !v.skipped.IsZero() {
		add(corev1.EventTypeNormal, eventRunSkipped, "Skip", reference(namespace, v.blocker),
			"Run due at %s was skipped: concurrencyPolicy is Forbid, and %s %s", in.spec.timetable.format(v.skipped), v.blocker, in.standing(v.blocker))
	}
	if p.verdict.missed > 0 {
		add(corev1.EventTypeWarning, eventRunMissed, "Skip", nil, "%s", p.missedText(in))
	}
	scheduled := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionScheduled)
	known := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionScheduled)
	if scheduled != nil && scheduled.Status == metav1.ConditionTrue && scheduled.Message != "" && (known == nil || known.Message != scheduled.Message) {
		add(corev1.EventTypeNormal, eventNotice, "Observe", nil, "%s", scheduled.Message)
	}
	now := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionStalled)
	before := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionStalled)
	if now != nil && now.Status == metav1.ConditionTrue && (before == nil || before.Reason != now.Reason || before.Message != now.Message) {
		// The recorder merges events that differ only in their note, and another reason is
		// another event.
		add(corev1.EventTypeWarning, eventStalled, now.Reason, nil, "%s: %s", now.Reason, now.Message)
	}
	return list
}

// replaced reports that a run was deleted to start another one.
func replaced(app *v1beta2.SparkApplication) event {
	return event{
		kind: corev1.EventTypeNormal, reason: eventRunReplaced, action: "Replace", related: reference(app.Namespace, app.Name),
		note: "Deleting run " + app.Name + ", which is still running, because another run is due",
	}
}

// passedOver reports a run that could not be created while later ones were.
func passedOver(namespace, name, reason string, err error) event {
	return event{
		kind: corev1.EventTypeWarning, reason: eventStalled, action: "Start", related: reference(namespace, name),
		note: reason + ": " + oneLine(err.Error()),
	}
}

// reference names a run as the subject of an event.
func reference(namespace, name string) runtime.Object {
	return &corev1.ObjectReference{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication", Namespace: namespace, Name: name}
}
