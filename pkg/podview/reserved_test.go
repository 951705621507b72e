// SPDX-License-Identifier: Apache-2.0

package podview

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func list(pairs ...string) corev1.ResourceList {
	resources := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		resources[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return resources
}

// TestRequestsAreThoseOfTheScheduler: sidecars count, a larger init container counts instead,
// and what a node needs for the pod itself counts, too.
func TestRequestsAreThoseOfTheScheduler(t *testing.T) {
	container := func(pairs ...string) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{Requests: list(pairs...)}}
	}
	for name, test := range map[string]struct {
		spec corev1.PodSpec
		want Requests
	}{
		"none":      {corev1.PodSpec{}, Requests{}},
		"container": {corev1.PodSpec{Containers: []corev1.Container{container("cpu", "500m", "memory", "1408Mi")}}, Requests{500, 1408 << 20, 0}},
		"sidecar and overhead": {
			corev1.PodSpec{Containers: []corev1.Container{container("cpu", "1"), container("cpu", "250m")}, Overhead: list("cpu", "50m", "memory", "1Mi")},
			Requests{1300, 1 << 20, 0},
		},
		"init container": {
			corev1.PodSpec{InitContainers: []corev1.Container{container("cpu", "3")}, Containers: []corev1.Container{container("cpu", "1", "memory", "1Gi")}},
			Requests{3000, 1 << 30, 0},
		},
		"GPUs of two vendors": {
			corev1.PodSpec{Containers: []corev1.Container{container("nvidia.com/gpu", "2", "gpu.intel.com/i915", "1", "example.com/fpga", "1")}},
			Requests{0, 0, 3},
		},
	} {
		if got := Of(&corev1.Pod{Spec: test.spec}).Spec.Requests; got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// TestTimesOfPods: the kubelet's time of the start, or that of the first container; the end of
// the last container, and only of a pod that has ended.
func TestTimesOfPods(t *testing.T) {
	at := func(second int64) metav1.Time { return metav1.Unix(second, 0) }
	ended := func(start, end int64) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{StartedAt: at(start), FinishedAt: at(end)}}}
	}
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(30)}}}
	start := at(10)
	for name, test := range map[string]struct {
		status     corev1.PodStatus
		start, end int64
	}{
		"pending":            {corev1.PodStatus{Phase: corev1.PodPending}, 0, 0},
		"running":            {corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &start, ContainerStatuses: []corev1.ContainerStatus{running}}, 10, 0},
		"without start time": {corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{running, ended(20, 25)}}, 20, 0},
		"ended":              {corev1.PodStatus{Phase: corev1.PodFailed, StartTime: &start, ContainerStatuses: []corev1.ContainerStatus{ended(20, 25), ended(20, 40)}}, 10, 40},
		"evicted, no containers": {corev1.PodStatus{Phase: corev1.PodFailed, StartTime: &start, Conditions: []corev1.PodCondition{
			{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: at(50)},
		}}, 10, 50},
		"ended, time unknown": {corev1.PodStatus{Phase: corev1.PodFailed, StartTime: &start}, 10, 0},
	} {
		pod := Of(&corev1.Pod{Status: test.status})
		var want time.Time
		if test.end != 0 {
			want = time.Unix(test.end, 0)
		}
		if pod.Status.Started != test.start || !pod.EndedAt().Equal(want) {
			t.Errorf("%s: from %d to %v, want from %d to %v", name, pod.Status.Started, pod.EndedAt(), test.start, want)
		}
	}
}

// TestCPUOfTheDriverContainer: the requests of sidecars are not those of the driver.
func TestCPUOfTheDriverContainer(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Name: "proxy", Resources: corev1.ResourceRequirements{Requests: list("cpu", "3")}},
		{Name: "spark-kubernetes-driver", Args: []string{"driver"}, Resources: corev1.ResourceRequirements{Requests: list("cpu", "1500m")}},
	}}}
	if got := Of(pod).Spec.Driver.MilliCores; got != 1500 {
		t.Errorf("%d", got)
	}
	pod.Spec.Containers[1].Resources.Requests = nil
	if got := Of(pod).Spec.Driver.MilliCores; got != 0 {
		t.Errorf("%d without a request", got)
	}
}
