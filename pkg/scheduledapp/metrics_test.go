// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func TestMetricsOfRuns(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "* * * * *", policy(v1beta2.ConcurrencyForbid)))
		c.change(func() { c.delay = func(string) time.Duration { return 1500 * time.Millisecond } })
		c.letPass(3*time.Minute + 10*time.Second)
		want := `
# HELP scheduled_spark_application_missed_run_count Scheduled times that passed without a run
# TYPE scheduled_spark_application_missed_run_count counter
scheduled_spark_application_missed_run_count{namespace="ns",reason="forbids"} 2
# HELP scheduled_spark_application_run_count Runs started by schedules
# TYPE scheduled_spark_application_run_count counter
scheduled_spark_application_run_count{namespace="ns"} 1
# HELP scheduled_spark_application_lag_seconds Time from when a run is due until its SparkApplication is created
# TYPE scheduled_spark_application_lag_seconds histogram
scheduled_spark_application_lag_seconds_bucket{le="0.1"} 0
scheduled_spark_application_lag_seconds_bucket{le="0.25"} 0
scheduled_spark_application_lag_seconds_bucket{le="0.5"} 0
scheduled_spark_application_lag_seconds_bucket{le="1"} 0
scheduled_spark_application_lag_seconds_bucket{le="2"} 1
scheduled_spark_application_lag_seconds_bucket{le="3"} 1
scheduled_spark_application_lag_seconds_bucket{le="5"} 1
scheduled_spark_application_lag_seconds_bucket{le="10"} 1
scheduled_spark_application_lag_seconds_bucket{le="30"} 1
scheduled_spark_application_lag_seconds_bucket{le="60"} 1
scheduled_spark_application_lag_seconds_bucket{le="300"} 1
scheduled_spark_application_lag_seconds_bucket{le="1800"} 1
scheduled_spark_application_lag_seconds_bucket{le="3600"} 1
scheduled_spark_application_lag_seconds_bucket{le="86400"} 1
scheduled_spark_application_lag_seconds_bucket{le="+Inf"} 1
scheduled_spark_application_lag_seconds_sum 1.5
scheduled_spark_application_lag_seconds_count 1
# HELP spark_operator_panics_total Syncs of a controller that panicked
# TYPE spark_operator_panics_total counter
spark_operator_panics_total{controller="scheduledsparkapplication"} 0
`
		if err := testutil.GatherAndCompare(c.registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

// TestPanicIsCounted: a panic ends one sync of one schedule, which is done again.
func TestPanicIsCounted(t *testing.T) {
	bubble(t, func(c *cluster) {
		var once sync.Once
		c.change(func() {
			c.delay = func(string) time.Duration {
				once.Do(func() { panic("a mistake in the operator") })
				return 0
			}
		})
		c.addSchedule(newSchedule("s", "* * * * *"))
		c.letPass(70 * time.Second)
		if runs := len(c.runs()); runs != 1 {
			t.Errorf("%d runs", runs)
		}
		want := `
# HELP spark_operator_panics_total Syncs of a controller that panicked
# TYPE spark_operator_panics_total counter
spark_operator_panics_total{controller="scheduledsparkapplication"} 1
`
		if err := testutil.GatherAndCompare(c.registry, strings.NewReader(want), "spark_operator_panics_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestMetricsOfStates(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(registry, "my-")
	if err != nil {
		t.Fatal(err)
	}
	inState := func(state v1beta2.ScheduleState, suspended bool) *v1beta2.ScheduledSparkApplication {
		app := newSchedule("s", "@daily")
		app.Status.ScheduleState, app.Spec.Suspend = state, ptr.To(suspended)
		return app
	}
	schedules := []*v1beta2.ScheduledSparkApplication{
		inState("", false), inState("Scheduled", false), inState("Scheduled", false), inState("Scheduled", true), inState("FailedValidation", true),
	}
	if err := m.RegisterGauges(registry, func() iter.Seq[*v1beta2.ScheduledSparkApplication] { return slices.Values(schedules) }); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP my_scheduled_spark_application_state_count Schedules by state
# TYPE my_scheduled_spark_application_state_count gauge
my_scheduled_spark_application_state_count{state="FailedValidation"} 1
my_scheduled_spark_application_state_count{state="New"} 1
my_scheduled_spark_application_state_count{state="Scheduled"} 2
my_scheduled_spark_application_state_count{state="Suspended"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "my_scheduled_spark_application_state_count"); err != nil {
		t.Error(err)
	}
	if _, err := NewMetrics(registry, "my-"); err == nil {
		t.Error("registered twice")
	}
	var none *Metrics
	none.created(time.Second)
	none.settled("ns", &plan{})
	if err := none.RegisterGauges(registry, nil); err != nil {
		t.Error(err)
	}
}
