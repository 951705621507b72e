// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

func TestRunsAtScheduledTimes(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/5 * * * *"))
		c.letPass(time.Second)
		status := c.schedule("s").Status
		if status.ScheduleState != v1beta2.ScheduleStateScheduled || !status.NextRun.Time.Equal(today("12:05:00")) {
			t.Errorf("status %+v", status)
		}
		c.wantTimes("")
		c.letPass(12 * time.Minute)
		c.wantTimes("12:05 12:10")

		run := c.runs()[1]
		status = c.schedule("s").Status
		if status.LastRunName != run.Name || !status.LastRun.Equal(&run.CreationTimestamp) || !status.LastScheduleTime.Time.Equal(today("12:10:00")) {
			t.Errorf("last run: %+v", status)
		}
		if !status.NextRun.Time.Equal(today("12:15:00")) || !status.SettledTime.Time.Equal(today("12:10:00")) || status.ObservedSchedule != "CRON_TZ=UTC */5 * * * *" {
			t.Errorf("status %+v", status)
		}
		if want := fmt.Sprintf("s-%d", today("12:10:00").UnixNano()); run.Name != want {
			t.Errorf("name %s, want %s", run.Name, want)
		}
		if !run.CreationTimestamp.Time.Equal(today("12:10:00")) {
			t.Errorf("created at %s", run.CreationTimestamp)
		}
		c.wantCondition("s", v1beta2.ConditionScheduled, reasonActive)
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonStarted)
		c.wantEvents(eventRunStarted, 2)
	})
}

// TestEmptyPolicyMeansAllow: the established operator never starts a second run.
func TestEmptyPolicyMeansAllow(t *testing.T) {
	for _, p := range []v1beta2.ConcurrencyPolicy{"", v1beta2.ConcurrencyAllow} {
		bubble(t, func(c *cluster) {
			c.addSchedule(newSchedule("s", "* * * * *", policy(p)))
			c.letPass(3*time.Minute + time.Second)
			c.wantTimes("12:01 12:02 12:03")
		})
	}
}

func TestForbidSkips(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", policy(v1beta2.ConcurrencyForbid)))
		c.letPass(3*time.Minute + time.Second)
		c.wantTimes("12:01")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonSkipped)
		c.wantEvents(eventRunSkipped, 2)
		c.letPass(20 * time.Second)
		c.endAll(v1beta2.ApplicationStateCompleted)
		c.letPass(10 * time.Second) // nothing off schedule, although a run was skipped
		c.wantTimes("12:01")
		c.letPass(30 * time.Second)
		c.wantTimes("12:01 12:04")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonStarted)
	})
}

// TestForbidLooksAtEveryRun: not only at the newest.
func TestForbidLooksAtEveryRun(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", keepRuns(9, 9)))
		c.letPass(2*time.Minute + time.Second)
		c.setState(c.runs()[1].Name, v1beta2.ApplicationStateCompleted)
		c.edit("s", policy(v1beta2.ConcurrencyForbid))
		c.letPass(time.Minute)
		c.wantTimes("12:01 12:02")
	})
}

// TestForbidAndSuspendedRuns: a run that a user has suspended blocks nothing; one
// that Kueue holds back does.
func TestForbidAndSuspendedRuns(t *testing.T) {
	for _, test := range []struct {
		queue string
		want  string
	}{{"", "12:01 12:02"}, {"team-a", "12:01"}} {
		bubble(t, func(c *cluster) {
			c.addSchedule(newSchedule("s", "* * * * *", policy(v1beta2.ConcurrencyForbid)))
			c.letPass(time.Minute + time.Second)
			app := c.runs()[0]
			app.Spec.Suspend = ptr.To(true)
			app.Status.AppState.State = v1beta2.ApplicationStateSuspended
			if test.queue != "" {
				app.Labels[queueLabel] = test.queue
			}
			c.putRun(app)
			c.letPass(time.Minute)
			c.wantTimes(test.want)
		})
	}
}

func TestReplaceWaitsForTheOldRun(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/5 * * * *", policy(v1beta2.ConcurrencyReplace), func(app *v1beta2.ScheduledSparkApplication) {
			app.Spec.StartingDeadlineSeconds = ptr.To[int64](60)
		}))
		c.letPass(5*time.Minute + time.Second)
		c.setState(c.runs()[0].Name, v1beta2.ApplicationStateRunning)
		c.letPass(5 * time.Minute)
		// The run of 12:05 is going, that of 12:10 waits for it.
		c.wantTimes("12:05")
		if c.runs()[0].DeletionTimestamp == nil {
			t.Error("the old run was not deleted")
		}
		condition := c.wantCondition("s", v1beta2.ConditionOnTime, reasonWaiting)
		if !strings.Contains(condition.Message, "2024-12-25T12:10:00Z") || !strings.Contains(condition.Message, c.runs()[0].Name) {
			t.Errorf("message %q", condition.Message)
		}
		c.letPass(2 * time.Minute) // longer than the deadline, which it has kept
		c.wantTimes("12:05")
		c.collectGarbage()
		c.letPass(time.Second)
		c.wantTimes("12:10")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonLate)
		c.wantEvents(eventRunReplaced, 1)
		c.wantEvents(eventRunMissed, 0)
	})
}

