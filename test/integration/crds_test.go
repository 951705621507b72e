// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/crash"
)

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// addedFields are the status fields of applications that kubeflow/spark-operator's CRD
// does not have.
var addedFields = []string{
	"attempts", "conditions", "executorCounts", "forgivenAttempts", "infrastructureFailures", "observedGeneration", "observedSpecHash",
}

// TestOldCRDsAreReported: with a CRD that lacks our status fields the operator runs jobs
// but is not ready, and says what is missing; it becomes ready when the CRD is brought
// up to date.
func TestOldCRDsAreReported(t *testing.T) {
	namespace := newNamespace(t, "old-crds")
	crds := api.dynamic.Resource(crdResource)
	const name = "sparkapplications.sparkoperator.k8s.io"
	original, err := crds.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	restore := func(ctx context.Context) {
		current, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		current.Object["spec"] = original.DeepCopy().Object["spec"]
		if _, err := crds.Update(ctx, current, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { restore(context.WithoutCancel(t.Context())) })
	reduced := original.DeepCopy()
	versions, _, err := unstructured.NestedSlice(reduced.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range addedFields {
		unstructured.RemoveNestedField(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "status", "properties", field)
	}
	if err := unstructured.SetNestedSlice(reduced.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	if _, err := crds.Update(t.Context(), reduced, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}

	address := freeAddress(t)
	crash.StartOperator(t, api.operatorBinary, api.kubeconfig, namespace, "--health-probe-bind-address="+address)
	answer := waitForAnswer(t, address, func(status int, text string) bool {
		return status == http.StatusInternalServerError && strings.HasPrefix(text, "crds: ")
	})
	for _, want := range append([]string{"kubectl apply --server-side"}, addedFields...) {
		if !strings.Contains(answer, want) {
			t.Errorf("readiness says nothing about %s: %s", want, answer)
		}
	}
	app := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: "pi", Namespace: namespace},
		Spec: v1beta2.SparkApplicationSpec{
			Type: v1beta2.SparkApplicationTypeScala, SparkVersion: "4.1.0", Image: new("example.org/spark:4.1.0"),
			MainClass: new("a.B"), MainApplicationFile: new("local:///a.jar"),
		},
	}
	if _, err := api.spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, namespace, "pi", "SUBMITTED", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted
	})

	restore(t.Context())
	waitForAnswer(t, address, func(status int, _ string) bool { return status == http.StatusOK })
}

// waitForAnswer polls the readiness of an operator.
func waitForAnswer(t *testing.T, address string, done func(status int, text string) bool) (text string) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 3*time.Minute, true, func(context.Context) (bool, error) {
		response, err := client.Get("http://" + address + "/readyz")
		if err != nil {
			return false, nil // it does not listen yet
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		text = string(content)
		return err == nil && done(response.StatusCode, text), nil
	})
	if err != nil {
		t.Fatalf("readiness: %v; the last answer is %q", err, text)
	}
	return text
}
