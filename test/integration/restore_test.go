// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestRestoredApplications restores applications with their status where their pods do
// not exist, as docs/operations.md describes: what had ended does not run again, and
// the restart policy decides about a driver that is lost.
func TestRestoredApplications(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, "restored")
	apps := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	completed, failed := inState(v1beta2.ApplicationStateCompleted), inState(v1beta2.ApplicationStateFailed)
	running, suspended := inState(v1beta2.ApplicationStateRunning), inState(v1beta2.ApplicationStateSuspended)
	submittedAgain := func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted && app.Status.DriverInfo.PodName != "" && len(app.Status.Attempts) == 2
	}
	stories := []struct {
		name          string
		edit          func(*v1beta2.SparkApplicationSpec)
		driver        corev1.PodPhase // of the old cluster; empty for no driver
		before, after func(*v1beta2.SparkApplication) bool
		drivers       int // that the restored application gets
	}{
		{"completed", nil, corev1.PodSucceeded, completed, completed, 0},
		{"failed", nil, corev1.PodFailed, failed, failed, 0},
		{"suspended", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) }, "", suspended, suspended, 0},
		{"lost", nil, corev1.PodRunning, running, failed, 0},
		{"lost-retries", func(spec *v1beta2.SparkApplicationSpec) {
			spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnFailureRetryInterval: ptr.To[int64](1)}
		}, corev1.PodRunning, running, submittedAgain, 1},
	}

	stop := sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	var backup []*v1beta2.SparkApplication
	for _, story := range stories {
		app := sparkPi(story.name)
		if story.edit != nil {
			story.edit(&app.Spec)
		}
		if _, err := apps.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if story.driver != "" {
			app = waitFor(t, namespace, story.name, "SUBMITTED", func(app *v1beta2.SparkApplication) bool { return app.Status.DriverInfo.PodName != "" })
			setPhase(t, namespace, app.Status.DriverInfo.PodName, story.driver)
		}
		backup = append(backup, waitFor(t, namespace, story.name, "ready for the backup", story.before))
	}
	stop()
	background := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}
	if err := apps.DeleteCollection(t.Context(), background, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	pods := api.Core.CoreV1().Pods(namespace)
	if err := pods.DeleteCollection(t.Context(), background, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}

	for _, app := range backup {
		app.ObjectMeta = metav1.ObjectMeta{Name: app.Name, Labels: app.Labels, Annotations: app.Annotations}
		created, err := apps.Create(t.Context(), app, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if created.Status.AppState.State != "" {
			t.Fatalf("%s: the API server stored the status of a creation", app.Name)
		}
		created.Status = app.Status
		if _, err := apps.UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	for _, story := range stories {
		waitFor(t, namespace, story.name, "as documented", story.after)
	}
	time.Sleep(2 * time.Second) // for drivers that must not be created
	for _, story := range stories {
		app := waitFor(t, namespace, story.name, "as documented", story.after)
		if story.name == "lost" && app.Status.Attempts[0].Reason != "DriverLost" {
			t.Errorf("lost: the reason is %s", app.Status.Attempts[0].Reason)
		}
		drivers, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: v1beta2.LabelSparkAppName + "=" + story.name})
		if err != nil {
			t.Fatal(err)
		}
		if len(drivers.Items) != story.drivers {
			t.Errorf("%s: %d drivers instead of %d", story.name, len(drivers.Items), story.drivers)
		}
	}
}

// setPhase makes a driver pod look as a kubelet reports it.
func setPhase(t *testing.T, namespace, name string, phase corev1.PodPhase) {
	t.Helper()
	pods := api.Core.CoreV1().Pods(namespace)
	pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	switch phase {
	case corev1.PodSucceeded:
		state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.Now()}}
	case corev1.PodFailed:
		state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: metav1.Now()}}
	default: // running
	}
	pod.Status.Phase = phase
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName, State: state}}
	if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
