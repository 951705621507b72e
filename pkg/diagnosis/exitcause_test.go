// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

func TestFailureType(t *testing.T) {
	disrupted := []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"}}
	exit := func(code int32, reason string) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}}}
	}
	for name, test := range map[string]struct {
		status corev1.PodStatus
		want   v1beta2.FailureType
	}{
		"exit code":                  {corev1.PodStatus{ContainerStatuses: exit(1, "Error")}, v1beta2.FailureTypeApplication},
		"killed by a signal":         {corev1.PodStatus{ContainerStatuses: exit(143, "Error")}, v1beta2.FailureTypeApplication},
		"evicted, stopped":           {corev1.PodStatus{ContainerStatuses: exit(143, "Error"), Conditions: disrupted}, v1beta2.FailureTypeInfrastructure},
		"evicted, killed":            {corev1.PodStatus{ContainerStatuses: exit(137, "Error"), Conditions: disrupted}, v1beta2.FailureTypeInfrastructure},
		"too little memory":          {corev1.PodStatus{ContainerStatuses: exit(137, "OOMKilled")}, v1beta2.FailureTypeApplication},
		"too little memory, evicted": {corev1.PodStatus{ContainerStatuses: exit(137, "OOMKilled"), Conditions: disrupted}, v1beta2.FailureTypeApplication},
		"disruption called off":      {corev1.PodStatus{ContainerStatuses: exit(1, "Error"), Conditions: []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionFalse}}}, v1beta2.FailureTypeApplication},
		"node pressure":              {corev1.PodStatus{Reason: "Evicted", ContainerStatuses: exit(137, "Error")}, v1beta2.FailureTypeInfrastructure},
		"node shut down":             {corev1.PodStatus{Reason: "Terminated"}, v1beta2.FailureTypeInfrastructure},
		"not admitted":               {corev1.PodStatus{Reason: "OutOfcpu"}, v1beta2.FailureTypeInfrastructure},
		"made room":                  {corev1.PodStatus{Reason: "Preempting"}, v1beta2.FailureTypeInfrastructure},
		"container lost":             {corev1.PodStatus{ContainerStatuses: exit(137, "ContainerStatusUnknown")}, v1beta2.FailureTypeInfrastructure},
		"too slow for its own limit": {corev1.PodStatus{Reason: "DeadlineExceeded"}, v1beta2.FailureTypeApplication},
		"init container":             {corev1.PodStatus{InitContainerStatuses: exit(1, "Error")}, v1beta2.FailureTypeApplication},
	} {
		t.Run(name, func(t *testing.T) {
			test.status.Phase = corev1.PodFailed
			pod := podview.Of(&corev1.Pod{Status: test.status})
			if got := FailureType(pod, ReportDriver(pod)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
