// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// driverReport is what a driver pod says about the run.
type driverReport struct {
	// state is empty if there is no pod.
	state v1beta2.DriverState
	// exitCode of the Spark container, once it terminated.
	exitCode *int32
	// started and finished are the times of the Spark container, where known.
	started, finished *metav1.Time
	// reason is one CamelCase word; message is the text for
	// status.applicationState.errorMessage. Both are empty unless the driver failed.
	reason, message string
}

// reportDriver reads the state of the driver from its pod. The Spark container
// decides wherever it has terminated: a sidecar may keep the pod running after
// the driver ended, or fail after the driver succeeded.
func reportDriver(pod *podview.Pod) driverReport {
	if pod == nil {
		return driverReport{}
	}
	report := driverReport{}
	container := driverContainer(pod)
	if container != nil {
		switch {
		case container.State.Terminated != nil:
			return report.terminated(pod, container.State.Terminated)
		case container.State.Running != nil:
			report.started = &container.State.Running.StartedAt
		}
	}
	switch pod.Status.Phase {
	case corev1.PodPending, "":
		report.state = v1beta2.DriverStatePending
	case corev1.PodRunning:
		report.state = v1beta2.DriverStateRunning
	case corev1.PodSucceeded:
		report.state = v1beta2.DriverStateCompleted
	case corev1.PodFailed:
		report.state = v1beta2.DriverStateFailed
		report.reason, report.message = missingStatus(pod)
	default:
		report.state = v1beta2.DriverStateUnknown
	}
	return report
}

func (r driverReport) terminated(pod *podview.Pod, end *corev1.ContainerStateTerminated) driverReport {
	r.exitCode = &end.ExitCode
	if !end.StartedAt.IsZero() {
		r.started = &end.StartedAt
	}
	if !end.FinishedAt.IsZero() {
		r.finished = &end.FinishedAt
	}
	if end.ExitCode == 0 {
		r.state = v1beta2.DriverStateCompleted
		return r
	}
	r.state = v1beta2.DriverStateFailed
	r.reason = end.Reason
	podReason, podMessage := podFailure(pod)
	more := reconcile.Join(": ", podReason, podMessage)
	switch {
	case podReason == "":
		more = describeOthers(pod)
	case end.Reason != "OOMKilled": // the containers were only stopped because the pod was
		r.reason = podReason
	}
	if r.reason == "" {
		r.reason = reasonDriverFailed
	}
	r.message = reconcile.Join("; ", "driver container failed with "+describeEnd(end), more)
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
			return reasonInitFailed, fmt.Sprintf("%s: init container %s failed with %s", text, init.Name, describeEnd(end))
		}
	}
	return reasonStatusMissing, reconcile.Join("; ", reconcile.Join(": ", text, reconcile.OneLine(pod.Status.Message)),
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
		return containerStatus(pod, name)
	}
	return containerStatus(pod, usual...)
}

// containerStatus returns the status of the container with the first of the names
// that the pod has.
func containerStatus(pod *podview.Pod, names ...string) *podview.ContainerStatus {
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
