// SPDX-License-Identifier: Apache-2.0

package podview

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// TestSchedulingConditionIsKeptOnlyWhilePending: no code reads it of a pod with a
// node.
func TestSchedulingConditionIsKeptOnlyWhilePending(t *testing.T) {
	for phase, want := range map[corev1.PodPhase]int{"": 1, corev1.PodPending: 1, corev1.PodRunning: 0, corev1.PodSucceeded: 0, corev1.PodFailed: 0, corev1.PodUnknown: 0} {
		pod := &corev1.Pod{Status: corev1.PodStatus{Phase: phase, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}, {Type: corev1.PodReady},
		}}}
		if got := Of(pod).Status.Conditions; len(got) != want {
			t.Errorf("phase %q: %v", phase, got)
		}
	}
}

func TestPodBelongsToItsApplication(t *testing.T) {
	for _, test := range []struct {
		owner metav1.OwnerReference
		want  types.UID
	}{
		{metav1.OwnerReference{APIVersion: "sparkoperator.k8s.io/v1beta2", Kind: "SparkApplication", UID: "u", Controller: ptr.To(true)}, "u"},
		{metav1.OwnerReference{APIVersion: "sparkoperator.k8s.io/v1beta2", Kind: "SparkApplication", UID: "u"}, ""},
		{metav1.OwnerReference{APIVersion: "batch/v1", Kind: "SparkApplication", UID: "u", Controller: ptr.To(true)}, ""},
		{metav1.OwnerReference{APIVersion: "sparkoperator.k8s.io/v1beta2", Kind: "Other", UID: "u", Controller: ptr.To(true)}, ""},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{test.owner}}}
		if got := Of(pod).ApplicationUID; got != test.want {
			t.Errorf("%+v: %q", test.owner, got)
		}
	}
}

// TestPortOfTheWebUI: it is the one that Spark names so, whichever container has it.
func TestPortOfTheWebUI(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"sparkoperator.k8s.io/connect-name": "lab"}}}
	if got := Of(pod).Connect.UIPort; got != 0 {
		t.Errorf("port %d of a pod without ports", got)
	}
	pod.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}}}, {Ports: []corev1.ContainerPort{{Name: "spark-ui", ContainerPort: 4141}}}}
	if got := Of(pod).Connect.UIPort; got != 4141 {
		t.Errorf("port %d", got)
	}
}
