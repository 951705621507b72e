// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// newSchedule returns a schedule of an application that passes every check.
func newSchedule(name, when string) *v1beta2.ScheduledSparkApplication {
	return &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1beta2.ScheduledSparkApplicationSpec{
			Schedule: when,
			TimeZone: "Etc/UTC",
			Template: sparkPi(name).Spec,
		},
	}
}

func createSchedule(t *testing.T, namespace string, app *v1beta2.ScheduledSparkApplication) {
	t.Helper()
	if _, err := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func patchSchedule(t *testing.T, namespace, name, patch string) {
	t.Helper()
	_, err := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func waitSchedule(t *testing.T, namespace, name, what string, done func(*v1beta2.ScheduledSparkApplicationStatus) bool) *v1beta2.ScheduledSparkApplicationStatus {
	t.Helper()
	var app *v1beta2.ScheduledSparkApplication
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		app, err = api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && done(&app.Status), err
	})
	if err != nil {
		t.Fatalf("%s never became %s: %v; status %+v", name, what, err, app.Status)
	}
	return &app.Status
}

// TestScheduleHeals: the real CRD takes the status of a schedule that is not valid, which
// its rules do not see, and the schedule works once it is corrected.
func TestScheduleHeals(t *testing.T) {
	namespace := newNamespace(t, "schedule-heals")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)

	createSchedule(t, namespace, newSchedule("s", "61 * * * *"))
	status := waitSchedule(t, namespace, "s", "FailedValidation", func(s *v1beta2.ScheduledSparkApplicationStatus) bool {
		return s.ScheduleState == v1beta2.ScheduleStateFailedValidation
	})
	if want := "end of range (61) above maximum (59): 61"; status.Reason != want || !status.NextRun.IsZero() {
		t.Errorf("reason %q, want %q; next run %s", status.Reason, want, status.NextRun)
	}
	patchSchedule(t, namespace, "s", `{"spec":{"schedule":"0 0 1 1 *"}}`)
	status = waitSchedule(t, namespace, "s", "Scheduled", func(s *v1beta2.ScheduledSparkApplicationStatus) bool {
		return s.ScheduleState == v1beta2.ScheduleStateScheduled
	})
	if next := status.NextRun.UTC(); next.Month() != time.January || next.Day() != 1 || next.Hour() != 0 || status.Reason != "" {
		t.Errorf("corrected: %+v", status)
	}
	patchSchedule(t, namespace, "s", `{"spec":{"suspend":true}}`)
	waitSchedule(t, namespace, "s", "suspended", func(s *v1beta2.ScheduledSparkApplicationStatus) bool { return s.NextRun.IsZero() })
}

// TestPoisonedSchedule: a schedule that no typed client can decode shows the reason in its status and
// stops no other.
func TestPoisonedSchedule(t *testing.T) {
	namespace := newNamespace(t, "schedule-poison")
	object := &unstructured.Unstructured{}
	err := yaml.Unmarshal([]byte(`
apiVersion: sparkoperator.k8s.io/v1beta2
kind: ScheduledSparkApplication
metadata: {name: poisoned}
spec:
  schedule: "@daily"
  template:
    sparkVersion: 4.3.0
    image: example.com/spark:4.3.0
    mainClass: Main
    mainApplicationFile: local:///a.jar
    driver:
      template: {spec: {containers: {no: list}}}
    executor: {}
`), &object.Object)
	if err != nil {
		t.Fatal(err)
	}
	resource, _ := resourceOf(object)
	schedules := api.Dynamic.Resource(resource).Namespace(namespace)
	if _, err := schedules.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	createSchedule(t, namespace, newSchedule("good", "@daily"))
	waitSchedule(t, namespace, "good", "Scheduled", func(s *v1beta2.ScheduledSparkApplicationStatus) bool {
		return s.ScheduleState == v1beta2.ScheduleStateScheduled
	})
	waitState := func(want v1beta2.ScheduleState) {
		t.Helper()
		var last *unstructured.Unstructured
		err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			var err error
			if last, err = schedules.Get(ctx, "poisoned", metav1.GetOptions{}); err != nil {
				return false, err
			}
			state, _, _ := unstructured.NestedString(last.Object, "status", "scheduleState")
			return state == string(want), nil
		})
		if err != nil {
			t.Fatalf("never became %s: %v", want, last.Object["status"])
		}
	}
	waitState(v1beta2.ScheduleStateFailedValidation)
	if _, err := schedules.Patch(t.Context(), "poisoned", types.MergePatchType, []byte(`{"spec":{"template":{"driver":{"template":null}}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	waitState(v1beta2.ScheduleStateScheduled)
}

// TestReplaceWaitsOnAPIServer: with Replace, the old run is deleted in the
// foreground, and the new one does not exist before the old one is gone. There is
// no garbage collector here; the test is it.
func TestReplaceWaitsOnAPIServer(t *testing.T) {
	namespace := newNamespace(t, "schedule-replace")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	app := newSchedule("s", "0 0 1 1 *")
	app.Spec.ConcurrencyPolicy = v1beta2.ConcurrencyReplace
	app.Spec.Suspend = new(bool)
	app.Annotations = map[string]string{v1beta2.AnnotationRunNow: "first"}
	createSchedule(t, namespace, app)

	first := waitSchedule(t, namespace, "s", "run", func(s *v1beta2.ScheduledSparkApplicationStatus) bool { return s.LastRunName != "" }).LastRunName
	patchSchedule(t, namespace, "s", fmt.Sprintf(`{"metadata":{"annotations":{%q:"second"}}}`, v1beta2.AnnotationRunNow))
	old := waitFor(t, namespace, first, "asked to go", func(app *v1beta2.SparkApplication) bool { return app.DeletionTimestamp != nil })
	if !slices.Contains(old.Finalizers, metav1.FinalizerDeleteDependents) {
		t.Errorf("finalizers %q", old.Finalizers)
	}
	time.Sleep(2 * time.Second)
	apps := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	list, err := apps.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d applications while the old one is going, %v", len(list.Items), err)
	}
	if _, err := apps.Patch(t.Context(), first, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	status := waitSchedule(t, namespace, "s", "replaced", func(s *v1beta2.ScheduledSparkApplicationStatus) bool { return s.LastRunName != first })
	if status.RunNow == nil || *status.RunNow != (v1beta2.RunNowStatus{Value: "second", Count: 2}) {
		t.Errorf("run now: %+v", status.RunNow)
	}
	second := waitFor(t, namespace, status.LastRunName, "created", func(*v1beta2.SparkApplication) bool { return true })
	owner := second.OwnerReferences[0]
	if owner.Kind != "ScheduledSparkApplication" || owner.Name != "s" || owner.BlockOwnerDeletion == nil || !*owner.BlockOwnerDeletion {
		t.Errorf("owner %+v", owner)
	}
}