func TestReplaceLeavesFinishedRuns(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/5 * * * *", policy(v1beta2.ConcurrencyReplace)))
		c.letPass(5*time.Minute + time.Second)
		c.endAll(v1beta2.ApplicationStateFailed)
		c.letPass(5 * time.Minute)
		c.wantTimes("12:05 12:10")
	})
}

func TestSuspendAndResume(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/5 * * * *", catchUp(v1beta2.CatchUpAll)))
		c.letPass(6 * time.Minute)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(true) })
		c.letPass(time.Second)
		status := c.schedule("s").Status
		if !status.NextRun.IsZero() || status.ObservedSchedule != "" || status.ScheduleState != v1beta2.ScheduleStateScheduled {
			t.Errorf("suspended: %+v", status)
		}
		c.wantCondition("s", v1beta2.ConditionScheduled, reasonSuspended)
		c.letPass(time.Hour)
		c.wantTimes("12:05")

		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(false) })
		c.letPass(time.Second)
		c.wantTimes("12:05") // nothing overdue, whatever the catch-up policy
		if next := c.schedule("s").Status.NextRun; !next.Time.Equal(today("13:10:00")) {
			t.Errorf("next run %s", next)
		}
		c.letPass(5 * time.Minute)
		c.wantTimes("12:05 13:10")
		c.wantEvents(eventRunMissed, 0)
	})
}

// TestEditsTakeEffectAtOnce: a changed schedule or time zone counts from the edit
// on.
func TestEditsTakeEffectAtOnce(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 0 1 1 *", catchUp(v1beta2.CatchUpAll)))
		c.letPass(6*time.Minute + 30*time.Second)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Schedule = "*/2 * * * *" })
		c.letPass(time.Second)
		c.wantTimes("") // 12:02 to 12:06 were before the edit
		c.letPass(2 * time.Minute)
		c.wantTimes("12:08")
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Schedule = "10 21 * * *" })
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.TimeZone = "Asia/Tokyo" })
		c.letPass(2 * time.Minute)
		c.wantTimes("12:08 12:10")
		if next := c.schedule("s").Status.NextRun; !next.Time.Equal(today("12:10:00").AddDate(0, 0, 1)) {
			t.Errorf("next run %s", next)
		}
	})
}

func TestFailedValidationHeals(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "bogus"))
		c.letPass(time.Second)
		status := c.schedule("s").Status
		if status.ScheduleState != v1beta2.ScheduleStateFailedValidation || status.Reason != "expected exactly 5 fields, found 1: [bogus]" {
			t.Errorf("status %+v", status)
		}
		c.wantCondition("s", v1beta2.ConditionStalled, reasonInvalidSpec)
		c.wantEvents(eventStalled, 1)

		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) {
			app.Spec.Schedule, app.Spec.TimeZone = "* * * * *", "Mars/Olympus"
		})
		c.letPass(5 * time.Minute)
		if reason := c.schedule("s").Status.Reason; reason != "Invalid timezone: unknown time zone Mars/Olympus" {
			t.Errorf("reason %q", reason)
		}
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.TimeZone = "" })
		c.letPass(2 * time.Second)
		status = c.schedule("s").Status
		if status.ScheduleState != v1beta2.ScheduleStateScheduled || status.Reason != "" {
			t.Errorf("mended: %+v", status)
		}
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.wantTimes("")
		c.letPass(time.Minute)
		c.wantTimes("12:06")
	})
}

func TestUndecodableScheduleStartsNothing(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", func(app *v1beta2.ScheduledSparkApplication) {
			informers.MarkUndecodable(app, "spec.template.driver: expected object")
		}))
		c.letPass(2 * time.Minute)
		c.wantTimes("")
		if reason := c.schedule("s").Status.Reason; !strings.Contains(reason, "spec.template.driver") {
			t.Errorf("reason %q", reason)
		}
		c.wantCondition("s", v1beta2.ConditionStalled, reasonInvalidObject)
	})
}

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

