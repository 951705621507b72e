// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// besideHelper gives a driver a template whose Spark container is called name,
// beside a container that outlives it.
func besideHelper(name string, first bool) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		containers := []corev1.Container{{Name: name}, {Name: "helper", Image: "busybox"}}
		if !first {
			containers[0], containers[1] = containers[1], containers[0]
			app.Spec.SparkConf = map[string]string{sparkconf.DriverPodTemplateContainerName: name}
		}
		app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: containers}}
	}
}

// endsBesideHelper ends the Spark container while the helper goes on.
func endsBesideHelper(c *cluster, name string, code int32) {
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{
			{Name: "helper", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: code, Reason: "Error", FinishedAt: metav1.NewTime(c.clock.Now()),
			}}},
		}
	})
}

// TestEndOfDriverWithAnyContainerName: the end of the Spark container is the end of
// the run, with its exit code and log, whatever the template calls it.
func TestEndOfDriverWithAnyContainerName(t *testing.T) {
	for _, test := range []struct {
		name  string
		first bool
	}{{v1beta2.DriverContainerName, false}, {"spark", true}, {"main", false}, {"executor", true}} {
		t.Run(fmt.Sprintf("%s, first %t", test.name, test.first), func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", onFailure(3, 1), besideHelper(test.name, test.first), func(app *v1beta2.SparkApplication) {
				app.Spec.RestartPolicy.NonRetryableExitCodes = []int32{3}
			}))
			p := c.start(keepsLog)
			mustSettle(t, p, "pi")
			requests := c.setLog("bad input\n", nil)
			endsBesideHelper(c, test.name, 3)
			mustSettle(t, p, "pi")
			status := c.wantState("pi", lifecycle.StateFailed).Status
			if status.ExecutionAttempts != 1 || !strings.Contains(status.AppState.ErrorMessage, "ExitCode: 3") {
				t.Errorf("%d attempts: %s", status.ExecutionAttempts, status.AppState.ErrorMessage)
			}
			if code := status.Attempts[0].ExitCode; code == nil || *code != 3 {
				t.Errorf("exit code %v", code)
			}
			if len(*requests) != 1 || (*requests)[0].Container != test.name || status.Attempts[0].LogTail != "bad input" {
				t.Errorf("log %q, requests %+v", status.Attempts[0].LogTail, *requests)
			}
		})
	}
}

// TestRunSecondsWithAnyContainerName: the time of a run counts from the start of
// the Spark container.
func TestRunSecondsWithAnyContainerName(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", besideHelper("spark", true), func(app *v1beta2.SparkApplication) {
		app.Spec.Timeouts = &v1beta2.Timeouts{RunSeconds: ptr.To[int64](5)}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodRunning
		running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.clock.Now())}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "helper", State: running}, {Name: "spark", State: running}}
	})
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.clock.Step(time.Minute)
	if _, err := p.step("pi"); err != nil {
		t.Fatal(err)
	}
	if state := c.application("pi").Status.AppState.State; state == lifecycle.StateRunning {
		t.Error("still running")
	}
}

// TestExecutorEndsInAnyContainer: so does an executor, also beside a container with
// the usual name.
func TestExecutorEndsInAnyContainer(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: v1beta2.ExecutorContainerName},
			{Name: "main", Args: []string{"executor"}, Env: []corev1.EnvVar{{Name: "SPARK_EXECUTOR_ID", Value: "1"}}},
		}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
			{Name: v1beta2.ExecutorContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			{Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}},
		}},
	}
	if got := diagnosis.ExecutorState(podview.Of(pod)); got != v1beta2.ExecutorStateFailed {
		t.Errorf("state %s", got)
	}
	if end := diagnosis.ExecutorEnd(podview.Of(pod)); end == nil || end.ExitCode != 3 {
		t.Errorf("end %v", end)
	}
}
