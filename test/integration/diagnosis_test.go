// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestMissingVolumeIsReported: with the real API server the events of one pod are found
// among those of others, what they say is in the status and in the table that
// kubectl prints, and all of it goes when the driver starts.
func TestMissingVolumeIsReported(t *testing.T) {
	namespace := newNamespace(t, "diagnosis")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	createApplication(t, namespace, "pi")
	app := waitFor(t, namespace, "pi", "SUBMITTED", inState(v1beta2.ApplicationStateSubmitted))
	if app.Status.AppState.LastTransitionTime == nil {
		t.Error("the status does not say since when the state is")
	}
	pods := api.Core.CoreV1().Pods(namespace)
	driver, err := pods.Get(t.Context(), app.Status.DriverInfo.PodName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const cause = `MountVolume.SetUp failed for volume "credentials" : secret "credentials" not found`
	createEvent(t, driver, "ours", cause)
	other := driver.DeepCopy()
	other.UID = "00000000-0000-4000-8000-000000000000"
	createEvent(t, other, "foreign", "of another pod")

	if err := pods.Bind(t.Context(), &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: driver.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: "node-1"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The operator asks 15 s after the pod has come to its node.
	app = waitFor(t, namespace, "pi", "Stalled", func(app *v1beta2.SparkApplication) bool {
		return meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionStalled)
	})
	stalled := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled)
	if stalled.Reason != "VolumeMountFailed" || !strings.HasSuffix(stalled.Message, ": "+cause) {
		t.Errorf("%s: %s", stalled.Reason, stalled.Message)
	}
	if got := tableCell(t, namespace, "pi", "Stalled"); got != "VolumeMountFailed" {
		t.Errorf("kubectl get shows %v", got)
	}

	setRunning(t, namespace, driver.Name)
	app = waitFor(t, namespace, "pi", "RUNNING", inState(v1beta2.ApplicationStateRunning))
	if stalled := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled); stalled != nil {
		t.Errorf("still %s: %s", stalled.Reason, stalled.Message)
	}
	if got := tableCell(t, namespace, "pi", "Stalled"); got != nil && got != "" {
		t.Errorf("kubectl get shows %v", got)
	}
}

func inState(state v1beta2.ApplicationStateType) func(*v1beta2.SparkApplication) bool {
	return func(app *v1beta2.SparkApplication) bool { return app.Status.AppState.State == state }
}

// setRunning says of a driver that it runs, as the kubelet does.
func setRunning(t *testing.T, namespace, driver string) *corev1.Pod {
	t.Helper()
	pods := api.Core.CoreV1().Pods(namespace)
	pod, err := pods.Get(t.Context(), driver, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name:  v1beta2.DriverContainerName,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
	}}
	if pod, err = pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	return pod
}

// createEvent records an event about a pod as the kubelet does.
func createEvent(t *testing.T, pod *corev1.Pod, name, message string) {
	t.Helper()
	now := metav1.NewTime(time.Now().Add(time.Second))
	_, err := api.Core.CoreV1().Events(pod.Namespace).Create(t.Context(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Type:           corev1.EventTypeWarning, Reason: "FailedMount", Message: message,
		Source: corev1.EventSource{Component: "kubelet"}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// tableCell returns a cell of the table that the API server prints for kubectl.
func tableCell(t *testing.T, namespace, name, column string) any {
	t.Helper()
	table := &metav1.Table{}
	err := api.Spark.SparkoperatorV1beta2().RESTClient().Get().Namespace(namespace).Resource("sparkapplications").Name(name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(t.Context()).Into(table)
	if err != nil {
		t.Fatal(err)
	}
	index := slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == column })
	if index < 0 || len(table.Rows) != 1 {
		t.Fatalf("no column %s or %d rows: %v", column, len(table.Rows), table.ColumnDefinitions)
	}
	return table.Rows[0].Cells[index]
}
