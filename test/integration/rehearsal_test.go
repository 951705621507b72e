// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/garbage"
)

// TestDryRunWritesNothing: the log names every decision once, and everything in the
// namespace stays as it is, Leases and events too.
func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, "dry-run")
	stale := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	// As kubeflow/spark-operator leaves them.
	createWithStatus(t, namespace, sparkPi("new"), v1beta2.SparkApplicationStatus{})
	invalid := sparkPi("invalid")
	invalid.Annotations = map[string]string{v1beta2.AnnotationSubmitter: "none"}
	createWithStatus(t, namespace, invalid, v1beta2.SparkApplicationStatus{})
	running := createWithStatus(t, namespace, sparkPi("running"), v1beta2.SparkApplicationStatus{
		AppState: v1beta2.ApplicationState{State: v1beta2.ApplicationStateRunning}, SubmissionID: "5c8a3a3e-0000-4000-8000-000000000001",
		DriverInfo: v1beta2.DriverInfo{PodName: "running-driver"}, LastSubmissionAttemptTime: stale, ExecutionAttempts: 1, SubmissionAttempts: 1,
	})
	createFinishedDriver(t, running)
	expired := sparkPi("expired")
	expired.Spec.TimeToLiveSeconds = ptr.To[int64](60)
	createWithStatus(t, namespace, expired, v1beta2.SparkApplicationStatus{
		AppState: v1beta2.ApplicationState{State: v1beta2.ApplicationStateCompleted}, TerminationTime: stale, LastSubmissionAttemptTime: stale,
	})
	byJob := sparkPi("by-job")
	byJob.Annotations = map[string]string{v1beta2.AnnotationSubmitter: v1beta2.SubmitterSparkSubmit}
	createWithStatus(t, namespace, byJob, v1beta2.SparkApplicationStatus{})
	retried := sparkPi("retried")
	retried.Spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](3), OnFailureRetryInterval: ptr.To[int64](1)}
	createWithStatus(t, namespace, retried, v1beta2.SparkApplicationStatus{
		AppState: v1beta2.ApplicationState{State: v1beta2.ApplicationStateFailing}, SubmissionID: "5c8a3a3e-0000-4000-8000-000000000002",
		DriverInfo: v1beta2.DriverInfo{PodName: "retried-driver"}, LastSubmissionAttemptTime: stale, TerminationTime: stale, ExecutionAttempts: 1, SubmissionAttempts: 1,
	})
	createSchedule(t, namespace, newSchedule("due", "* * * * *"))
	patchSchedule(t, namespace, "due", `{"metadata":{"annotations":{"`+v1beta2.AnnotationRunNow+`":"once"}}}`)

	before := versions(t, namespace)
	process := startLogged(t, "--namespaces", namespace, "--dry-run", "--leader-election", "--leader-election-lock-namespace", namespace)
	decisions := []string{
		`verb="create" kind="Pod" object="` + namespace + `/new-driver"`,
		`verb="update" kind="SparkApplication" object="` + namespace + `/new" subresource="status" newState="SUBMITTED"`,
		`verb="update" kind="SparkApplication" object="` + namespace + `/invalid" subresource="status" newState="SUBMISSION_FAILED"`,
		`verb="update" kind="SparkApplication" object="` + namespace + `/running" subresource="status" newState="COMPLETED"`,
		`verb="delete" kind="SparkApplication" object="` + namespace + `/expired"`,
		`verb="update" kind="SparkApplication" object="` + namespace + `/by-job" subresource="status" newState="SUBMITTED"`,
		`verb="update" kind="SparkApplication" object="` + namespace + `/retried" subresource="status" newState="PENDING_RERUN"`,
		`verb="create" kind="SparkApplication" object="` + namespace + `/due-now-`,
	}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 40*time.Second, true, func(context.Context) (bool, error) {
		for _, decision := range decisions {
			if !strings.Contains(process.Log(), decision) {
				return false, nil
			}
		}
		return true, nil
	})
	// What was decided once is decided again when the objects change, and is not new.
	patchSchedule(t, namespace, "due", `{"metadata":{"labels":{"touched":"yes"}}}`)
	time.Sleep(3 * time.Second)
	log := process.Log()
	for _, decision := range decisions {
		if count := strings.Count(log, decision); count != 1 {
			t.Errorf("%d lines instead of 1 with %s (%v)", count, decision, err)
		}
	}
	after := versions(t, namespace)
	delete(before, "scheduledsparkapplications/due") // this test has changed it
	delete(after, "scheduledsparkapplications/due")
	if !maps.Equal(before, after) {
		t.Errorf("objects before %v, after %v", before, after)
	}
	if strings.Contains(log, "State changed") {
		t.Error("the log claims that a state has changed")
	}
	if t.Failed() {
		t.Logf("log:\n%s", log)
	}
}

// createWithStatus creates an application and writes its status.
func createWithStatus(t *testing.T, namespace string, app *v1beta2.SparkApplication, status v1beta2.SparkApplicationStatus) *v1beta2.SparkApplication {
	t.Helper()
	apps := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	created, err := apps.Create(t.Context(), app, metav1.CreateOptions{})
	if err == nil && status.AppState.State != "" {
		created.Status = status
		created, err = apps.UpdateStatus(t.Context(), created, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// createFinishedDriver creates the driver pod that the status of an application names,
// with the labels of kubeflow/spark-operator, and lets it succeed.
func createFinishedDriver(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	pods := api.Core.CoreV1().Pods(app.Namespace)
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: app.Status.DriverInfo.PodName,
			Labels: map[string]string{
				v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver, v1beta2.LabelSparkAppName: app.Name,
				v1beta2.LabelLaunchedBySparkOperator: "true", v1beta2.LabelSubmissionID: app.Status.SubmissionID,
			},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(app, v1beta2.SchemeGroupVersion.WithKind("SparkApplication"))},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.DriverContainerName, Image: "example.com/spark", Args: []string{"driver"}}}},
	}, metav1.CreateOptions{})
	if err == nil {
		pod.Status = corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{
			Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}},
		}}}
		_, err = pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// versions are the resource versions of all objects of a namespace.
func versions(t *testing.T, namespace string) map[string]string {
	t.Helper()
	objects, err := garbage.New(api.Config, namespace).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, o := range objects {
		found[o.String()] = o.ResourceVersion
	}
	events, err := api.Core.EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := api.Core.CoordinationV1().Leases(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events.Items {
		found["events/"+events.Items[i].Name] = events.Items[i].ResourceVersion
	}
	for i := range leases.Items {
		found["leases/"+leases.Items[i].Name] = leases.Items[i].ResourceVersion
	}
	return found
}
