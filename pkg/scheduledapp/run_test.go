// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
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

func TestRunNow(t *testing.T) {
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
