// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Report is what a driver pod says about the run.
type Report struct {
	// State is empty if there is no pod.
	State v1beta2.DriverState
	// ExitCode of the Spark container, once it terminated.
	ExitCode *int32
	// Started and finished are the times of the Spark container, where known.
	Started, Finished *metav1.Time
	// Reason is one CamelCase word; message is the text for
	// status.applicationState.errorMessage. Both are empty unless the driver failed.
	Reason, Message string
}

// ReportDriver reads the state of the driver from its pod. The Spark container
// decides wherever it has terminated: a sidecar may keep the pod running after
// the driver ended, or fail after the driver succeeded.
func ReportDriver(pod *podview.Pod) Report {
	if pod == nil {
		return Report{}
	}
	report := Report{}
	container := driverContainer(pod)
	if container != nil {
		switch {
		case container.State.Terminated != nil:
			return report.terminated(pod, container.State.Terminated)
		case container.State.Running != nil:
			report.Started = &container.State.Running.StartedAt
		}
	}
	switch pod.Status.Phase {
	case corev1.PodPending, "":
		report.State = v1beta2.DriverStatePending
	case corev1.PodRunning:
		report.State = v1beta2.DriverStateRunning
	case corev1.PodSucceeded:
		report.State = v1beta2.DriverStateCompleted
	case corev1.PodFailed:
		report.State = v1beta2.DriverStateFailed
		report.Reason, report.Message = missingStatus(pod)
	default:
		report.State = v1beta2.DriverStateUnknown
	}
	return report
}

func (r Report) terminated(pod *podview.Pod, end *corev1.ContainerStateTerminated) Report {
	r.ExitCode = &end.ExitCode
	if !end.StartedAt.IsZero() {
		r.Started = &end.StartedAt
	}
	if !end.FinishedAt.IsZero() {
		r.Finished = &end.FinishedAt
	}
	if end.ExitCode == 0 {
		r.State = v1beta2.DriverStateCompleted
		return r
	}
	r.State = v1beta2.DriverStateFailed
	r.Reason = end.Reason
	podReason, podMessage := podFailure(pod)
	more := reconcile.Join(": ", podReason, podMessage)
	switch {
	case podReason == "":
		more = describeOthers(pod)
	case end.Reason != "OOMKilled": // the containers were only stopped because the pod was
		r.Reason = podReason
	}
	if r.Reason == "" {
		r.Reason = ReasonDriverFailed
	}
	r.Message = reconcile.Join("; ", "driver container failed with "+describeEnd(end), more)
	return r
}

// missingStatus explains a failed pod whose Spark container never reported an
// end: evicted, preempted, lost with its node, or stopped by an init container.
func missingStatus(pod *podview.Pod) (reason, message string) {
	const text = "driver container status missing"
	if podReason, podMessage := podFailure(pod); podReason != "" {
		return podReason, reconcile.Join(": ", text, podReason, podMessage) // its containers were only stopped with it
	}
	for i := range pod.Status.InitContainerStatuses {
		init := &pod.Status.InitContainerStatuses[i]
		if end := init.State.Terminated; end != nil && end.ExitCode != 0 && !init.Sidecar {
			return ReasonInitFailed, fmt.Sprintf("%s: init container %s failed with %s", text, init.Name, describeEnd(end))
		}
	}
	return ReasonStatusMissing, reconcile.Join("; ", reconcile.Join(": ", text, reconcile.OneLine(pod.Status.Message)),
		describeOthers(pod))
}

// driverContainer returns the status of the Spark container of a driver; nil if
// there is none yet.
func driverContainer(pod *podview.Pod) *podview.ContainerStatus {
	return sparkContainer(pod, v1beta2.DriverContainerName)
}

// sparkContainer returns the status of the Spark container. The names are those
// that it has in pods that do not show which one it is.
func sparkContainer(pod *podview.Pod, usual ...string) *podview.ContainerStatus {
	if name := pod.Spec.SparkContainer; name != "" {
		return ContainerStatus(pod, name)
	}
	return ContainerStatus(pod, usual...)
}

// ContainerStatus returns the status of the container with the first of the names
// that the pod has.
func ContainerStatus(pod *podview.Pod, names ...string) *podview.ContainerStatus {
	statuses := pod.Status.ContainerStatuses
	for _, name := range names {
		for i := range statuses {
			if statuses[i].Name == name {
				return &statuses[i]
			}
		}
	}
	return nil
}

// AnyStarted reports whether a container of the pod has ever started.
func AnyStarted(pod *podview.Pod) bool {
	for _, statuses := range [][]podview.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if state := statuses[i].State; state.Running != nil || state.Terminated != nil || statuses[i].RestartCount > 0 {
				return true
			}
		}
	}
	return false
}

// StartsSilently reports whether a pod is on a node and none of its containers has ever
// started, so that what keeps it from starting, if [Diagnose] does not know it, is in its
// events: see [EventObstacle].
func StartsSilently(pod *podview.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodPending {
		return false
	}
	condition := pod.Condition(corev1.PodScheduled)
	return (pod.Spec.NodeName != "" || condition != nil && condition.Status == corev1.ConditionTrue) && !AnyStarted(pod)
}

// QuietStart is how long a scheduled pod may take to start a container before its events
// are read.
const QuietStart = 15 * time.Second

// QuietUntil is when the events of a pod that starts silently are worth a read.
func QuietUntil(pod *podview.Pod) time.Time {
	scheduled := pod.CreationTimestamp.Time
	if condition := pod.Condition(corev1.PodScheduled); condition != nil {
		scheduled = reconcile.Later(scheduled, condition.LastTransitionTime.Time)
	}
	return scheduled.Add(QuietStart)
}
