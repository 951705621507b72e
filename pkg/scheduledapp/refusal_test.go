// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

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
			t.Errorf("corrected: %+v", status)
		}
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.wantTimes("")
		c.letPass(time.Minute)
		c.wantTimes("12:06")

		var transitions []string
		for _, entry := range c.logged.GetBuffer().Data() {
			if entry.Message == "State changed" {
				transitions = append(transitions, fmt.Sprint(entry.ParameterKVList))
			}
		}
		if want := []string{
			"[from  to FailedValidation reason expected exactly 5 fields, found 1: [bogus] after 0s]",
			"[from FailedValidation to Scheduled reason  after 5m1s]",
		}; !slices.Equal(transitions, want) {
			t.Errorf("log %q, want %q", transitions, want)
		}
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

func TestRefusedRunIsRetriedUntilItsDeadline(t *testing.T) {
	bubble(t, func(c *cluster) {
		exceeded := apierrors.NewForbidden(applicationsResource.GroupResource(), "s", errors.New("exceeded quota"))
		allow := c.refuse("create", exceeded)
		c.addSchedule(newSchedule("s", "0 * * * *", func(app *v1beta2.ScheduledSparkApplication) { app.Spec.StartingDeadlineSeconds = ptr.To[int64](300) }))
		c.letPass(time.Hour + time.Minute)
		condition := c.wantCondition("s", v1beta2.ConditionStalled, reasonRunRefused)
		if !strings.Contains(condition.Message, "exceeded quota") {
			t.Errorf("message %q", condition.Message)
		}
		c.letPass(2 * time.Minute)
		allow()
		c.letPass(time.Minute)
		c.wantTimes("13:00")
		c.wantCondition("s", v1beta2.ConditionStalled, "")
		c.wantCondition("s", v1beta2.ConditionOnTime, reasonLate)

		allow = c.refuse("create", exceeded)
		c.letPass(time.Hour + 6*time.Minute)
		allow()
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

func TestUnknownPrecisionIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		_, err := New(Config{TimestampPrecision: "hours"}, c.spark, nil, c, nil)
		if err == nil || !strings.Contains(err.Error(), `"hours"`) {
			t.Errorf("error %v", err)
		}
	})
}
