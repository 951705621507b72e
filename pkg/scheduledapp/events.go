// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
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

// transitionEvents reports what happened in one sync. It is pure.
func transitionEvents(in *input, p *plan, status *v1beta2.ScheduledSparkApplicationStatus) []reconcile.Event {
	var list []reconcile.Event
	normal := func(reason, action string, related runtime.Object, format string, arguments ...any) {
		list = append(list, reconcile.Normal(reason, action, related, format, arguments...))
	}
	warning := func(reason, action string, related runtime.Object, format string, arguments ...any) {
		list = append(list, reconcile.Warning(reason, action, related, format, arguments...))
	}
	namespace := in.app.Namespace
	for _, r := range p.recorded {
		normal(eventRunStarted, "Start", reference(namespace, r.app.Name), "Started run %s for %s",
			r.app.Name, r.scheduled.UTC().Format(time.RFC3339))
	}
	if started := p.request.started; started != nil {
		normal(eventRunStarted, "Start", reference(namespace, started.Name), "Started run %s, requested with annotation %s=%s",
			started.Name, v1beta2.AnnotationRunNow, p.request.value)
	} else if p.request.settled {
		normal(eventRunSkipped, "Skip", reference(namespace, p.request.blocker),
			"Run requested with annotation %s=%s was skipped: concurrencyPolicy is Forbid, and %s %s", v1beta2.AnnotationRunNow, p.request.value,
			p.request.blocker, in.standing(p.request.blocker))
	}
	if v := &p.verdict; !v.skipped.IsZero() {
		normal(eventRunSkipped, "Skip", reference(namespace, v.blocker),
			"Run due at %s was skipped: concurrencyPolicy is Forbid, and %s %s", in.spec.timetable.format(v.skipped), v.blocker, in.standing(v.blocker))
	}
	if p.verdict.missed > 0 {
		warning(eventRunMissed, "Skip", nil, "%s", p.missedText(in))
	}
	scheduled := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionScheduled)
	known := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionScheduled)
	if scheduled != nil && scheduled.Status == metav1.ConditionTrue && scheduled.Message != "" && (known == nil || known.Message != scheduled.Message) {
		normal(eventNotice, "Observe", nil, "%s", scheduled.Message)
	}
	now := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionStalled)
	before := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionStalled)
	if now != nil && now.Status == metav1.ConditionTrue && (before == nil || before.Reason != now.Reason || before.Message != now.Message) {
		// The recorder merges events that differ only in their note, and another reason is
		// another event.
		warning(eventStalled, now.Reason, nil, "%s: %s", now.Reason, now.Message)
	}
	return list
}

// replaced reports that a run was deleted to start another one.
func replaced(app *v1beta2.SparkApplication) reconcile.Event {
	return reconcile.Normal(eventRunReplaced, "Replace", reference(app.Namespace, app.Name),
		"Deleting run %s, which is still running, because another run is due", app.Name)
}

// passedOver reports a run that could not be created while later ones were.
func passedOver(namespace, name, reason string, err error) reconcile.Event {
	return reconcile.Warning(eventStalled, "Start", reference(namespace, name), "%s: %s", reason, reconcile.OneLine(err.Error()))
}

// reference names a run as the subject of an event.
func reference(namespace, name string) runtime.Object {
	return &corev1.ObjectReference{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication", Namespace: namespace, Name: name}
}
