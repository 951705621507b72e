// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
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
		Spec: corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{
			Name: "spark-kubernetes-executor", Image: "spark",
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("1408Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1408Mi")},
			},
		}}},
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

func TestPodOfKeepsWhatIsRead(t *testing.T) {
	pod := runningExecutor(7)
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = pod.Status.StartTime, ptr.To[int64](30)
	pod.Annotations[v1beta2.AnnotationSubmitter], pod.Annotations["sparkoperator.k8s.io/another"] = "a", "b"
	pod.Status.Reason, pod.Status.Message = "Evicted", "The node was low on resource: memory."
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		Name: "init", RestartCount: 2, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "m"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", ContainerID: "containerd://0123"}},
	}}
	original := pod.DeepCopy()
	got := podview.Of(pod)
	now := *pod.Status.StartTime
	want := &podview.Pod{
		Name: "pi-driver-exec-7", Namespace: "jobs", UID: pod.UID, ResourceVersion: "123456",
		DeletionTimestamp: &now, DeletionGracePeriodSeconds: ptr.To[int64](30),
		DriverUID: "6c9a4ae4-0000-4000-8000-000000000000", Controlled: true,
		Labels: podview.Labels{
			Role: "executor", AppName: "pi", SubmissionID: "2f2dbb8e-6bf3-5ed1-9a34-18e4e0d1a6b1",
			SparkApplicationSelector: "spark-0123456789abcdef0123456789abcdef", ExecutorID: "7",
		},
		Annotations: podview.Annotations{{Key: "sparkoperator.k8s.io/another", Value: "b"}, {Key: v1beta2.AnnotationSubmitter, Value: "a"}},
		Spec:        podview.Spec{NodeName: "node-1", Requests: podview.Requests{MilliCores: 1000, Bytes: 1408 << 20}},
		Status: podview.Status{
			Started: now.Unix(),
			Phase:   corev1.PodRunning, Reason: "Evicted", Message: "The node was low on resource: memory.",
			Conditions: []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: now}},
			InitContainerStatuses: []podview.ContainerStatus{{
				Name: "init", RestartCount: 2, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "m"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}},
			}},
			ContainerStatuses: []podview.ContainerStatus{{
				Name: "spark-kubernetes-executor", Image: "apache/spark:4.0.4", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
			}},
		},
	}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if got.Annotations.Get(v1beta2.AnnotationSubmitter) != "a" || got.Annotations.Get("other") != "" {
		t.Errorf("annotations %v", got.Annotations)
	}
	got.Status.InitContainerStatuses[0].State.Waiting.Reason = "changed"
	got.DeletionTimestamp.Time = time.Time{}
	if !equality.Semantic.DeepEqual(pod, original) {
		t.Error("the pod itself was changed, or can be through what was kept")
	}
}

// TestPodCopyIsDeep: a copy that shared memory would hide changes of cached pods
// from the detector.
func TestPodCopyIsDeep(t *testing.T) {
	original := runningExecutor(7)
	original.DeletionTimestamp, original.DeletionGracePeriodSeconds = original.Status.StartTime, ptr.To[int64](30)
	original.Annotations[v1beta2.AnnotationSubmitter] = "a"
	original.Status.InitContainerStatuses = []corev1.ContainerStatus{{
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}},
	}}
	pod := podview.Of(original)
	copied := pod.DeepCopyObject().(*podview.Pod)
	if !equality.Semantic.DeepEqual(pod, copied) {
		t.Fatalf("got %+v, want %+v", copied, pod)
	}
	if path := sharedMemory(reflect.ValueOf(pod).Elem(), reflect.ValueOf(copied).Elem(), "pod"); path != "" {
		t.Errorf("%s is shared with the copy", path)
	}
}

// sharedMemory returns the path of the first pointer, slice or map that two values
// have in common; empty for none. The time zone of a time is shared by design.
func sharedMemory(a, b reflect.Value, path string) string {
	switch a.Kind() { // the other kinds hold no memory
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if a.IsNil() || a.Kind() == reflect.Slice && a.Len() == 0 {
			return ""
		}
		if a.Pointer() == b.Pointer() {
			return path
		}
		if a.Kind() == reflect.Pointer {
			return sharedMemory(a.Elem(), b.Elem(), path)
		}
		if a.Kind() == reflect.Slice {
			for i := range a.Len() {
				if shared := sharedMemory(a.Index(i), b.Index(i), path+"["+strconv.Itoa(i)+"]"); shared != "" {
					return shared
				}
			}
		}
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[time.Time]() {
			return ""
		}
		for i := range a.NumField() {
			if shared := sharedMemory(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name); shared != "" {
				return shared
			}
		}
	}
	return ""
}
