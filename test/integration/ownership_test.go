// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestOwnership: with the API server's own rules, a driver without owner reference is
// followed, an application that is deleted with its dependents orphaned leaves them
// alone, and what a tenant writes to pods and a status makes nothing theirs that
// belongs to another.
func TestOwnership(t *testing.T) {
	namespace := newNamespace(t, "ownership")
	kill := sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	pods, apps := api.Core.CoreV1().Pods(namespace), api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	start := func(t *testing.T, name string) (*v1beta2.SparkApplication, *corev1.Pod) {
		t.Helper()
		createApplication(t, namespace, name)
		waitFor(t, namespace, name, "SUBMITTED", inState(v1beta2.ApplicationStateSubmitted))
		pod := setRunning(t, namespace, name+"-driver")
		return waitFor(t, namespace, name, "RUNNING", inState(v1beta2.ApplicationStateRunning)), pod
	}
	patch := func(t *testing.T, pod, text string) {
		t.Helper()
		if _, err := pods.Patch(t.Context(), pod, types.MergePatchType, []byte(text), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	end := func(t *testing.T, name string) {
		t.Helper()
		pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pod.Status.Phase = corev1.PodSucceeded
		pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}
		if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	alive := func(t *testing.T, name string, uid types.UID) {
		t.Helper()
		if pod, err := pods.Get(t.Context(), name, metav1.GetOptions{}); err != nil || pod.UID != uid || pod.DeletionTimestamp != nil {
			t.Errorf("pod %s does not live: %v", name, err)
		}
	}

	t.Run("driver without owner", func(t *testing.T) {
		_, pod := start(t, "unowned")
		patch(t, pod.Name, `{"metadata":{"ownerReferences":null}}`)
		time.Sleep(15 * time.Second) // longer than the grace period of a driver that is not there
		waitFor(t, namespace, "unowned", "RUNNING", inState(v1beta2.ApplicationStateRunning))
		end(t, pod.Name)
		waitFor(t, namespace, "unowned", "COMPLETED", inState(v1beta2.ApplicationStateCompleted))
	})
	t.Run("orphaned", func(t *testing.T) {
		app, pod := start(t, "orphaned")
		if err := apps.Delete(t.Context(), app.Name, metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationOrphan)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		alive(t, pod.Name, pod.UID)
		// What the garbage collector does next.
		patch(t, pod.Name, `{"metadata":{"ownerReferences":null}}`)
		if _, err := apps.Patch(t.Context(), app.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		alive(t, pod.Name, pod.UID)
	})
	t.Run("forged", func(t *testing.T) {
		victim, victimPod := start(t, "victim")
		app, pod := start(t, "thief")
		list := victimPod.Annotations["sparkoperator.k8s.io/run-objects"]
		_, service, _ := strings.Cut(list, "Service/")
		service, _, _ = strings.Cut(service, ",")

		// Any pod, as a driver that was left over.
		bystander, err := pods.Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "any"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		patch(t, "any", fmt.Sprintf(`{"metadata":{"labels":{%q:"driver",%q:"thief",%q:"true",%q:"old"},"ownerReferences":[{"apiVersion":%q,"kind":"SparkApplication","name":"thief","uid":%q,"controller":true}]}}`,
			v1beta2.LabelSparkRole, v1beta2.LabelSparkAppName, v1beta2.LabelLaunchedBySparkOperator, v1beta2.LabelSubmissionID,
			v1beta2.SchemeGroupVersion.String(), app.UID))
		// Pods of others, as executors.
		for i := range 30 {
			if _, err := pods.Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("executor-%d", i), Labels: map[string]string{
					v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkAppName: "victim", v1beta2.LabelLaunchedBySparkOperator: "true",
					v1beta2.LabelSubmissionID: victim.Status.SubmissionID, v1beta2.LabelSparkExecutorID: fmt.Sprint(i + 1),
				}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}}},
			}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		// The submission of another, for an operator that sees all of it at once, in the status and on the own driver.
		kill()
		forged := fmt.Sprintf(`{"status":{"submissionID":%q}}`, victim.Status.SubmissionID)
		if _, err := apps.Patch(t.Context(), "thief", types.MergePatchType, []byte(forged), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
		patch(t, pod.Name, fmt.Sprintf(`{"metadata":{"labels":{%q:%q},"annotations":{"sparkoperator.k8s.io/run-objects":%q}}}`,
			v1beta2.LabelSubmissionID, victim.Status.SubmissionID, list))
		end(t, pod.Name)
		sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
		waitFor(t, namespace, "thief", "COMPLETED", inState(v1beta2.ApplicationStateCompleted))
		time.Sleep(3 * time.Second)
		if _, err := api.Core.CoreV1().Services(namespace).Get(t.Context(), service, metav1.GetOptions{}); service == "" || err != nil {
			t.Errorf("service %s: %v", service, err)
		}
		alive(t, "any", bystander.UID)
		alive(t, victimPod.Name, victimPod.UID)
		if status := waitFor(t, namespace, "victim", "RUNNING", inState(v1beta2.ApplicationStateRunning)).Status; len(status.ExecutorState) != 0 {
			t.Errorf("%d executors", len(status.ExecutorState))
		}
	})
}
