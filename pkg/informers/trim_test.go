// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"runtime"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// runningExecutor is a pod as a kubelet reports it.
func runningExecutor(id int) *corev1.Pod {
	now := metav1.Now()
	condition := func(kind corev1.PodConditionType) corev1.PodCondition {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now}
	}
	name := "pi-driver-exec-" + strconv.Itoa(id)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "jobs", UID: "5c9a4ae4-0000-4000-8000-000000000000", ResourceVersion: "123456",
			Labels: map[string]string{
				v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "2f2dbb8e-6bf3-5ed1-9a34-18e4e0d1a6b1",
				v1beta2.LabelLaunchedBySparkOperator: "true", v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor,
				v1beta2.LabelSparkExecutorID: strconv.Itoa(id), "spark-app-selector": "spark-0123456789abcdef0123456789abcdef",
				"spark-app-name": "pi", "spark-version": "4.0.4", "spark-exec-resourceprofile-id": "0",
			},
			Annotations: map[string]string{"other": "annotation"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "v1", Kind: "Pod", Name: "pi-driver", UID: "6c9a4ae4-0000-4000-8000-000000000000", Controller: ptr.To(true),
			}},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "spark"}},
		},
		Spec: corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "spark-kubernetes-executor", Image: "spark"}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1", HostIP: "192.0.2.1", StartTime: &now,
			Conditions: []corev1.PodCondition{
				condition(corev1.PodReadyToStartContainers), condition(corev1.PodInitialized), condition(corev1.PodReady),
				condition(corev1.ContainersReady), condition(corev1.PodScheduled), condition(corev1.DisruptionTarget),
			},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "spark-kubernetes-executor", Image: "apache/spark:4.0.4", ImageID: "sha256:0123", ContainerID: "containerd://0123", Ready: true,
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
			}},
		},
	}
}

func TestTrimPodKeepsWhatIsRead(t *testing.T) {
	pod := runningExecutor(7)
	original := pod.DeepCopy()
	trimmed, err := trimPod(pod)
	if err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(pod, original) {
		t.Error("the pod itself was changed")
	}
	want := original
	want.Annotations, want.ManagedFields = nil, nil
	want.Spec = corev1.PodSpec{NodeName: "node-1"}
	want.Status.PodIP, want.Status.HostIP = "", ""
	want.Status.Conditions = want.Status.Conditions[4:]
	want.Status.ContainerStatuses[0].ImageID, want.Status.ContainerStatuses[0].ContainerID = "", ""
	if !equality.Semantic.DeepEqual(trimmed, want) {
		t.Errorf("got\n%+v\nwant\n%+v", trimmed, want)
	}
}

// TestTrimmedPodsAreSmall bounds what an idle executor costs. That is what limits
// how many of them one operator can watch.
func TestTrimmedPodsAreSmall(t *testing.T) {
	const count, bound = 2000, 3 << 10
	inUse := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	pods := make([]any, count)
	before := inUse()
	for id := range pods {
		original := runningExecutor(id)
		// As they are decoded: every text a copy of its own.
		data, err := original.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		decoded := &corev1.Pod{}
		if err := decoded.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		if pods[id], err = trimPod(decoded); err != nil {
			t.Fatal(err)
		}
	}
	each := (inUse() - before) / count
	t.Logf("%d bytes each", each)
	if each > bound {
		t.Errorf("an idle executor takes %d bytes, want at most %d", each, bound)
	}
	runtime.KeepAlive(pods)
}
