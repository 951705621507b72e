// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// executorStates returns status.executorState after the executors were observed.
// Known executors stay listed when their pods are gone: as COMPLETED in an
// application that succeeds, because executors are removed before the driver
// ends; as UNKNOWN while it runs; as FAILED otherwise. Executors whose number is
// above limit, and those beyond so many, are left out, so that the status stays bounded.
func executorStates(known map[string]v1beta2.ExecutorState, pods []*podview.Pod, app v1beta2.ApplicationStateType, limit int) map[string]v1beta2.ExecutorState {
	states := maps.Clone(known)
	present := make(map[string]bool, len(pods))
	for _, pod := range pods {
		if number, err := strconv.Atoi(pod.Labels.ExecutorID); err == nil && number > limit {
			continue
		}
		if _, tracked := states[pod.Name]; !tracked && len(states) >= limit {
			continue
		}
		present[pod.Name] = true
		if states == nil {
			states = make(map[string]v1beta2.ExecutorState, len(pods))
		}
		states[pod.Name] = settled(executorState(pod), app)
	}
	for name, state := range states {
		if present[name] || state == v1beta2.ExecutorStateCompleted || state == v1beta2.ExecutorStateFailed {
			continue
		}
		switch app {
		case v1beta2.ApplicationStateSucceeding, v1beta2.ApplicationStateCompleted:
			states[name] = v1beta2.ExecutorStateCompleted
		case v1beta2.ApplicationStateFailing, v1beta2.ApplicationStateFailed:
			states[name] = v1beta2.ExecutorStateFailed
		default:
			states[name] = v1beta2.ExecutorStateUnknown
		}
	}
	return states
}

// settled is the state of an executor whose pod still exists. In an application
// that completed it cannot do anything any more.
func settled(state v1beta2.ExecutorState, app v1beta2.ApplicationStateType) v1beta2.ExecutorState {
	if app == v1beta2.ApplicationStateCompleted && (state == v1beta2.ExecutorStateRunning || state == v1beta2.ExecutorStatePending) {
		return v1beta2.ExecutorStateCompleted
	}
	return state
}

// executorState reads the state of an executor from its pod; as with the driver,
// the end of the Spark container counts and not that of a sidecar.
func executorState(pod *podview.Pod) v1beta2.ExecutorState {
	if end := executorEnd(pod); end != nil && pod.Status.Phase == corev1.PodRunning {
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

// executorEnd returns how the Spark container of an executor ended; nil if it has
// not.
func executorEnd(pod *podview.Pod) *corev1.ContainerStateTerminated {
	container := sparkContainer(pod, v1beta2.ExecutorContainerName, v1beta2.ExecutorContainerNameAlternative)
	if container == nil {
		return nil
	}
	return container.State.Terminated
}