func TestRunNow(t *testing.T) {
	ask := func(value string) func(*v1beta2.ScheduledSparkApplication) {
		return func(app *v1beta2.ScheduledSparkApplication) {
			metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationRunNow, value)
		}
	}
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 0 1 1 *", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(true) }))
		c.letPass(time.Minute)
		c.edit("s", ask("a"))
		c.letPass(time.Second)
		c.wantTimes("now")
		run := c.runs()[0]
		status := c.schedule("s").Status
		if status.LastRunName != run.Name || status.LastScheduleTime != nil || *status.RunNow != (v1beta2.RunNowStatus{Value: "a", Count: 1}) {
			t.Errorf("status %+v", status)
		}
		if !strings.HasPrefix(run.Name, "s-now-") {
			t.Errorf("name %s", run.Name)
		}
		c.letPass(time.Hour)
		c.restart(time.Minute)
		c.wantTimes("now")
		c.edit("s", ask("b"))
		c.letPass(time.Second)
		c.edit("s", ask("a")) // any value but the last
		c.letPass(time.Second)
		c.wantTimes("now now now")

		c.edit("s", policy(v1beta2.ConcurrencyForbid))
		c.edit("s", ask("c"))
		c.letPass(time.Second)
		c.wantTimes("now now now")
		c.wantEvents(eventRunSkipped, 1)
		c.endAll(v1beta2.ApplicationStateCompleted)
		c.letPass(time.Minute)
		c.wantTimes("now") // history limit; the skipped request is not made up for

		c.edit("s", policy(v1beta2.ConcurrencyReplace))
		c.edit("s", ask("d"))
		c.letPass(time.Second)
		c.edit("s", ask("e"))
		c.letPass(time.Second)
		c.wantTimes("now now")
		c.collectGarbage()
		c.letPass(time.Second)
		c.wantTimes("now now")
		if count := c.schedule("s").Status.RunNow.Count; count != 6 {
			t.Errorf("%d requests counted", count)
		}
		c.wantEvents(eventRunStarted, 5)
	})
}

func TestIntervalKeepsItsPhaseOverRestarts(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.letPass(7 * time.Second)
		c.addSchedule(newSchedule("s", "@every 90s"))
		c.letPass(100 * time.Second)
		c.restart(20 * time.Second)
		c.letPass(80 * time.Second)
		c.restart(time.Second)
		c.letPass(80 * time.Second)
		var starts []string
		for _, run := range c.runs() {
			starts = append(starts, run.CreationTimestamp.Time.UTC().Format("04:05"))
		}
		if want := []string{"01:37", "03:07", "04:37"}; !slices.Equal(starts, want) {
			t.Errorf("started at %v, want %v", starts, want)
		}
	})
}

func TestSpread(t *testing.T) {
	bubble(t, func(c *cluster) {
		spread := func(app *v1beta2.ScheduledSparkApplication) {
			app.Spec.Spread = &metav1.Duration{Duration: 10 * time.Minute}
		}
		for i := range 40 {
			c.addSchedule(newSchedule(fmt.Sprintf("s%d", i), "30 * * * *", spread))
		}
		c.letPass(29 * time.Minute)
		c.wantTimes("")
		c.letPass(11*time.Minute + time.Second)
		starts := map[time.Time]bool{}
		for _, run := range c.runs() {
			starts[run.CreationTimestamp.Time] = true
			if scheduled, _ := scheduledTime(run); !scheduled.Equal(today("12:30:00")) {
				t.Errorf("run for %s", scheduled)
			}
			if late := run.CreationTimestamp.Sub(today("12:30:00")); late < 0 || late >= 10*time.Minute {
				t.Errorf("started %s later", late)
			}
		}
		if len(c.runs()) != 40 || len(starts) < 30 {
			t.Errorf("%d runs at %d different times", len(c.runs()), len(starts))
		}
		status := c.schedule("s7").Status
		if want := c.runsOf("s7")[0].CreationTimestamp.Add(time.Hour); !status.NextRun.Time.Equal(want) {
			t.Errorf("next run %s, want %s", status.NextRun, want)
		}
		c.wantCondition("s7", v1beta2.ConditionOnTime, reasonStarted)
	})
}

func (c *cluster) runsOf(schedule string) []*v1beta2.SparkApplication {
	return slices.DeleteFunc(c.runs(), func(app *v1beta2.SparkApplication) bool {
		return app.Labels[v1beta2.LabelScheduledSparkAppName] != schedule
	})
}

