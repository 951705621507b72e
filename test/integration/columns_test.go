// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// table returns the row of `kubectl get` of one object, by the name of the column.
func table(t *testing.T, namespace, resource, name string) map[string]any {
	t.Helper()
	text, err := api.Core.CoreV1().RESTClient().Get().
		AbsPath("/apis/sparkoperator.k8s.io/v1beta2/namespaces/"+namespace+"/"+resource+"/"+name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
		Do(t.Context()).Raw()
	if err != nil {
		t.Fatal(err)
	}
	var answer metav1.Table
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Rows) != 1 {
		t.Fatalf("%d rows: %s", len(answer.Rows), text)
	}
	row := map[string]any{}
	for i, column := range answer.ColumnDefinitions {
		row[column.Name] = answer.Rows[0].Cells[i]
	}
	return row
}

// A time that has not come yet leaves its column empty: the status omits it.
func TestColumnsOfTimesThatHaveNotComeAreEmpty(t *testing.T) {
	namespace := newNamespace(t, "columns")
	submitted := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for name, test := range map[string]struct {
		status        *v1beta2.SparkApplicationStatus
		start, finish any
	}{
		"new":       {nil, nil, nil},
		"suspended": {&v1beta2.SparkApplicationStatus{AppState: v1beta2.ApplicationState{State: "SUSPENDED"}}, nil, nil},
		"refused": {&v1beta2.SparkApplicationStatus{
			AppState: v1beta2.ApplicationState{State: "FAILED", ErrorMessage: "spec.mode: client is not supported"},
		}, nil, nil},
		"running": {&v1beta2.SparkApplicationStatus{
			AppState: v1beta2.ApplicationState{State: "RUNNING"}, LastSubmissionAttemptTime: submitted,
		}, "2026-01-02T03:04:05Z", nil},
		"failed": {&v1beta2.SparkApplicationStatus{
			AppState: v1beta2.ApplicationState{State: "FAILED"}, LastSubmissionAttemptTime: submitted, TerminationTime: submitted,
		}, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"},
	} {
		t.Run(name, func(t *testing.T) {
			app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: name}}
			app.Spec = v1beta2.SparkApplicationSpec{Suspend: ptr.To(true), Type: "Scala", SparkVersion: "4.3.0", MainClass: ptr.To("Main"), MainApplicationFile: ptr.To("local:///a.jar")}
			client := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
			app, err := client.Create(t.Context(), app, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if test.status != nil {
				app.Status = *test.status
				if _, err := client.UpdateStatus(t.Context(), app, metav1.UpdateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			row := table(t, namespace, "sparkapplications", name)
			if row["Start"] != test.start || row["Finish"] != test.finish {
				t.Errorf("Start %v, Finish %v; want %v, %v", row["Start"], row["Finish"], test.start, test.finish)
			}
		})
	}
	t.Run("schedule", func(t *testing.T) {
		schedule := &v1beta2.ScheduledSparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "nightly"}}
		schedule.Spec.Schedule, schedule.Spec.Suspend = "@daily", ptr.To(true)
		schedule.Spec.Template = v1beta2.SparkApplicationSpec{Type: "Scala", SparkVersion: "4.3.0", MainClass: ptr.To("Main"), MainApplicationFile: ptr.To("local:///a.jar")}
		client := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(namespace)
		schedule, err := client.Create(t.Context(), schedule, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		schedule.Status.ScheduleState = v1beta2.ScheduleStateScheduled
		if _, err := client.UpdateStatus(t.Context(), schedule, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if row := table(t, namespace, "scheduledsparkapplications", "nightly"); row["Last Run"] != nil {
			t.Errorf("Last Run %v before the first run", row["Last Run"])
		}
	})
}

// Kueue counts executors that are not given as none, and writes this number back
// when it stops the application.
func TestKueueStopsAnApplicationWithoutInstances(t *testing.T) {
	namespace := newNamespace(t, "kueue-stop")
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "queued", Labels: map[string]string{v1beta2.LabelKueueQueue: "team"}}}
	app.Spec = v1beta2.SparkApplicationSpec{Type: "Scala", SparkVersion: "3.5.9", MainClass: ptr.To("Main"), MainApplicationFile: ptr.To("local:///a.jar")}
	client := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	if _, err := client.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for instances, accepted := range map[int]bool{0: true, 1: true, -1: false} {
		patch := fmt.Appendf(nil, `{"spec":{"suspend":true,"executor":{"instances":%d}}}`, instances)
		stored, err := client.Patch(t.Context(), "queued", types.MergePatchType, patch, metav1.PatchOptions{})
		switch {
		case (err == nil) != accepted:
			t.Errorf("%s: %v", patch, err)
		case accepted && (!*stored.Spec.Suspend || int(*stored.Spec.Executor.Instances) != instances):
			t.Errorf("%s led to %+v", patch, stored.Spec)
		}
	}
	schedule := &v1beta2.ScheduledSparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "queued"}}
	schedule.Spec.Schedule, schedule.Spec.Template = "@daily", app.Spec
	schedule.Spec.Template.Executor.Instances = ptr.To[int32](0)
	if _, err := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(namespace).Create(t.Context(), schedule, metav1.CreateOptions{}); err != nil {
		t.Errorf("a schedule with the same template: %v", err)
	}
}
