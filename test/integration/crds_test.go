// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/util/retry"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/test/lifecycle"
	"github.com/spark-operator/spark-operator/test/sim"
)

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// addedFields are the status fields of applications that kubeflow/spark-operator's CRD
// does not have.
var addedFields = []string{
	"attempts", "conditions", "executorCounts", "forgivenAttempts", "infrastructureFailures", "nextRetryTime", "observedGeneration", "observedSpecHash",
}

// replaceCRD replaces the spec of a CRD, also while the API server writes its status and
// after the test's own context has ended.
func replaceCRD(t *testing.T, name string, spec any) {
	t.Helper()
	ctx, crds := context.WithoutCancel(t.Context()), api.Dynamic.Resource(crdResource)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		current, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		current.Object["spec"] = spec
		_, err = crds.Update(ctx, current, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// installOldCRD gives SparkApplications the status of kubeflow/spark-operator's CRD until
// restore is called or the test ends. Tests that run at the same time would see it.
func installOldCRD(t *testing.T) (restore func()) {
	t.Helper()
	const name = "sparkapplications.sparkoperator.k8s.io"
	crds := api.Dynamic.Resource(crdResource)
	original, err := crds.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	restore = func() { replaceCRD(t, name, original.DeepCopy().Object["spec"]) }
	t.Cleanup(restore)
	reduced := original.DeepCopy()
	versions, _, err := unstructured.NestedSlice(reduced.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	known := kubeflowPaths(t)["SparkApplication"]
	if !known["status.submissionID"] || known["status.conditions"] {
		t.Fatalf("%d paths cannot be those of kubeflow/spark-operator", len(known))
	}
	status, found, err := unstructured.NestedFieldNoCopy(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "status")
	if err != nil || !found {
		t.Fatalf("schema of the status: %v", err)
	}
	reduceTo(status.(map[string]any), "status", known)
	if err := unstructured.SetNestedSlice(reduced.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	replaceCRD(t, name, reduced.Object["spec"])
	return restore
}

// TestOldCRDsAreReported: with a CRD that lacks our status fields the operator runs jobs
// but is not ready, and says what is missing; it becomes ready when the CRD is brought
// up to date.
func TestOldCRDsAreReported(t *testing.T) {
	namespace := newNamespace(t, "old-crds")
	restore := installOldCRD(t)
	address := freeAddress(t)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace, "--health-probe-bind-address="+address)
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
	if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, namespace, "pi", "SUBMITTED", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted
	})

	restore()
	waitForAnswer(t, address, func(status int, _ string) bool { return status == http.StatusOK })
}

// TestJobsWithOldCRDs: where the API server drops our status fields, jobs are run as
// ever, each exactly once: an edit leads to a new run, spark-submit runs in a Job, and
// what is missing is waited for and given up. The operator is restarted on the way.
func TestJobsWithOldCRDs(t *testing.T) {
	installOldCRD(t)
	waitForPruning(t, newNamespace(t, "pruning-status"))
	for name, test := range map[string]func(t *testing.T, namespace string){
		"edit": editWithOldCRD, "job": jobWithOldCRD, "wait": waitWithOldCRD,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newNamespace(t, "old-crd-"+name))
		})
	}
}

// waitForPruning waits until the API server drops what the CRD lacks.
func waitForPruning(t *testing.T, namespace string) {
	t.Helper()
	client := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	app, err := client.Create(t.Context(), sparkPi("probe"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		app.Status.ObservedSpecHash += "x"
		written, err := client.UpdateStatus(ctx, app, metav1.UpdateOptions{})
		if err != nil {
			return false, err
		}
		app.ResourceVersion = written.ResourceVersion
		return written.Status.ObservedSpecHash == "", nil
	})
	if err != nil {
		t.Fatalf("the API server keeps the fields of the status: %v", err)
	}
}

