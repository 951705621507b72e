// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestRequestThatReplaces says that it waits, and for what.
func TestRequestThatReplaces(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 0 1 1 *", policy(v1beta2.ConcurrencyReplace), ask("a")))
		c.letPass(2 * time.Second)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) {
			ask("b")(app)
			app.Generation-- // an annotation is no part of the spec
		})
		c.letPass(2 * time.Second)
		c.wantEvents(eventRunReplaced, 1)
		message := c.wantCondition("s", v1beta2.ConditionOnTime, reasonWaiting).Message
		if !strings.Contains(message, "run-now=b") || !strings.HasSuffix(message, c.runs()[0].Name) {
			t.Errorf("message %q", message)
		}
		c.collectGarbage()
		c.letPass(2 * time.Second)
		c.wantTimes("now")
		c.wantCondition("s", v1beta2.ConditionOnTime, "")
		c.wantEvents(eventRunStarted, 2)
	})
}

// TestRequestAndTimeAreOneRun: where only one may be going, one run serves both.
func TestRequestAndTimeAreOneRun(t *testing.T) {
	for _, p := range []v1beta2.ConcurrencyPolicy{v1beta2.ConcurrencyForbid, v1beta2.ConcurrencyReplace} {
		t.Run(string(p), func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.addSchedule(newSchedule("s", "0 * * * *", policy(p)))
				c.letPass(59*time.Minute + 50*time.Second)
				allow := c.refuse("create", errUnavailable)
				c.edit("s", ask("a"))
				c.letPass(20 * time.Second) // both are tried in vain
				c.wantTimes("")
				c.wantEvents(eventRunSkipped, 0)
				allow()
				c.letPass(2 * time.Minute)
				c.wantTimes("13:00")
				if run := c.runs()[0]; run.DeletionTimestamp != nil {
					t.Errorf("%s is to go", run.Name)
				}
				status := c.schedule("s").Status
				if status.RunNow == nil || status.RunNow.Value != "a" || status.LastRunName != c.runs()[0].Name {
					t.Errorf("status %+v", status)
				}
				c.wantEvents(eventRunSkipped, 0)
				if count := testutil.ToFloat64(c.metrics.runs.WithLabelValues("ns")); count != 1 {
					t.Errorf("%v runs counted", count)
				}
			})
		})
	}
}

// TestRequestAndTimeWaitForTheSameRun: with Replace, what has waited is not replaced
// as soon as it starts.
func TestRequestAndTimeWaitForTheSameRun(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 * * * *", policy(v1beta2.ConcurrencyReplace)))
		c.letPass(time.Hour + 59*time.Minute + 50*time.Second) // 13:59:50, the run of 13:00 is going
		c.edit("s", ask("a"))
		c.letPass(20 * time.Second)
		c.collectGarbage()
		c.letPass(3 * time.Second)
		c.wantTimes("14:00")
		if run := c.runs()[0]; run.DeletionTimestamp != nil {
			t.Errorf("%s is to go", run.Name)
		}
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonStarted)
		if len(c.created) != 2 {
			t.Errorf("created %v", c.created)
		}
	})
}

// TestWaitingIsForOneTime: that a run has waited says nothing of a later one.
func TestWaitingIsForOneTime(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 * * * *", policy(v1beta2.ConcurrencyReplace)))
		c.letPass(2*time.Hour + time.Second) // the run of 14:00 waits for that of 13:00
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonWaiting)
		synctest.Wait()
		c.stop()
		c.collectGarbage()
		time.Sleep(3*time.Hour + 50*time.Minute)
		c.start()
		c.letPass(5 * time.Second)
		c.wantTimes("") // that of 17:00 is later than its deadline allows
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonMissed)
	})
}

// TestWaitingEnds when the run that has waited is not due any more.
func TestWaitingEnds(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 * * * *", policy(v1beta2.ConcurrencyForbid), catchUp(v1beta2.CatchUpLast)))
		c.letPass(2*time.Hour + time.Second)
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonWaiting)
		c.edit("s", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Suspend = ptr.To(true) })
		c.letPass(time.Second)
		c.wantCondition("s", v1beta2.ConditionOnTime, "")
	})
}

// TestRequestsWithoutOurFields: where the API server drops our status fields, each
// request leads to one run, also if that run is gone, and each time of the schedule to
// one.
func TestRequestsWithoutOurFields(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.prunes = true
		c.addSchedule(newSchedule("s", "0 * * * *", policy(v1beta2.ConcurrencyAllow)))
		for i, value := range []string{"a", "b"} {
			c.edit("s", ask(value))
			c.letPass(2 * time.Second)
			c.wantEvents(eventRunStarted, i+1)
			c.endAll(v1beta2.ApplicationStateCompleted)
			for _, run := range c.runs() {
				c.deleteRun(run.Name)
			}
			c.letPass(2 * time.Minute)
		}
		c.letPass(2 * time.Hour)
		c.wantEvents(eventRunStarted, 4)
		if status := c.schedule("s").Status; status.RunNow != nil || len(c.created) != 4 {
			t.Errorf("created %v, status %+v", c.created, status)
		}
	})
}
