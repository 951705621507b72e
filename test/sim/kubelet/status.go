// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// The statuses of a pod, in the order in which a kubelet reports them.

func creating(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	return status(pod, corev1.PodPending, now, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}})
}

func pullFailed(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	return status(pod, corev1.PodPending, now, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
		Reason: "ErrImagePull", Message: "failed to pull and unpack image: not found",
	}})
}

func running(pod *corev1.Pod, address string, now time.Time) corev1.PodStatus {
	s := status(pod, corev1.PodRunning, now, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}})
	s.PodIP, s.PodIPs = address, []corev1.PodIP{{IP: address}}
	return s
}

func terminated(pod *corev1.Pod, life Life, now time.Time) corev1.PodStatus {
	end := &corev1.ContainerStateTerminated{
		Reason: "Completed", StartedAt: metav1.NewTime(now.Add(-life.Run)), FinishedAt: metav1.NewTime(now),
	}
	phase := corev1.PodSucceeded
	switch life.Outcome {
	case Fail:
		phase, end.ExitCode, end.Reason = corev1.PodFailed, 1, "Error"
	case LoseNode:
		lost := status(pod, corev1.PodFailed, now, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: end.StartedAt}})
		lost.Conditions = append(lost.Conditions, corev1.PodCondition{
			Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now),
			Reason: "DeletionByPodGC", Message: "PodGC: node no longer exists",
		})
		return lost
	default:
	}
	return status(pod, phase, now, corev1.ContainerState{Terminated: end})
}

// status is what a kubelet reports about a pod of which all containers are in the
// same state.
func status(pod *corev1.Pod, phase corev1.PodPhase, now time.Time, state corev1.ContainerState) corev1.PodStatus {
	time := metav1.NewTime(now)
	ready := corev1.ConditionFalse
	if state.Running != nil && phase == corev1.PodRunning {
		ready = corev1.ConditionTrue
	}
	s := corev1.PodStatus{
		Phase: phase, HostIP: "192.0.2.1", HostIPs: []corev1.HostIP{{IP: "192.0.2.1"}}, StartTime: &time, QOSClass: corev1.PodQOSBurstable,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue, LastTransitionTime: time},
			{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: time},
			{Type: corev1.PodReady, Status: ready, LastTransitionTime: time},
			{Type: corev1.ContainersReady, Status: ready, LastTransitionTime: time},
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: time},
		},
	}
	for _, container := range pod.Spec.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, State: state,
			Ready: ready == corev1.ConditionTrue, Started: ptr.To(state.Running != nil),
		})
	}
	return s
}
