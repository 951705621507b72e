// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// MinCrashes is the number of failed executors needed to report a crash loop.
const MinCrashes = 3

// ExecutorState reads the state of an executor from its pod; as with the driver,
// the end of the Spark container counts and not that of a sidecar.
func ExecutorState(pod *podview.Pod) v1beta2.ExecutorState {
	if end := ExecutorEnd(pod); end != nil && pod.Status.Phase == corev1.PodRunning {
		if end.ExitCode == 0 {
			return v1beta2.ExecutorStateCompleted
		}
		return v1beta2.ExecutorStateFailed
	}
	switch pod.Status.Phase {
	case corev1.PodPending, "":
		return v1beta2.ExecutorStatePending
	case corev1.PodRunning:
		return v1beta2.ExecutorStateRunning
	case corev1.PodSucceeded:
		return v1beta2.ExecutorStateCompleted
	case corev1.PodFailed:
		return v1beta2.ExecutorStateFailed
	default:
		return v1beta2.ExecutorStateUnknown
	}
}

// ExecutorEnd returns how the Spark container of an executor ended; nil if it has
// not.
func ExecutorEnd(pod *podview.Pod) *corev1.ContainerStateTerminated {
	container := sparkContainer(pod, v1beta2.ExecutorContainerName, v1beta2.ExecutorContainerNameAlternative)
	if container == nil {
		return nil
	}
	return container.State.Terminated
}

// LastCrash describes how the latest failed executor ended; empty if no pod of a
// failed executor is left.
func LastCrash(pods []*podview.Pod) string {
	var last metav1.Time
	text := ""
	for _, pod := range pods {
		if ExecutorState(pod) != v1beta2.ExecutorStateFailed {
			continue
		}
		reason, message := podFailure(pod)
		end := ExecutorEnd(pod)
		switch {
		case end != nil && (text == "" || last.Before(&end.FinishedAt)):
			last = end.FinishedAt
			text = reconcile.Join("; ", "the last one failed with "+describeEnd(end), reconcile.Join(": ", reason, message))
		case end == nil && text == "" && reason != "":
			text = "the last one: " + reconcile.Join(": ", reason, message)
		}
	}
	return text
}
