// SPDX-License-Identifier: Apache-2.0

package podview

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	resourcehelper "k8s.io/component-helpers/resource"
)

// Requests is what the scheduler reserves for a pod.
type Requests struct {
	// MilliCores of CPU.
	MilliCores int64
	// Bytes of memory.
	Bytes int64
	// GPUs are the extended resources whose name contains gpu, such as nvidia.com/gpu.
	GPUs int64
}

func requestsOf(pod *corev1.Pod) Requests {
	var requests Requests
	if spec := &pod.Spec; len(spec.InitContainers) == 0 && spec.Overhead == nil && spec.Resources == nil {
		// Almost all executors, thousands of whose events arrive at once: a sum needs no maps.
		for i := range spec.Containers {
			requests.add(spec.Containers[i].Resources.Requests)
		}
		return requests
	}
	requests.add(resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}))
	return requests
}

func (r *Requests) add(list corev1.ResourceList) {
	for name, quantity := range list {
		switch {
		case name == corev1.ResourceCPU:
			r.MilliCores += quantity.MilliValue()
		case name == corev1.ResourceMemory:
			r.Bytes += quantity.Value()
		case strings.Contains(string(name), "/") && strings.Contains(string(name), "gpu"):
			r.GPUs += quantity.Value()
		}
	}
}

// startOf returns when the kubelet accepted a pod, in Unix time. Where the pod does not show
// it, that is when the first of its containers started; 0 if none has.
func startOf(pod *corev1.Pod) int64 {
	if start := pod.Status.StartTime; !start.IsZero() {
		return start.Unix()
	}
	var first int64
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			var at int64
			switch state := &statuses[i].State; {
			case state.Running != nil && !state.Running.StartedAt.IsZero():
				at = state.Running.StartedAt.Unix()
			case state.Terminated != nil && !state.Terminated.StartedAt.IsZero():
				at = state.Terminated.StartedAt.Unix()
			}
			if at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
	}
	return first
}

// EndedAt returns when the last container of a pod that has ended did so; zero if the pod
// has not ended, or does not show it.
func (p *Pod) EndedAt() time.Time {
	var last time.Time
	if !p.Ended() {
		return last
	}
	for _, statuses := range [][]ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range statuses {
			if end := statuses[i].State.Terminated; end != nil && end.FinishedAt.After(last) {
				last = end.FinishedAt.Time
			}
		}
	}
	if condition := p.Condition(corev1.DisruptionTarget); last.IsZero() && condition != nil {
		last = condition.LastTransitionTime.Time
	}
	return last
}
