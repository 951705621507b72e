// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func TestHistoryIsTrimmedContinuously(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", keepRuns(2, 1)))
		c.letPass(6*time.Minute + time.Second)
		runs := c.runs()
		states := []v1beta2.ApplicationStateType{"COMPLETED", "FAILED", "COMPLETED", "FAILED", "COMPLETED", "RUNNING"}
		for i, state := range states {
			c.setState(runs[i].Name, state)
		}
		c.letPass(time.Second) // without any run being due
		c.wantTimes("12:03 12:04 12:05 12:06")
		status := c.schedule("s").Status
		if want := []string{runs[4].Name, runs[2].Name}; !slices.Equal(status.PastSuccessfulRunNames, want) {
			t.Errorf("successful %q, want %q", status.PastSuccessfulRunNames, want)
		}
		if want := []string{runs[3].Name}; !slices.Equal(status.PastFailedRunNames, want) {
			t.Errorf("failed %q, want %q", status.PastFailedRunNames, want)
		}
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) {
			keepRuns(0, 0)(app)
			app.Spec.Suspend = ptr.To(true)
		})
		c.letPass(time.Second)
		c.wantTimes("12:06")
	})
}

// TestHistoryWaitsForTheArchive: a run whose logs are being copied, or could not be copied,
// is not deleted before they are in the bucket, or before the deadline.
func TestHistoryWaitsForTheArchive(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.letPass(time.Second) // the controller works
		c.config.LogArchiveDeadline = 10 * time.Minute
		c.restart(0)
		c.addSchedule(newSchedule("s", "* * * * *", keepRuns(0, 0)))
		c.letPass(4*time.Minute + time.Second)
		runs := c.runs()
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(true) })
		logs := func(run *v1beta2.SparkApplication, status metav1.ConditionStatus, reason string) {
			now := metav1.Now()
			run.Status.AppState.State, run.Status.TerminationTime = v1beta2.ApplicationStateCompleted, now
			run.Status.Conditions = []metav1.Condition{{Type: v1beta2.ConditionLogsArchived, Status: status, Reason: reason, LastTransitionTime: now}}
			c.putRun(run)
		}
		logs(runs[0], metav1.ConditionFalse, "Archiving")
		logs(runs[1], metav1.ConditionFalse, "ArchiveFailed")
		logs(runs[2], metav1.ConditionTrue, "Archived")
		c.setState(runs[3].Name, v1beta2.ApplicationStateFailed) // without archive
		c.letPass(time.Second)
		c.wantTimes("12:01 12:02")
		if got, want := c.schedule("s").Status.PastSuccessfulRunNames, []string{runs[1].Name, runs[0].Name}; !slices.Equal(got, want) {
			t.Errorf("successful %q, want %q", got, want)
		}
		logs(runs[0], metav1.ConditionTrue, "Archived")
		c.letPass(time.Minute)
		c.wantTimes("12:02")
		c.letPass(8*time.Minute + 50*time.Second)
		c.wantTimes("12:02")
		c.letPass(10 * time.Second) // nothing but the deadline
		c.wantTimes("")
	})
}

func TestOthersAreNoRuns(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", policy(v1beta2.ConcurrencyForbid), keepRuns(0, 0)))
		schedule := c.schedule("s")
		for i, edit := range []func(*v1beta2.SparkApplication){
			func(app *v1beta2.SparkApplication) { app.OwnerReferences = nil },                              // by label only
			func(app *v1beta2.SparkApplication) { delete(app.Labels, v1beta2.LabelScheduledSparkAppName) }, // from the template, by a command
			func(app *v1beta2.SparkApplication) { app.OwnerReferences[0].UID = "of-an-earlier-one" },
			func(app *v1beta2.SparkApplication) { app.OwnerReferences[0].Kind = "Workflow" },
		} {
			for _, state := range []v1beta2.ApplicationStateType{"RUNNING", "COMPLETED"} {
				app := newApplication(schedule, run{name: fmt.Sprintf("other-%d-%s", i, strings.ToLower(string(state)))})
				app.Status.AppState.State = state
				edit(app)
				c.stamp(app)
				if err := c.spark.Tracker().Create(applicationsResource, app, "ns"); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.letPass(time.Minute + time.Second)
		if got := len(c.runs()); got != 9 {
			t.Errorf("%d applications, want 8 and a run", got)
		}
	})
}

// TestTamperedRunIsStillTheRun: whatever labels and annotations a user takes
// from a run before it is written down, it is not started again.
func TestTamperedRunIsStillTheRun(t *testing.T) {
	for name, edit := range map[string]func(*v1beta2.SparkApplication){
		"annotation": func(app *v1beta2.SparkApplication) { app.Annotations = nil },
		"label":      func(app *v1beta2.SparkApplication) { app.Labels = nil },
		"both":       func(app *v1beta2.SparkApplication) { app.Labels, app.Annotations = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.addSchedule(newSchedule("s", "5 * * * *"))
				c.letPass(time.Second)
				c.stop()
				app := newApplication(c.schedule("s"), run{name: runName("s", today("12:05:00"), PrecisionNanos), scheduled: today("12:05:00")})
				edit(app)
				c.letPass(5 * time.Minute)
				c.stamp(app)
				if err := c.spark.Tracker().Create(applicationsResource, app, "ns"); err != nil {
					t.Fatal(err)
				}
				c.start()
				c.letPass(10 * time.Second)
				status := c.schedule("s").Status
				if status.LastRunName != app.Name || len(c.runs()) != 1 || !status.SettledTime.Time.Equal(today("12:05:00")) {
					t.Errorf("%d runs, status %+v", len(c.runs()), status)
				}
			})
		})
	}
}

func TestRunsCarryLabelsAndAnnotations(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "5 * * * *", func(app *v1beta2.ScheduledSparkApplication) {
			app.Labels = map[string]string{"team": "a", v1beta2.LabelScheduledSparkAppName: "else"}
			app.Annotations = map[string]string{
				"owner": "b", corev1.LastAppliedConfigAnnotation: "{}", "argocd.argoproj.io/tracking-id": "x", v1beta2.AnnotationScheduledTime: "never",
			}
		}))
		c.letPass(6 * time.Minute)
		run := c.runs()[0]
		if len(run.Labels) != 2 || run.Labels["team"] != "a" || run.Labels[v1beta2.LabelScheduledSparkAppName] != "s" {
			t.Errorf("labels %v", run.Labels)
		}
		if len(run.Annotations) != 2 || run.Annotations["owner"] != "b" || run.Annotations[v1beta2.AnnotationScheduledTime] != "2024-12-25T12:05:00Z" {
			t.Errorf("annotations %v", run.Annotations)
		}
		owner := run.OwnerReferences[0]
		if owner.Controller != nil || !ptr.Deref(owner.BlockOwnerDeletion, false) || owner.Kind != "ScheduledSparkApplication" || owner.UID != c.schedule("s").UID {
			t.Errorf("owner %+v", owner)
		}
		template := c.schedule("s").Spec.Template
		if !equality.Semantic.DeepEqual(run.Spec, template) {
			t.Errorf("spec %+v, template %+v", run.Spec, template)
		}
	})
}

func TestDeletedScheduleStartsNothing(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *"))
		c.letPass(time.Minute + time.Second)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { // waits for its runs
			app.DeletionTimestamp, app.Finalizers = ptr.To(metav1.Now()), []string{metav1.FinalizerDeleteDependents}
		})
		c.letPass(5 * time.Minute)
		c.wantTimes("12:01")
	})
}
