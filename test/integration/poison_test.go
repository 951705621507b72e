// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestPoisonedTemplate: an object that no typed client can decode does not stop other
// applications, whether it exists before the operator starts or appears later. Its
// status contains the reason, and it runs once its template is corrected.
func TestPoisonedTemplate(t *testing.T) {
	namespace := newNamespace(t, "poison")
	createPoisoned(t, namespace, "before-start")
	createApplication(t, namespace, "good-before")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	waitSubmitted(t, namespace, "good-before")

	createPoisoned(t, namespace, "while-running")
	createApplication(t, namespace, "good-after")
	waitSubmitted(t, namespace, "good-after")

	for _, name := range []string{"before-start", "while-running"} {
		stalled := waitStalled(t, namespace, name)
		if stalled["message"] == "" || stalled["reason"] == "" {
			t.Errorf("%s: condition %v", name, stalled)
		}
		correct(t, namespace, name)
		waitSubmitted(t, namespace, name)
	}
}

const poison = `
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
spec:
  sparkVersion: 4.3.0
  image: example.com/spark:4.3.0
  mainClass: a.B
  mainApplicationFile: local:///a.jar
  driver:
    template: {spec: {containers: {no: list}}}
`

var applications = v1beta2.SchemeGroupVersion.WithResource("sparkapplications")

func createPoisoned(t *testing.T, namespace, name string) {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(poison), &object.Object); err != nil {
		t.Fatal(err)
	}
	object.SetName(name)
	if _, err := api.Dynamic.Resource(applications).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func correct(t *testing.T, namespace, name string) {
	t.Helper()
	_, err := api.Dynamic.Resource(applications).Namespace(namespace).Patch(t.Context(), name, "application/merge-patch+json",
		[]byte(`{"spec":{"driver":{"template":null}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func createApplication(t *testing.T, namespace, name string) {
	t.Helper()
	if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), sparkPi(name), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// waitSubmitted reads without types, since a poisoned object would not decode.
func waitSubmitted(t *testing.T, namespace, name string) {
	t.Helper()
	waitUntyped(t, namespace, name, "SUBMITTED", func(object *unstructured.Unstructured) bool {
		state, _, _ := unstructured.NestedString(object.Object, "status", "applicationState", "state")
		return state == string(v1beta2.ApplicationStateSubmitted)
	})
}

func waitStalled(t *testing.T, namespace, name string) map[string]any {
	t.Helper()
	var stalled map[string]any
	waitUntyped(t, namespace, name, "Stalled", func(object *unstructured.Unstructured) bool {
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		for _, condition := range conditions {
			fields, _ := condition.(map[string]any)
			if fields["type"] == v1beta2.ConditionStalled && fields["status"] == string(metav1.ConditionTrue) {
				stalled = fields
				return true
			}
		}
		return false
	})
	return stalled
}

func waitUntyped(t *testing.T, namespace, name, what string, done func(*unstructured.Unstructured) bool) {
	t.Helper()
	last := pollUntyped(t, namespace, name, done)
	if last != nil {
		status, _, _ := unstructured.NestedMap(last.Object, "status")
		t.Fatalf("%s never became %s; status %v", name, what, status)
	}
}

// pollUntyped returns nil once done says so, and what it last saw if it never did.
func pollUntyped(t *testing.T, namespace, name string, done func(*unstructured.Unstructured) bool) *unstructured.Unstructured {
	t.Helper()
	var last *unstructured.Unstructured
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		last, err = api.Dynamic.Resource(applications).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && done(last), err
	})
	if err != nil {
		return last
	}
	return nil
}
