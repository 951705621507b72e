// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

const factsFile = sim.Repository + "/docs/clients.md"

// newStatus is the first column of an application without a status.
const newStatus = "New"

// shapes complete the application of a row that says more than the state.
var shapes = map[string]func(*v1beta2.SparkApplication){
	"no executor yet": func(app *v1beta2.SparkApplication) { runs(app, v1beta2.ExecutorStatePending) },
	"fewer executors than `instances`": func(app *v1beta2.SparkApplication) {
		runs(app, v1beta2.ExecutorStateRunning, v1beta2.ExecutorStateFailed)
	},
	"all executors": func(app *v1beta2.SparkApplication) {
		runs(app, v1beta2.ExecutorStateRunning, v1beta2.ExecutorStateRunning, v1beta2.ExecutorStateFailed)
	},
	"dynamic allocation": func(app *v1beta2.SparkApplication) {
		runs(app, v1beta2.ExecutorStateRunning)
		app.Spec.Executor.Instances = nil
		app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, MinExecutors: ptr.To[int32](1), MaxExecutors: ptr.To[int32](3)}
	},
}

func runs(app *v1beta2.SparkApplication, executors ...v1beta2.ExecutorState) {
	app.Status.ExecutorState = map[string]v1beta2.ExecutorState{}
	for i, state := range executors {
		app.Status.ExecutorState[fmt.Sprintf("%s-exec-%d", app.Name, i+1)] = state
	}
}

// TestClientsConcludeAsDocumented: every row of docs/clients.md is what the released
// code of the clients makes of such a status. pkg/controller checks that there is a row
// for every state.
func TestClientsConcludeAsDocumented(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	rows := readFacts(t)
	const namespace = "facts" // where no operator changes a status
	if err := sim.CreateNamespace(t.Context(), w.Core, namespace); err != nil {
		t.Fatal(err)
	}
	applications := map[string]*v1beta2.SparkApplication{}
	for i, row := range rows {
		name := fmt.Sprintf("row-%d", i)
		applications[name] = w.publish(t, namespace, name, row["Status"])
	}

	var airflow map[string]struct{ Operator, Sensor string }
	w.airflow.ask(t, "read", map[string]any{"namespace": namespace}, &airflow)
	var sdk map[string]string
	w.sdk.ask(t, "read", map[string]any{"namespace": namespace}, &sdk)
	for i, row := range rows {
		name := fmt.Sprintf("row-%d", i)
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(applications[name])
		if err != nil {
			t.Fatal(err)
		}
		if row["Status"] == newStatus {
			delete(object, "status")
		}
		health, err := judge(filepath.Join(w.clients, "argocd", "health.lua"), object)
		if err != nil {
			health = err.Error()
		}
		for client, got := range map[string]string{
			"Airflow operator": airflow[name].Operator, "Airflow sensor": airflow[name].Sensor, "Kubeflow SDK": sdk[name], "Argo CD": health,
		} {
			if got != row[client] {
				t.Errorf("%s: %s concludes %q, not %q", row["Status"], client, got, row[client])
			}
		}
	}
}

// publish stores an application with the status that a row describes.
func (w *world) publish(t *testing.T, namespace, name, status string) *v1beta2.SparkApplication {
	t.Helper()
	state, shape, hasShape := strings.Cut(status, ", ")
	app := application(name, "succeeds")
	app.Spec.Executor.Instances = ptr.To[int32](2)
	if complete := shapes[shape]; complete != nil {
		complete(app)
	} else if hasShape {
		t.Fatalf("%s: no such shape", status)
	}
	app.Status.AppState.State = v1beta2.ApplicationStateType(state)
	if state == string(v1beta2.ApplicationStateFailed) {
		app.Status.AppState.ErrorMessage = "why it failed"
	}
	client := w.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	created, err := client.Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	created.TypeMeta = metav1.TypeMeta{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication"}
	if state == newStatus {
		return created
	}
	created.Status = app.Status
	updated, err := client.UpdateStatus(t.Context(), created, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return updated
}

// readFacts returns the rows of the table whose first column is Status, by column.
func readFacts(t *testing.T) (rows []map[string]string) {
	t.Helper()
	header, table := document.Table(t, factsFile, "Status")
	for _, cells := range table {
		row := map[string]string{}
		for i, cell := range cells {
			row[header[i]] = cell
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table of statuses", factsFile)
	}
	return rows
}

// TestDocumentedVersionsAreRun: docs/clients.md says which versions are tested.
func TestDocumentedVersionsAreRun(t *testing.T) {
	text, err := os.ReadFile(factsFile)
	if err != nil {
		t.Fatal(err)
	}
	for file, packages := range map[string][]string{
		"airflow.txt":  {"apache-airflow-providers-cncf-kubernetes==", "apache-airflow=="},
		"kubeflow.txt": {"kubeflow=="},
		"pyspark.txt":  {"pyspark-client=="},
		"job.txt":      {"pyspark-client=="},
		"argocd.txt":   {"github.com/argoproj/argo-cd/v3@"},
	} {
		pins, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, prefix := range packages {
			version := ""
			for line := range strings.Lines(string(pins)) {
				if rest, found := strings.CutPrefix(strings.TrimSpace(line), prefix); found {
					version = rest
				}
			}
			name := strings.TrimSuffix(filepath.Base(strings.TrimSuffix(strings.TrimRight(prefix, "=@"), "/v3")), "/")
			if documented := name + " " + version; version == "" || !strings.Contains(string(text), documented) {
				t.Errorf("%s does not say %q, which %s has", factsFile, documented, file)
			}
		}
	}
}
