// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// What a driver does is the last argument of its application.
const (
	succeeds = "succeeds"
	fails    = "fails"   // with exit code 1
	endless  = "endless" // until the user lets it end
)

// tendPods brings every pod one step further: a driver starts, has an executor and
// ends as told; executors go with their driver, as Spark and the garbage collector
// see to it. A request that fails is made again with the next round.
func (w *World) tendPods(ctx context.Context) {
	drivers := map[types.UID]*corev1.Pod{}
	var executors []*corev1.Pod
	for _, object := range w.pods.GetStore().List() {
		pod, ok := object.(*corev1.Pod)
		switch {
		case !ok:
		case isDriver(pod):
			drivers[pod.UID] = pod
		default:
			executors = append(executors, pod)
		}
	}
	for _, pod := range drivers {
		w.tendDriver(ctx, pod)
	}
	for _, pod := range executors {
		owner := metav1.GetControllerOf(pod)
		switch {
		case owner == nil:
		case drivers[owner.UID] == nil || hasEnded(drivers[owner.UID]):
			err := w.core.CoreV1().Pods(w.namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
			if err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
				w.t.Logf("delete executor %s: %v", pod.Name, err)
			}
		case pod.Status.Phase == corev1.PodPending:
			w.setPhase(ctx, pod, v1beta2.ExecutorContainerName, corev1.PodRunning, 0)
		}
	}
}

func (w *World) tendDriver(ctx context.Context, pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil || hasEnded(pod) {
		return
	}
	if pod.Status.Phase != corev1.PodRunning {
		w.setPhase(ctx, pod, v1beta2.DriverContainerName, corev1.PodRunning, 0)
		return
	}
	arguments := pod.Spec.Containers[0].Args
	switch arguments[len(arguments)-1] {
	case succeeds:
		w.setPhase(ctx, pod, v1beta2.DriverContainerName, corev1.PodSucceeded, 0)
	case fails:
		w.setPhase(ctx, pod, v1beta2.DriverContainerName, corev1.PodFailed, 1)
	case endless:
		if w.mayEnd(pod.Labels[v1beta2.LabelSparkAppName]) {
			w.setPhase(ctx, pod, v1beta2.DriverContainerName, corev1.PodSucceeded, 0)
			return
		}
		w.ensureExecutor(ctx, pod)
	}
}

// letEnd lets the endless run of an application end successfully.
func (w *World) letEnd(name string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.finished[name] = true
}

func (w *World) mayEnd(name string) bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.finished[name]
}

// ensureExecutor creates the executor of a driver, as Spark does.
func (w *World) ensureExecutor(ctx context.Context, driver *corev1.Pod) {
	labels := map[string]string{v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkExecutorID: "1"}
	for _, inherited := range []string{
		v1beta2.LabelSparkAppName, v1beta2.LabelSubmissionID, v1beta2.LabelSparkApplicationSelector, v1beta2.LabelLaunchedBySparkOperator,
	} {
		labels[inherited] = driver.Labels[inherited]
	}
	name := "exec-" + string(driver.UID)
	if _, exists, _ := w.pods.GetStore().GetByKey(w.namespace + "/" + name); exists {
		return
	}
	_, err := w.core.CoreV1().Pods(w.namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(driver, corev1.SchemeGroupVersion.WithKind("Pod"))},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.ExecutorContainerName, Image: "example.com/spark"}}},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) && ctx.Err() == nil {
		w.t.Logf("create executor %s: %v", name, err)
	}
}

// setPhase writes the status of a pod and its Spark container.
func (w *World) setPhase(ctx context.Context, pod *corev1.Pod, container string, phase corev1.PodPhase, exitCode int32) {
	status := corev1.ContainerStatus{Name: container}
	if now := metav1.Now(); phase == corev1.PodRunning {
		status.Started, status.Ready = ptr.To(true), true
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
	} else {
		status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: exitCode, StartedAt: now, FinishedAt: now}
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID}, // of no other pod with the same name
		"status":   map[string]any{"phase": phase, "containerStatuses": []corev1.ContainerStatus{status}},
	})
	if err != nil {
		w.t.Error(err)
		return
	}
	_, err = w.core.CoreV1().Pods(w.namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
		w.t.Logf("set phase of %s to %s: %v", pod.Name, phase, err)
	}
}
