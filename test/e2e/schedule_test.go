// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// createSchedule creates a schedule in the namespace of its template and deletes it,
// with its runs, when the test ends.
func createSchedule(t *testing.T, name, when string, template *v1beta2.SparkApplication, policy v1beta2.ConcurrencyPolicy) {
	t.Helper()
	schedules := cluster.spark.SparkoperatorV1beta2().ScheduledSparkApplications(template.Namespace)
	_, err := schedules.Create(t.Context(), &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: template.Namespace},
		Spec: v1beta2.ScheduledSparkApplicationSpec{
			Schedule: when, TimeZone: "Etc/UTC", Template: template.Spec, ConcurrencyPolicy: policy,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own context has ended
		if t.Failed() {
			if app, err := schedules.Get(ctx, name, metav1.GetOptions{}); err == nil {
				t.Logf("status of %s: %+v", name, app.Status)
			}
			report(ctx, t, template.Namespace, name)
		}
		if err := schedules.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("delete %s: %v", name, err)
		}
	})
}

func scheduleStatus(t *testing.T, name string) v1beta2.ScheduledSparkApplicationStatus {
	t.Helper()
	app, err := cluster.spark.SparkoperatorV1beta2().ScheduledSparkApplications(jobNamespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return app.Status
}

func patchSchedule(t *testing.T, name, patch string) {
	t.Helper()
	_, err := cluster.spark.SparkoperatorV1beta2().ScheduledSparkApplications(jobNamespace).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// runsOf returns the runs of a schedule, oldest first.
func runsOf(t *testing.T, name string) []v1beta2.SparkApplication {
	t.Helper()
	list, err := cluster.spark.SparkoperatorV1beta2().SparkApplications(jobNamespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: v1beta2.LabelScheduledSparkAppName + "=" + name,
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b v1beta2.SparkApplication) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	return list.Items
}

// eventually polls until done says so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, patience, true, func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		t.Fatalf("never: %s", what)
	}
}

// TestScheduleRunsThreeTimes: three runs of real Spark, of which the history keeps
// one; then suspension stops the schedule, and its deletion takes the rest along.
func TestScheduleRunsThreeTimes(t *testing.T) {
	t.Parallel()
	const name = "every-30s"
	createSchedule(t, name, "@every 30s", sparkPi(name, "2"), v1beta2.ConcurrencyForbid)

	completed := map[string]bool{}
	eventually(t, "three completed runs", func() bool {
		for _, run := range runsOf(t, name) {
			switch run.Status.AppState.State {
			case v1beta2.ApplicationStateCompleted:
				completed[run.Name] = true
			case v1beta2.ApplicationStateFailed:
				t.Fatalf("%s failed: %s", run.Name, run.Status.AppState.ErrorMessage)
			}
		}
		return len(completed) >= 3
	})
	patchSchedule(t, name, `{"spec":{"suspend":true}}`)
	eventually(t, "no next run while suspended", func() bool { status := scheduleStatus(t, name); return status.NextRun.IsZero() })
	eventually(t, "one run left, and it is completed", func() bool {
		runs := runsOf(t, name)
		return len(runs) == 1 && runs[0].Status.AppState.State == v1beta2.ApplicationStateCompleted
	})
	last := runsOf(t, name)[0]
	wantPi(t, &last)
	// A time of the schedule passes; only a clock shows that.
	for resume := time.Now().Add(35 * time.Second); time.Now().Before(resume); time.Sleep(time.Second) {
		if runs := runsOf(t, name); len(runs) != 1 {
			t.Fatalf("%d runs while suspended", len(runs))
		}
	}
	status := scheduleStatus(t, name)
	if status.LastRunName != last.Name || !slices.Equal(status.PastSuccessfulRunNames, []string{last.Name}) {
		t.Errorf("after suspension: %+v, last run %s", status, last.Name)
	}

	err := cluster.spark.SparkoperatorV1beta2().ScheduledSparkApplications(jobNamespace).Delete(t.Context(), name, metav1.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last run goes with its schedule", func() bool { return len(runsOf(t, name)) == 0 })
}

// TestScheduleForbids: while a run is going no other starts.
func TestScheduleForbids(t *testing.T) {
	t.Parallel()
	const name = "forbids"
	createSchedule(t, name, "@every 15s", sparkPi(name, "1", "600"), v1beta2.ConcurrencyForbid)
	eventually(t, "a running run", func() bool {
		runs := runsOf(t, name)
		return len(runs) == 1 && runs[0].Status.AppState.State == v1beta2.ApplicationStateRunning
	})
	settled := scheduleStatus(t, name).SettledTime
	eventually(t, "two more times settled", func() bool {
		now := scheduleStatus(t, name).SettledTime
		return now != nil && now.After(ptr.Deref(settled, metav1.Time{}).Add(29*time.Second))
	})
	if runs := runsOf(t, name); len(runs) != 1 {
		t.Errorf("%d runs", len(runs))
	}
}

// TestScheduleReplaces: the run that is going is gone, with its driver, when the
// next one starts.
func TestScheduleReplaces(t *testing.T) {
	t.Parallel()
	const name = "replaces"
	createSchedule(t, name, "@every 45s", sparkPi(name, "1", "600"), v1beta2.ConcurrencyReplace)
	var first v1beta2.SparkApplication
	eventually(t, "a running run", func() bool {
		runs := runsOf(t, name)
		if len(runs) != 1 || runs[0].Status.AppState.State != v1beta2.ApplicationStateRunning {
			return false
		}
		first = runs[0]
		return true
	})
	eventually(t, "another run in its place", func() bool {
		runs := runsOf(t, name)
		if len(runs) > 1 {
			t.Fatalf("%d runs at once", len(runs))
		}
		if len(runs) == 0 || runs[0].UID == first.UID {
			return false
		}
		drivers, err := pods(t.Context(), &first, v1beta2.SparkRoleDriver)
		if err != nil {
			t.Fatal(err)
		}
		if len(drivers) != 0 {
			t.Errorf("%s has started while the driver of %s exists", runs[0].Name, first.Name)
		}
		return true
	})
	patchSchedule(t, name, `{"spec":{"suspend":true}}`)
}
