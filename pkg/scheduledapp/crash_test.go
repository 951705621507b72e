// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestCrashAtEveryWrite ends the process before and after each write in the life of
// four schedules, and goes on with a new one that knows nothing but what the
// cluster shows. Every run must be created exactly once.
func TestCrashAtEveryWrite(t *testing.T) {
	for n := 1; ; n++ {
		reached := false
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d after %t", n, after), func(t *testing.T) {
				bubble(t, func(c *cluster) {
					c.change(func() { c.fault = &fault{at: n, after: after} })
					liveThrough(c)
					c.change(func() { reached = reached || c.fault == nil })
				})
			})
		}
		if !reached {
			if n < 15 {
				t.Errorf("only %d writes in a whole life", n-1)
			}
			return
		}
	}
}

// liveThrough lets eleven minutes pass, in which each schedule does something else,
// and checks what came of it.
func liveThrough(c *cluster) {
	c.addSchedule(newSchedule("allow", "*/5 * * * *", keepRuns(1, 1)))
	c.addSchedule(newSchedule("none", "*/5 * * * *", keepRuns(0, 0)))
	c.addSchedule(newSchedule("replace", "*/5 * * * *", policy(v1beta2.ConcurrencyReplace), keepRuns(9, 9)))
	c.addSchedule(newSchedule("asked", "0 0 1 1 *", keepRuns(9, 9), func(app *v1beta2.ScheduledSparkApplication) {
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationRunNow, "1")
	}))
	for second := range 11 * 60 {
		c.letPass(time.Second)
		c.collectGarbage()
		switch second {
		case 5 * 60, 10*60 + 20:
			for _, app := range append(c.runsOf("allow"), c.runsOf("none")...) {
				c.setState(app.Name, v1beta2.ApplicationStateCompleted)
			}
		}
		if c.killed() {
			c.stop()
			c.change(func() { c.fault = nil })
			c.letPass(3 * time.Second)
			c.start()
			synctest.Wait()
		}
	}
	c.letPass(time.Minute)
	c.collectGarbage()
	c.letPass(time.Second)

	var want []string
	for _, schedule := range []string{"allow", "none", "replace"} {
		for _, at := range []string{"12:05:00", "12:10:00"} {
			want = append(want, runName(schedule, today(at), PrecisionNanos))
		}
		status := c.schedule(schedule).Status
		if status.LastRunName != want[len(want)-1] || !status.SettledTime.Time.Equal(today("12:10:00")) || !status.NextRun.Time.Equal(today("12:15:00")) {
			c.t.Errorf("%s: status %+v", schedule, status)
		}
		left := c.runsOf(schedule)
		if schedule == "none" {
			if len(left) != 0 {
				c.t.Errorf("%s: %d runs left", schedule, len(left))
			}
		} else if len(left) != 1 || left[0].Name != want[len(want)-1] {
			c.t.Errorf("%s: %d runs left", schedule, len(left))
		}
	}
	asked := c.runsOf("asked")
	if len(asked) != 1 {
		c.t.Fatalf("%d runs asked for", len(asked))
	}
	want = append(want, asked[0].Name)
	if status := c.schedule("asked").Status; status.LastRunName != asked[0].Name || status.RunNow.Count != 1 {
		c.t.Errorf("asked: status %+v", status)
	}
	slices.Sort(want)
	var got []string
	for name, times := range c.created {
		got = append(got, name)
		if times != 1 {
			c.t.Errorf("%s was created %d times", name, times)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.t.Errorf("runs created: %q, want %q", got, want)
	}
}
