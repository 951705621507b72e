// SPDX-License-Identifier: Apache-2.0

package batchscheduler

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// PodRequests is what the scheduler reserves for a pod, and what a ResourceQuota counts.
func PodRequests(pod *corev1.Pod) corev1.ResourceList {
	pod = pod.DeepCopy()
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			requestLimits(&containers[i].Resources)
		}
	}
	return resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
}

// requestLimits makes a request of each limit without one, as the API server
// does before a scheduler sees the pod. GPUs are usually given that way.
func requestLimits(resources *corev1.ResourceRequirements) {
	for name, limit := range resources.Limits {
		if _, requested := resources.Requests[name]; requested {
			continue
		}
		if resources.Requests == nil {
			resources.Requests = make(corev1.ResourceList, len(resources.Limits))
		}
		resources.Requests[name] = limit
	}
}

// executorPod is an executor as far as it matters for scheduling: the template
// with what Spark puts over it (BasicExecutorFeatureStep).
func executorPod(pods Pods) *corev1.Pod {
	pod := &corev1.Pod{}
	if pods.ExecutorTemplate != nil {
		pod.Spec = *pods.ExecutorTemplate.Spec.DeepCopy()
	}
	container := sparkContainer(&pod.Spec, pods.Properties[sparkconf.ExecutorPodTemplateContainerName])
	container.Resources.Requests = overlay(container.Resources.Requests, pods.ExecutorResources.Requests)
	container.Resources.Limits = overlay(container.Resources.Limits, pods.ExecutorResources.Limits)

	conf := sparkconf.New(pods.Properties, nil, sparkconf.Version{})
	for _, prefix := range []string{sparkconf.NodeSelectorPrefix, sparkconf.ExecutorNodeSelectorPrefix} {
		for _, selector := range conf.WithPrefix(prefix) {
			if pod.Spec.NodeSelector == nil {
				pod.Spec.NodeSelector = make(map[string]string, 1)
			}
			pod.Spec.NodeSelector[selector.Key] = selector.Value
		}
	}
	return pod
}

// sparkContainer returns the container that Spark takes for itself: the one of
// that name, else the first, else a new one.
func sparkContainer(spec *corev1.PodSpec, name string) *corev1.Container {
	if len(spec.Containers) == 0 {
		spec.Containers = make([]corev1.Container, 1)
	}
	index := slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == name })
	return &spec.Containers[max(index, 0)]
}

// overlay returns base with the entries of over put in.
func overlay(base, over corev1.ResourceList) corev1.ResourceList {
	all := make(corev1.ResourceList, len(base)+len(over))
	maps.Copy(all, base)
	maps.Copy(all, over)
	return all
}

// gangRequests is what the driver and all executors of the start need together.
func gangRequests(pods Pods) corev1.ResourceList {
	total := PodRequests(pods.Driver)
	if pods.Executors <= 0 {
		return total
	}
	for name, each := range PodRequests(executorPod(pods)) {
		all := each.DeepCopy()
		all.Mul(int64(pods.Executors))
		sum := total[name]
		sum.Add(all)
		total[name] = sum
	}
	return total
}

// quantities renders requests for an unstructured object, without those of zero.
func quantities(requests corev1.ResourceList) map[string]any {
	rendered := make(map[string]any, len(requests))
	for name, quantity := range requests {
		if quantity.Cmp(resource.Quantity{}) > 0 {
			rendered[string(name)] = quantity.String()
		}
	}
	return rendered
}
