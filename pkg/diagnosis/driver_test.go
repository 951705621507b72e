// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

func TestReportDriver(t *testing.T) {
	terminated := func(code int32, reason string) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{
			{Name: "sidecar", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 9}}},
			{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}},
		}
	}
	for name, test := range map[string]struct {
		status  corev1.PodStatus
		want    v1beta2.DriverState
		reason  string
		message string
	}{
		"no phase yet": {want: v1beta2.DriverStatePending},
		"pending":      {status: corev1.PodStatus{Phase: corev1.PodPending}, want: v1beta2.DriverStatePending},
		"running":      {status: corev1.PodStatus{Phase: corev1.PodRunning}, want: v1beta2.DriverStateRunning},
		"succeeded":    {status: corev1.PodStatus{Phase: corev1.PodSucceeded}, want: v1beta2.DriverStateCompleted},
		"unknown":      {status: corev1.PodStatus{Phase: corev1.PodUnknown}, want: v1beta2.DriverStateUnknown},
		"out of memory": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: terminated(137, "OOMKilled")},
			want:   v1beta2.DriverStateFailed, reason: "OOMKilled",
			message: "driver container failed with ExitCode: 137, Reason: OOMKilled; the container used more memory than its limit; container sidecar failed with ExitCode: 9, Reason: ",
		},
		"failed without reason": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: terminated(1, "")},
			want:   v1beta2.DriverStateFailed, reason: ReasonDriverFailed,
			message: "driver container failed with ExitCode: 1, Reason: ; container sidecar failed with ExitCode: 9, Reason: ",
		},
		"killed": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: terminated(143, "Error")[1:]},
			want:   v1beta2.DriverStateFailed, reason: "Error",
			message: "driver container failed with ExitCode: 143, Reason: Error; ended by SIGTERM",
		},
		"with a last message": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
				Name: v1beta2.DriverContainerName,
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: 1, Reason: "Error", Message: "java.lang.ClassNotFoundException:\n\tPi\n",
				}},
			}}},
			want: v1beta2.DriverStateFailed, reason: "Error",
			message: "driver container failed with ExitCode: 1, Reason: Error; java.lang.ClassNotFoundException: Pi",
		},
		"evicted while it ran": {
			status: corev1.PodStatus{
				Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: ephemeral-storage.",
				ContainerStatuses: terminated(137, "Error"),
			},
			want: v1beta2.DriverStateFailed, reason: "Evicted",
			message: "driver container failed with ExitCode: 137, Reason: Error; ended by SIGKILL; Evicted: The node was low on resource: ephemeral-storage.",
		},
		"out of memory on a node that drains": {
			status: corev1.PodStatus{
				Phase: corev1.PodFailed, ContainerStatuses: terminated(137, "OOMKilled"),
				Conditions: []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting"}},
			},
			want: v1beta2.DriverStateFailed, reason: "OOMKilled",
			message: "driver container failed with ExitCode: 137, Reason: OOMKilled; the container used more memory than its limit; EvictionByEvictionAPI: Eviction API: evicting",
		},
		"no entrypoint": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
				Name: v1beta2.DriverContainerName,
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: 128, Reason: "StartError", Message: `exec: "/opt/entrypoint.sh": stat /opt/entrypoint.sh: no such file or directory`,
				}},
			}}},
			want: v1beta2.DriverStateFailed, reason: "StartError",
			message: `driver container failed with ExitCode: 128, Reason: StartError; exec: "/opt/entrypoint.sh": stat /opt/entrypoint.sh: no such file or directory`,
		},
		"only the sidecar failed": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: terminated(0, "Completed")},
			want:   v1beta2.DriverStateCompleted,
		},
		"evicted": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory."},
			want:   v1beta2.DriverStateFailed, reason: "Evicted",
			message: "driver container status missing: Evicted: The node was low on resource: memory.",
		},
		"node gone": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, Conditions: []corev1.PodCondition{
				{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByPodGC", Message: "node is gone"},
			}},
			want: v1beta2.DriverStateFailed, reason: "DeletionByPodGC",
			message: "driver container status missing: DeletionByPodGC: node is gone",
		},
		"init container failed": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, InitContainerStatuses: []corev1.ContainerStatus{
				{Name: "fetch", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}}},
			}},
			want: v1beta2.DriverStateFailed, reason: "InitContainerFailed",
			message: "driver container status missing: init container fetch failed with ExitCode: 2, Reason: Error",
		},
		"nothing known": {
			status: corev1.PodStatus{Phase: corev1.PodFailed},
			want:   v1beta2.DriverStateFailed, reason: ReasonStatusMissing, message: "driver container status missing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ReportDriver(podview.Of(&corev1.Pod{Status: test.status}))
			if got.State != test.want || got.Reason != test.reason || got.Message != test.message {
				t.Errorf("state %s, reason %q, message %q", got.State, got.Reason, got.Message)
			}
		})
	}
	if got := ReportDriver(nil); got.State != "" {
		t.Errorf("no pod gives %+v", got)
	}
}
