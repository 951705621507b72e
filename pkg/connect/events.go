// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Component is the name under which events are reported.
const Component = "spark-connect-controller"

// Reasons of events.
const (
	eventStarted       = "Started"
	eventReady         = "Ready"
	eventStopped       = "Stopped"
	eventRestarting    = "Restarting"
	eventFailed        = "Failed"
	eventUpdatePending = "UpdatePending"
	eventRouteFailed   = "RouteFailed"
	eventNotice        = "SpecNotice"
	eventUndetected    = "IdleDetectionFailed"
)

// transitionEvents reports what happened in one sync. It is pure.
func transitionEvents(in *input, out *outcome, status *v1alpha1.SparkConnectStatus) []reconcile.Event {
	var list []reconcile.Event
	before := &in.connect.Status
	var pod runtime.Object
	if in.own() {
		pod = in.pod.Reference()
	}
	from, to := phaseOf(before), phaseOf(status)
	message := ""
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionServerPodReady); ready != nil {
		message = ready.Message
	}
	if status.Starts > before.Starts && out.pod != nil {
		list = append(list, reconcile.Normal(eventStarted, "Start", out.pod.Reference(), "Started server pod %s", out.pod.Name))
		for _, warning := range out.warnings {
			list = append(list, reconcile.Warning(eventNotice, "Observe", nil, "%s", warning))
		}
	}
	switch {
	case stopped(before, status):
		list = append(list, reconcile.Normal(eventStopped, "Stop", pod, "Stopped the server: %s", message))
	case to == phaseReady && from != phaseReady:
		list = append(list, reconcile.Normal(eventReady, "Observe", pod, "The server accepts sessions at %s", address(status.Endpoint)))
	case to == phaseBackingOff && from != phaseBackingOff:
		list = append(list, reconcile.Warning(eventRestarting, "Restart", pod, "%s", message))
	case to == phaseFailed && from != phaseFailed:
		list = append(list, reconcile.Warning(eventFailed, "Fail", pod, "%s", message))
	}
	if outdated := turnedFalse(before, status, v1alpha1.ConditionUpToDate); outdated != nil {
		list = append(list, reconcile.Normal(eventUpdatePending, "Observe", pod, "%s", outdated.Message))
	}
	if undetected := turnedFalse(before, status, v1alpha1.ConditionIdleDetection); undetected != nil {
		list = append(list, reconcile.Warning(eventUndetected, "Observe", pod, "%s", undetected.Message))
	}
	now, was := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionRouteReady), meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionRouteReady)
	// A Gateway may take a moment to accept a route.
	if now != nil && now.Status == metav1.ConditionFalse && now.Reason != reasonRouteNotAccepted && (was == nil || was.Reason != now.Reason) {
		list = append(list, reconcile.Warning(eventRouteFailed, "Route", nil, "%s", now.Message))
	}
	return list
}

// turnedFalse returns a condition that is False and was not; nil if it is another.
func turnedFalse(before, after *v1alpha1.SparkConnectStatus, condition string) *metav1.Condition {
	now := meta.FindStatusCondition(after.Conditions, condition)
	if now == nil || now.Status != metav1.ConditionFalse || meta.IsStatusConditionFalse(before.Conditions, condition) {
		return nil
	}
	return now
}

// address is an endpoint without its parameters, such as the placeholder of the token.
func address(endpoint string) string {
	text, _, _ := strings.Cut(endpoint, "/;")
	return text
}
