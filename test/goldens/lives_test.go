// SPDX-License-Identifier: Apache-2.0

package goldens

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// live does with each application that goes on after its submission what was done
// with the recorded one, and compares status and events after every step and the
// objects at the end. All of them take their steps together.
func live(t *testing.T, namespace string, runs []*run, now *state) {
	t.Helper()
	for number := 0; ; number++ {
		var moving []*run
		for _, r := range runs {
			if number < len(r.Steps) {
				moving = append(moving, r)
			}
		}
		if len(moving) == 0 {
			return
		}
		if number > 0 { // the first step was the creation
			for _, r := range moving {
				r.do(t, r.Steps[number].Do, false)
			}
			now = waitForRest(t, namespace)
			for _, r := range moving {
				if r.do(t, r.Steps[number].Do, true) {
					now = waitForRest(t, namespace)
				}
			}
		}
		for _, r := range moving {
			r.compareStep(t, &r.Steps[number], now)
			if number == len(r.Steps)-1 {
				_, objects := r.objectsOf(t, now, now.apps[r.app.GetName()])
				r.differences = append(r.differences, r.CompareObjects(objects)...)
			}
		}
	}
}

func (r *run) compareStep(t *testing.T, step *recording.Step, now *state) {
	t.Helper()
	app := now.apps[r.app.GetName()]
	placeholders, _ := r.objectsOf(t, now, app)
	r.compareStatus(t, "@"+step.Do, step.Status, app, placeholders)
	r.differences = append(r.differences, r.CompareEvents("events@"+step.Do, step.Events, r.news(now), "")...)
}

// do does what a step of the recording did; where that has two halves, the second
// after the first has had its effect. It reports whether there was anything to do.
func (r *run) do(t *testing.T, step string, secondHalf bool) bool {
	t.Helper()
	driver, executor := r.Name()+"-driver", r.Name()+"-exec-1"
	if secondHalf {
		if step == "exec-running" {
			r.setPhase(t, executor, v1beta2.ExecutorContainerName, corev1.PodRunning, nil)
			return true
		}
		return false
	}
	switch step {
	case "driver-running":
		r.setPhase(t, driver, v1beta2.DriverContainerName, corev1.PodRunning, nil)
	case "driver-succeeded":
		r.setPhase(t, driver, v1beta2.DriverContainerName, corev1.PodSucceeded, &corev1.ContainerStateTerminated{Reason: "Completed"})
	case "driver-failed":
		r.setPhase(t, driver, v1beta2.DriverContainerName, corev1.PodFailed, &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"})
	case "driver-container-done":
		r.setPhase(t, driver, v1beta2.DriverContainerName, corev1.PodRunning, &corev1.ContainerStateTerminated{Reason: "Completed"})
	case "driver-delete":
		r.deletePod(t, driver)
	case "exec-running":
		r.createExecutor(t, driver, executor)
	case "exec-gone":
		r.deletePod(t, executor)
	case "suspend", "resume":
		patch := map[string]any{"spec": map[string]any{"suspend": step == "suspend"}}
		r.patch(t, func(data []byte) error {
			_, err := api.Dynamic.Resource(applications).Namespace(r.namespace).Patch(t.Context(), r.Name(), types.MergePatchType, data, metav1.PatchOptions{})
			return err
		}, patch)
	default:
		t.Fatalf("unknown step %q", step)
	}
	return true
}

func (r *run) patch(t *testing.T, send func([]byte) error, patch any) {
	t.Helper()
	data, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	if err := send(data); err != nil {
		t.Fatalf("%s: %v", r.Case.Case, err)
	}
}

// setPhase writes the status of a pod as a kubelet does.
func (r *run) setPhase(t *testing.T, name, container string, phase corev1.PodPhase, terminated *corev1.ContainerStateTerminated) {
	t.Helper()
	status := corev1.ContainerStatus{Name: container, Started: ptr.To(true), Ready: terminated == nil}
	if status.State.Terminated = terminated; terminated == nil {
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.Now()}
	} else {
		terminated.StartedAt, terminated.FinishedAt = metav1.Now(), metav1.Now()
	}
	r.patch(t, func(data []byte) error {
		_, err := api.Core.CoreV1().Pods(r.namespace).Patch(t.Context(), name, types.MergePatchType, data, metav1.PatchOptions{}, "status")
		return err
	}, map[string]any{"status": map[string]any{"phase": phase, "containerStatuses": []corev1.ContainerStatus{status}}})
}

// deletePod deletes a pod as the garbage collector and a kubelet do together.
func (r *run) deletePod(t *testing.T, name string) {
	t.Helper()
	if err := api.Core.CoreV1().Pods(r.namespace).Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
		t.Fatal(err)
	}
}

// createExecutor creates the first executor of a driver.
func (r *run) createExecutor(t *testing.T, driverName, name string) {
	t.Helper()
	driver, err := api.Core.CoreV1().Pods(r.namespace).Get(t.Context(), driverName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkExecutorID: "1"}
	for _, inherited := range []string{
		v1beta2.LabelSparkAppName, v1beta2.LabelSubmissionID, v1beta2.LabelSparkApplicationSelector, v1beta2.LabelLaunchedBySparkOperator,
	} {
		labels[inherited] = driver.Labels[inherited]
	}
	_, err = api.Core.CoreV1().Pods(r.namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(driver, corev1.SchemeGroupVersion.WithKind("Pod"))},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.ExecutorContainerName, Image: "example.com/spark"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