// countDrivers returns how many driver pods an application was given from now on.
func countDrivers(t *testing.T, namespace, name string) func() int64 {
	t.Helper()
	watcher, err := api.Core.CoreV1().Pods(namespace).Watch(t.Context(), metav1.ListOptions{
		LabelSelector: v1beta2.LabelSparkAppName + "=" + name + "," + v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	var count atomic.Int64
	go func() {
		for event := range watcher.ResultChan() {
			if event.Type == watch.Added {
				count.Add(1)
			}
		}
	}()
	return count.Load
}

func editWithOldCRD(t *testing.T, namespace string) {
	drivers := countDrivers(t, namespace, "pi")
	kill := sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	client := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	if _, err := client.Create(t.Context(), sparkPi("pi"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	id := ""
	next := func(when string, want int64) {
		t.Helper()
		app := waitFor(t, namespace, "pi", "submitted "+when, func(app *v1beta2.SparkApplication) bool {
			return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted && !app.Status.BeingSubmitted() && app.Status.SubmissionID != id
		})
		id = app.Status.SubmissionID
		time.Sleep(2 * time.Second) // another would come by now
		if got := drivers(); got != want || len(app.Status.Conditions) > 0 {
			t.Errorf("%s: %d drivers, want %d; status %+v", when, got, want, app.Status)
		}
	}
	edit := func(patch string) {
		t.Helper()
		if _, err := client.Patch(t.Context(), "pi", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	next("at first", 1)
	edit(`{"spec":{"timeToLiveSeconds":100000}}`)
	edit(`{"spec":{"arguments":["1"]}}`)
	next("after an edit", 2)
	kill()
	kill = sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	time.Sleep(2 * time.Second) // no run without an edit
	edit(`{"spec":{"arguments":["2"]}}`)
	next("after a restart and an edit", 3)
	kill()
	edit(`{"spec":{"arguments":["3"]}}`)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	next("after an edit and a restart", 4)
}

func jobWithOldCRD(t *testing.T, namespace string) {
	drivers := countDrivers(t, namespace, "pi")
	kill := sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	createBySparkSubmit(t, namespace, "pi")
	var job *batchv1.Job
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		jobs, err := api.Core.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
		if err != nil || len(jobs.Items) == 0 {
			return false, err
		}
		job = &jobs.Items[0]
		_, err = api.Core.CoreV1().ConfigMaps(namespace).Get(ctx, job.Name, metav1.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("no job: %v", err)
	}
	kill()
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	time.Sleep(5 * time.Second) // long enough for a second Job
	driver, err := lifecycle.RunSparkSubmit(t.Context(), api.Core, job)
	if err != nil {
		t.Fatal(err)
	}
	app := waitFor(t, namespace, "pi", "SUBMITTED with a driver", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted && !app.Status.BeingSubmitted()
	})
	jobs, err := api.Core.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs.Items) != 1 || drivers() != 1 || app.Status.DriverInfo.PodName != driver.Name || app.Status.SubmissionAttempts != 1 {
		t.Errorf("%d jobs, %d drivers, status %+v", len(jobs.Items), drivers(), app.Status)
	}
}

func waitWithOldCRD(t *testing.T, namespace string) {
	drivers := countDrivers(t, namespace, "pi")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	app := sparkPi("pi")
	app.Spec.Driver.ServiceAccount = new("none")
	client := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	created, err := client.Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patience := reconcile.ReferenceNotFound.Patience()
	err = wait.PollUntilContextTimeout(t.Context(), time.Second, patience+time.Minute, true, func(ctx context.Context) (bool, error) {
		app, err = client.Get(ctx, "pi", metav1.GetOptions{})
		return err == nil && app.Status.AppState.State == v1beta2.ApplicationStateFailed, err
	})
	if err != nil {
		t.Fatalf("the wait never ended: %v; status %+v", err, app.Status)
	}
	waited := app.Status.TerminationTime.Sub(created.CreationTimestamp.Time)
	if waited < patience || waited > patience+20*time.Second || app.Status.SubmissionAttempts != 1 || drivers() != 0 {
		t.Errorf("given up after %v, %d drivers; status %+v", waited, drivers(), app.Status)
	}
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
