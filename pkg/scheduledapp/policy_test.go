// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestEmptyPolicyMeansAllow: kubeflow/spark-operator never starts a second run.
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
				app.Labels[v1beta2.LabelKueueQueue] = test.queue
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
