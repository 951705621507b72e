// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

type edit = func(*v1beta2.ScheduledSparkApplication)

func withDeadline(seconds int64) edit {
	return func(app *v1beta2.ScheduledSparkApplication) { app.Spec.StartingDeadlineSeconds = &seconds }
}

func withLimit(limit int32) edit {
	return func(app *v1beta2.ScheduledSparkApplication) { app.Spec.CatchUpLimit = &limit }
}

func hourly(app *v1beta2.ScheduledSparkApplication) { app.Spec.Schedule = "@hourly" }

// TestCatchUpAfterDowntime: the operator is away from 12:01 on, for a schedule that
// is due every ten minutes.
func TestCatchUpAfterDowntime(t *testing.T) {
	for name, test := range map[string]struct {
		away   time.Duration
		edits  []edit
		want   string
		missed float64
	}{
		"default, a short time":         {10 * time.Minute, nil, "12:10", 0},
		"default, several":              {32 * time.Minute, nil, "12:30", 2},
		"default, deadline kept":        {68 * time.Minute, []edit{hourly}, "13:00", 0},
		"default, deadline passed":      {70 * time.Minute, []edit{hourly}, "", 1},
		"skip, deadline kept":           {15 * time.Minute, []edit{withDeadline(400)}, "12:10", 0},
		"skip, deadline passed":         {15 * time.Minute, []edit{withDeadline(60)}, "", 1},
		"skip, deadline of days":        {45 * time.Minute, []edit{withDeadline(86_400)}, "12:40", 3},
		"last":                          {59*time.Minute + 30*time.Second, []edit{catchUp("Last")}, "13:00", 5},
		"last, deadline passed":         {18 * time.Minute, []edit{catchUp("Last"), withDeadline(60)}, "", 1},
		"all":                           {35 * time.Minute, []edit{catchUp("All")}, "12:10 12:20 12:30", 0},
		"all, limit":                    {55 * time.Minute, []edit{catchUp("All"), withLimit(2)}, "12:40 12:50", 3},
		"all, deadline":                 {45 * time.Minute, []edit{catchUp("All"), withDeadline(1000)}, "12:30 12:40", 2},
		"all, Replace is last":          {35 * time.Minute, []edit{catchUp("All"), policy("Replace")}, "12:30", 2},
		"all, Forbid one after another": {35 * time.Minute, []edit{catchUp("All"), policy("Forbid")}, "12:10", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.addSchedule(newSchedule("s", "*/10 * * * *", append(test.edits, keepRuns(50, 50))...))
				c.letPass(time.Minute)
				c.restart(test.away)
				c.letPass(5 * time.Second)
				c.wantTimes(test.want)
				if got := testutil.ToFloat64(c.metrics.missed.WithLabelValues("ns", missedLate)); got != test.missed {
					t.Errorf("%v missed runs counted, want %v", got, test.missed)
				}
				c.wantEvents(eventRunMissed, min(int(test.missed), 1))
			})
		})
	}
}

// TestOverlapsWithASlowCache: a run that was created and written down counts as
// going, although the cache of applications does not show it for a while.
func TestOverlapsWithASlowCache(t *testing.T) {
	for _, concurrency := range []v1beta2.ConcurrencyPolicy{v1beta2.ConcurrencyForbid, v1beta2.ConcurrencyReplace} {
		t.Run(string(concurrency), func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.delayWatch(applicationsResource, 5*time.Second)
				c.restart(0)
				c.addSchedule(newSchedule("s", "*/10 * * * *", policy(concurrency), catchUp("All"), keepRuns(50, 50)))
				c.letPass(time.Minute)
				c.restart(35 * time.Minute)
				for range 12 {
					c.letPass(time.Second)
					if runs := c.runs(); len(runs) > 1 {
						t.Errorf("%d runs at once", len(runs))
					}
				}
			})
		})
	}
}

// TestVanishedRunDoesNotBlock: a run that was deleted before the cache showed it is
// waited for no longer than until the cache has come so far.
func TestVanishedRunDoesNotBlock(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.delayWatch(applicationsResource, 5*time.Second)
		c.restart(0)
		c.addSchedule(newSchedule("s", "* * * * *", policy("Forbid")))
		c.letPass(61 * time.Second)
		c.deleteRun(c.runs()[0].Name)
		c.letPass(2 * time.Minute)
		if len(c.created) != 2 {
			t.Errorf("created %v, want one more", c.created)
		}
	})
}

// TestCatchUpForbidAll: what Forbid holds back is made up for, one after another.
func TestCatchUpForbidAll(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/10 * * * *", policy("Forbid"), catchUp("All"), keepRuns(50, 50)))
		c.letPass(35 * time.Minute)
		c.wantTimes("12:10")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonWaiting)
		for _, want := range []string{"12:10 12:20", "12:10 12:20 12:30", "12:10 12:20 12:30"} {
			c.endAll(v1beta2.ApplicationStateCompleted)
			c.letPass(5 * time.Second)
			c.wantTimes(want)
		}
		c.wantEvents(eventRunMissed, 0)
		c.wantEvents(eventRunSkipped, 0)
	})
}

// TestCatchUpForbidLast: of what Forbid holds back, the latest is made up for.
func TestCatchUpForbidLast(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/10 * * * *", policy("Forbid"), catchUp("Last"), keepRuns(50, 50)))
		c.letPass(35 * time.Minute)
		c.endAll(v1beta2.ApplicationStateCompleted)
		c.letPass(5 * time.Second)
		c.wantTimes("12:10 12:30")
		if got := testutil.ToFloat64(c.metrics.missed.WithLabelValues("ns", missedLate)); got != 1 {
			t.Errorf("%v missed runs counted", got)
		}
	})
}

