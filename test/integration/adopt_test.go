// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"regexp"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestAdoptsWhatKubeflowLeft: testdata/kubeflow.yaml is what the controller of
// kubeflow/spark-operator 2.5.2 has left of applications in all states, as test/migration
// has recorded it. No driver is restarted, whether pods have their owners or not, each
// state stays, and a driver that ends is noticed.
func TestAdoptsWhatKubeflowLeft(t *testing.T) {
	for _, name := range []string{"owned", "unowned"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, "kubeflow-"+name)
			restore(t, namespace, name == "owned")
			states, drivers := applicationStates(t, namespace), driverUIDs(t, namespace)
			if len(states) != 8 || len(drivers) != 6 {
				t.Fatalf("states %v, drivers %v", states, drivers)
			}
			sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
			waitSchedule(t, namespace, "nightly", "observed", func(s *v1beta2.ScheduledSparkApplicationStatus) bool { return s.ObservedGeneration > 0 })
			time.Sleep(2 * time.Second) // for what should not happen
			if now := applicationStates(t, namespace); !maps.Equal(now, states) {
				t.Errorf("states before %v, after %v", states, now)
			}
			succeed(t, namespace, "there-driver")
			app := waitFor(t, namespace, "there", "COMPLETED", func(app *v1beta2.SparkApplication) bool {
				return app.Status.AppState.State == v1beta2.ApplicationStateCompleted
			})
			if app.Status.SubmissionAttempts != 1 || app.Status.ExecutionAttempts != 1 {
				t.Errorf("status %+v", app.Status)
			}
			if now := driverUIDs(t, namespace); !maps.Equal(now, drivers) {
				t.Errorf("drivers before %v, after %v", drivers, now)
			}
		})
	}
}

// restore creates the recorded objects with their statuses. Owners are named by the UIDs
// that they have now; pods have owners only if owned.
func restore(t *testing.T, namespace string, owned bool) {
	t.Helper()
	text, err := os.ReadFile("testdata/kubeflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	uids := map[types.UID]types.UID{} // by the recorded one
	reader := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(asIfNow(t, text)), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := reader.Decode(object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) == 0 {
			continue
		}
		var owners []metav1.OwnerReference
		for _, owner := range object.GetOwnerReferences() {
			owner.UID = uids[owner.UID]
			if owned || object.GetKind() != "Pod" || owner.Kind == "Pod" {
				owners = append(owners, owner)
			}
		}
		object.SetOwnerReferences(owners)
		recorded := object.GetUID()
		object.SetUID("")
		for _, field := range []string{"clusterIP", "clusterIPs"} { // those of another cluster
			if ip, _, _ := unstructured.NestedString(object.Object, "spec", "clusterIP"); field == "clusterIPs" || ip != corev1.ClusterIPNone {
				unstructured.RemoveNestedField(object.Object, "spec", field)
			}
		}
		resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
		client := api.Dynamic.Resource(resource).Namespace(namespace)
		created, err := client.Create(t.Context(), object.DeepCopy(), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		uids[recorded] = created.GetUID()
		if status, found := object.Object["status"]; found && object.GetKind() != "Service" {
			created.Object["status"] = status
			if _, err := client.UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// asIfNow moves all times of the recording as if it had just been made: the retry that
// waits in it is due an hour later.
func asIfNow(t *testing.T, text []byte) []byte {
	t.Helper()
	times := regexp.MustCompile(`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`)
	recorded, err := time.Parse(time.RFC3339, string(times.Find(text))) // the first line has it
	if err != nil {
		t.Fatal(err)
	}
	age := time.Since(recorded)
	return times.ReplaceAllFunc(text, func(found []byte) []byte {
		at, err := time.Parse(time.RFC3339, string(found))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(at.Add(age).UTC().Format(time.RFC3339))
	})
}

func applicationStates(t *testing.T, namespace string) map[string]v1beta2.ApplicationStateType {
	t.Helper()
	list, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]v1beta2.ApplicationStateType{}
	for i := range list.Items {
		found[list.Items[i].Name] = list.Items[i].Status.AppState.State
	}
	return found
}

func driverUIDs(t *testing.T, namespace string) map[string]types.UID {
	t.Helper()
	pods, err := api.Core.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]types.UID{}
	for i := range pods.Items {
		found[pods.Items[i].Name] = pods.Items[i].UID
	}
	return found
}

// succeed lets a pod end well.
func succeed(t *testing.T, namespace, name string) {
	t.Helper()
	pods := api.Core.CoreV1().Pods(namespace)
	pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
	if err == nil {
		pod.Status.Phase = corev1.PodSucceeded
		for i := range pod.Status.ContainerStatuses {
			pod.Status.ContainerStatuses[i].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}
		}
		_, err = pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
