// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

var (
	errUnavailable = apierrors.NewServiceUnavailable("come back later")
	errPolicy      = apierrors.NewForbidden(applicationsResource.GroupResource(), "s", errors.New("policy"))
)

// TestUnrecordedRunIsKept: a run that has ended and that no limit keeps stays as
// long as the status does not list it.
func TestUnrecordedRunIsKept(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 * * * *", keepRuns(0, 0)))
		c.letPass(time.Minute)
		allow := c.refuse("update", errUnavailable)
		c.letPass(59*time.Minute + 5*time.Second)
		c.endAll(v1beta2.ApplicationStateCompleted)
		c.letPass(5 * time.Minute)
		c.wantTimes("13:00")
		allow()
		c.letPass(2 * time.Minute)
		c.wantTimes("")
		if want := map[string]int{runName("s", today("13:00:00"), PrecisionNanos): 1}; !maps.Equal(c.created, want) {
			t.Errorf("created %v, want %v", c.created, want)
		}
	})
}

// TestUnrecordedRunIsRemembered: also if another client deletes it.
func TestUnrecordedRunIsRemembered(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 * * * *"))
		c.letPass(time.Minute)
		allow := c.refuse("update", errUnavailable)
		c.letPass(59*time.Minute + 5*time.Second)
		c.deleteRun(c.runs()[0].Name)
		c.letPass(5 * time.Minute)
		allow()
		c.letPass(2 * time.Minute)
		c.wantTimes("")
		if status := c.schedule("s").Status; status.LastRunName != runName("s", today("13:00:00"), PrecisionNanos) {
			t.Errorf("last run %q", status.LastRunName)
		}
		c.letPass(time.Hour)
		c.wantTimes("14:00")
	})
}

// TestFailuresDoNotDelayRuns: something else that fails, and is tried again after
// growing delays, is no reason to be late.
func TestFailuresDoNotDelayRuns(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.refuse("delete", errPolicy)
		c.addSchedule(newSchedule("s", "@every 30s"))
		for range 20 {
			c.letPass(17 * time.Second)
			c.endAll(v1beta2.ApplicationStateCompleted)
			c.letPass(13 * time.Second)
		}
		runs := c.runs()
		if len(runs) != 20 {
			t.Errorf("%d runs in ten minutes", len(runs))
		}
		for _, run := range runs {
			if scheduled, _ := scheduledTime(run); !run.CreationTimestamp.Time.Equal(scheduled) {
				t.Errorf("run for %s was created at %s", scheduled, run.CreationTimestamp)
			}
		}
		// No run is refused, so the status does not say so.
		c.wantCondition("s", v1beta2.ConditionStalled, reasonRetrying)
	})
}

// TestEditWhileAway: what is due between an edit, which may also resume or correct a
// schedule, and the first sync of it is not lost, and what was due before is not made
// up for.
func TestEditWhileAway(t *testing.T) {
	edit := func(app *v1beta2.ScheduledSparkApplication) {
		app.Spec.Schedule, app.Spec.Suspend = "40,55 * * * *", nil
		app.ManagedFields = []metav1.ManagedFieldsEntry{
			{Manager: "kubectl-edit", Time: ptr.To(metav1.Now())},
			{Manager: reconcile.FieldManager, Subresource: "status", Time: ptr.To(metav1.NewTime(time.Now().Add(time.Hour)))},
		}
	}
	for name, test := range map[string]struct {
		before    string
		suspended bool
	}{
		"schedule":   {before: "0 * * * *"},
		"correction": {before: "bogus"},
		"resumption": {before: "40,55 * * * *", suspended: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.addSchedule(newSchedule("s", test.before, catchUp(v1beta2.CatchUpAll), func(app *v1beta2.ScheduledSparkApplication) {
					app.Spec.Suspend = &test.suspended
				}))
				c.letPass(45 * time.Minute)
				c.stop()
				c.edit("s", edit)
				time.Sleep(11 * time.Minute)
				c.start()
				c.letPass(time.Second)
				c.wantTimes("12:55")
			})
		})
	}
}

// TestTakenNameDelaysNoOther: where all runs are made up for.
func TestTakenNameDelaysNoOther(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "5 * * * *", catchUp(v1beta2.CatchUpAll)))
		foreign := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: runName("s", today("12:05:00"), PrecisionNanos), Namespace: "ns"}}
		c.change(func() { c.stamp(foreign) })
		if err := c.spark.Tracker().Create(applicationsResource, foreign, "ns"); err != nil {
			t.Fatal(err)
		}
		c.letPass(30 * time.Minute)
		c.wantCondition("s", v1beta2.ConditionStalled, reasonNameTaken)
		c.letPass(2 * time.Hour)
		if started := c.runsOf("s"); len(started) != 2 {
			t.Errorf("%d runs, want those of 13:05 and 14:05", len(started))
		}
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.wantEvents(eventStalled, 2)
		c.wantEvents(eventRunMissed, 1)
	})
}

// TestLagOfLostAnswer: a creation whose answer was lost counts, too.
func TestLagOfLostAnswer(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "5 * * * *"))
		c.letPass(time.Minute)
		c.change(func() {
			c.onWrite = func(action clienttesting.Action) error {
				if action.GetVerb() != "create" {
					return nil
				}
				c.lock.Lock()
				defer c.lock.Unlock()
				c.onWrite = nil
				_, _, _ = c.write(action)
				return apierrors.NewTimeoutError("lost", 1)
			}
		})
		c.letPass(10 * time.Minute)
		synctest.Wait()
		c.wantTimes("12:05")
		families, err := c.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "scheduled_spark_application_lag_seconds" {
				if count := family.GetMetric()[0].GetHistogram().GetSampleCount(); count != 1 {
					t.Errorf("%d lags of one run", count)
				}
			}
		}
		if count := testutil.ToFloat64(c.metrics.runs.WithLabelValues("ns")); count != 1 {
			t.Errorf("%v runs counted", count)
		}
	})
}