// TestSlowCreationsDelayNobodyElse: eight schedules whose creations hang, of a
// hundred that are due at the same time.
func TestSlowCreationsDelayNobodyElse(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() {
			c.delay = func(name string) time.Duration {
				if strings.HasPrefix(name, "slow") {
					return 10 * time.Second
				}
				return 0
			}
		})
		for i := range 8 {
			c.addSchedule(newSchedule(fmt.Sprintf("slow%d", i), "5 * * * *"))
		}
		for i := range 100 {
			c.addSchedule(newSchedule(fmt.Sprintf("quick%d", i), "5 * * * *"))
		}
		c.letPass(6 * time.Minute)
		for _, run := range c.runs() {
			late := run.CreationTimestamp.Sub(today("12:05:00"))
			if want := strings.HasPrefix(run.Name, "slow"); want != (late > 0) {
				t.Errorf("%s was started %s late", run.Name, late)
			}
		}
		if len(c.runs()) != 108 {
			t.Errorf("%d runs", len(c.runs()))
		}
	})
}

// TestStartsComeBeforeStatusUpdates: with one worker, all that are due are started
// before anything is written down.
func TestStartsComeBeforeStatusUpdates(t *testing.T) {
	bubble(t, func(c *cluster) {
		synctest.Wait()
		c.stop()
		c.config.Workers = 1
		c.start()
		for i := range 50 {
			c.addSchedule(newSchedule(fmt.Sprintf("s%d", i), "5 * * * *"))
		}
		c.letPass(4 * time.Minute)
		c.change(func() {
			c.log = nil
			c.delay = func(string) time.Duration { return 10 * time.Millisecond }
		})
		c.letPass(2 * time.Minute)
		c.lock.Lock()
		defer c.lock.Unlock()
		if len(c.log) < 100 {
			t.Fatalf("%d writes", len(c.log))
		}
		for i, entry := range c.log {
			if create := strings.HasPrefix(entry, "create"); create != (i < 50) {
				t.Errorf("write %d of %d is %q", i, len(c.log), entry)
			}
		}
	})
}

func TestRefusedRunIsRetriedUntilItsDeadline(t *testing.T) {
	bubble(t, func(c *cluster) {
		var refuse atomic.Bool
		refuse.Store(true)
		onWrite := func(action clienttesting.Action) error {
			if refuse.Load() && action.GetVerb() == "create" {
				return apierrors.NewForbidden(applicationsResource.GroupResource(), "s", errors.New("exceeded quota"))
			}
			return nil
		}
		c.change(func() { c.onWrite = onWrite })
		c.addSchedule(newSchedule("s", "0 * * * *", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.StartingDeadlineSeconds = ptr.To[int64](300) }))
		c.letPass(time.Hour + time.Minute)
		condition := c.wantCondition("s", v1beta2.ConditionStalled, reasonRunRefused)
		if !strings.Contains(condition.Message, "exceeded quota") {
			t.Errorf("message %q", condition.Message)
		}
		c.letPass(2 * time.Minute)
		refuse.Store(false)
		c.letPass(time.Minute)
		c.wantTimes("13:00")
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonLate)

		refuse.Store(true)
		c.letPass(time.Hour + 6*time.Minute)
		refuse.Store(false)
		c.letPass(2 * time.Minute)
		c.wantTimes("13:00")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonMissed)
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.wantEvents(eventRunMissed, 1)
	})
}

func TestForeignApplicationIsNotTakenOver(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "5 * * * *"))
		name := runName("s", today("12:05:00"), PrecisionNanos)
		foreign := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"}}
		c.stamp(foreign)
		if err := c.spark.Tracker().Create(applicationsResource, foreign, "ns"); err != nil {
			t.Fatal(err)
		}
		c.letPass(6 * time.Minute)
		condition := c.wantCondition("s", v1beta2.ConditionStalled, reasonNameTaken)
		if !strings.Contains(condition.Message, name) {
			t.Errorf("message %q", condition.Message)
		}
		c.deleteRun(name)
		c.letPass(time.Minute)
		c.wantTimes("12:05")
		c.wantCondition("s", v1beta2.ConditionStalled, "")
	})
}

// TestTamperedRunIsStillTheRun: whatever labels and annotations somebody takes
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

// TestIdleSchedulesWriteNothing: looks that change nothing cost no request.
func TestIdleSchedulesWriteNothing(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 0 1 1 *"))
		c.letPass(time.Second)
		c.restart(time.Second)
		calls := len(c.spark.Actions())
		c.letPass(time.Hour)
		if now := len(c.spark.Actions()); now != calls {
			t.Errorf("%d calls in an hour", now-calls)
		}
	})
}

func TestUnknownPrecisionIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		_, err := New(Config{TimestampPrecision: "hours"}, c.spark, nil, c, nil)
		if err == nil || !strings.Contains(err.Error(), `"hours"`) {
			t.Errorf("error %v", err)
		}
	})
}