// TestLongOutage: a year of a schedule that is due every minute.
func TestLongOutage(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", catchUp("All"), withLimit(3), keepRuns(50, 50)))
		c.letPass(time.Second)
		c.restart(365 * 24 * time.Hour)
		c.letPass(5 * time.Second)
		c.wantTimes("11:58 11:59 12:00")
		if message := c.notes[eventRunMissed]; !strings.Contains(message, "1000 or more") {
			t.Errorf("event %q", message)
		}
	})
}

// TestLaggingClock: the creation of a new schedule is ahead of a clock that lags behind
// that of the API server. Nothing went back then.
func TestLaggingClock(t *testing.T) {
	for _, ahead := range []time.Duration{2 * time.Minute, time.Hour} {
		bubble(t, func(c *cluster) {
			app := newSchedule("s", "*/10 * * * *")
			c.addSchedule(app)
			c.stop()
			app = c.schedule("s")
			app.CreationTimestamp = metav1.NewTime(time.Now().Add(ahead))
			app.Status = v1beta2.ScheduledSparkApplicationStatus{}
			c.putSchedule(app)
			c.start()
			c.letPass(30 * time.Second)
			c.wantCondition("s", v1beta2.ConditionStalled, "")
			c.restart(10 * time.Second) // a second look, with the status of the first
			c.letPass(10 * time.Second)
			c.wantCondition("s", v1beta2.ConditionStalled, "")
		})
	}
}

// TestClockGoesBack: what was dealt with is not dealt with again. A clock that goes
// back looks like a status from the future.
func TestClockGoesBack(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "*/10 * * * *"))
		c.letPass(time.Second)
		c.stop()
		app := c.schedule("s")
		app.Status.SettledTime = ptr.To(metav1.NewTime(today("12:30:00")))
		c.putSchedule(app)
		c.start()
		c.letPass(25 * time.Minute)
		c.wantTimes("")
		c.wantCondition("s", v1beta2.ConditionStalled, reasonClockWentBack)
		if next := c.schedule("s").Status.NextRun; !next.Time.Equal(today("12:40:00")) {
			t.Errorf("next run %s", next)
		}
		c.letPass(6 * time.Minute)
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.letPass(10 * time.Minute)
		c.wantTimes("12:40")

		// The way out that the condition names.
		c.stop()
		app = c.schedule("s")
		app.Status.SettledTime = ptr.To(metav1.NewTime(today("12:00:00").AddDate(10, 0, 0)))
		c.putSchedule(app)
		c.start()
		c.letPass(time.Second)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(true) })
		c.letPass(time.Second)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = nil })
		c.letPass(10 * time.Minute)
		c.wantTimes("12:40 12:50")
	})
}

// putSchedule writes a schedule as it is.
func (c *cluster) putSchedule(app *v1beta2.ScheduledSparkApplication) {
	c.t.Helper()
	c.lock.Lock()
	app.ResourceVersion = c.nextVersion()
	err := c.spark.Tracker().Update(schedulesResource, app, app.Namespace)
	c.lock.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// TestStatusOfKubeflowIsContinued: a schedule that kubeflow/spark-operator has run goes
// on, and one that it has given up is tried again.
func TestStatusOfKubeflowIsContinued(t *testing.T) {
	for name, test := range map[string]struct {
		status  v1beta2.ScheduledSparkApplicationStatus
		suspend bool
		want    string
	}{
		"due a minute ago": {v1beta2.ScheduledSparkApplicationStatus{
			ScheduleState: "Scheduled", LastRun: metav1.NewTime(today("11:50:00")), LastRunName: "s-1",
			NextRun: metav1.NewTime(today("12:00:00")),
		}, false, "12:00 12:10"},
		"has just run": {v1beta2.ScheduledSparkApplicationStatus{
			ScheduleState: "Scheduled", LastRun: metav1.NewTime(today("12:00:00")), LastRunName: "s-1",
			NextRun: metav1.NewTime(today("12:10:00")),
		}, false, "12:10"},
		"stopped long ago": {v1beta2.ScheduledSparkApplicationStatus{
			ScheduleState: "Scheduled", LastRun: metav1.NewTime(today("10:00:00")), LastRunName: "s-1",
			NextRun: metav1.NewTime(today("10:10:00")),
		}, false, "12:00 12:10"},
		"given up": {v1beta2.ScheduledSparkApplicationStatus{
			ScheduleState: "FailedValidation", Reason: "unknown time zone", LastRun: metav1.NewTime(today("10:00:00")),
		}, false, "12:10"},
		"suspended": {v1beta2.ScheduledSparkApplicationStatus{
			ScheduleState: "Scheduled", LastRun: metav1.NewTime(today("10:00:00")), NextRun: metav1.NewTime(today("10:10:00")),
		}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				synctest.Wait()
				c.stop()
				app := newSchedule("s", "*/10 * * * *", keepRuns(50, 50))
				app.CreationTimestamp = metav1.NewTime(today("09:00:00"))
				app.Status, app.Spec.Suspend = test.status, ptr.To(test.suspend)
				c.addSchedule(app)
				time.Sleep(time.Minute)
				c.start()
				c.letPass(time.Second)
				if test.suspend { // and resumed
					c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(false) })
					c.letPass(time.Second)
					c.wantTimes("")
					return
				}
				c.letPass(9 * time.Minute)
				c.wantTimes(test.want)
			})
		})
	}
}
