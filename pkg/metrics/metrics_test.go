// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

var created = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) metav1.Time {
	return metav1.NewTime(created.Add(time.Duration(seconds) * time.Second))
}

// follow records the transitions of one application through the given statuses.
func follow(m *Metrics, app *v1beta2.SparkApplication, now time.Time, statuses ...v1beta2.SparkApplicationStatus) {
	for _, status := range statuses {
		before := app.Status
		app.Status = status
		m.Transition(&before, app, Times{Taken: now.Add(-2 * time.Second), Written: now})
	}
}

func state(s v1beta2.ApplicationStateType, id string, attempts int32) v1beta2.SparkApplicationStatus {
	return v1beta2.SparkApplicationStatus{
		AppState:           v1beta2.ApplicationState{State: s},
		SubmissionID:       id,
		SubmissionAttempts: attempts, ExecutionAttempts: attempts,
		LastSubmissionAttemptTime: at(10), TerminationTime: at(40),
	}
}

func newMetrics(t *testing.T, config Config) (*Metrics, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	m, err := New(registry, config)
	if err != nil {
		t.Fatal(err)
	}
	return m, registry
}

// TestPanics: those of all controllers have one name, and a label separates them
// apart.
func TestPanics(t *testing.T) {
	m, registry := newMetrics(t, Config{Prefix: "my-team-"})
	schedules := NewPanicCounter("my-team-", ControllerSchedules)
	registry.MustRegister(schedules)
	m.Panicked()
	m.Panicked()
	schedules.Inc()
	(*Metrics)(nil).Panicked()
	want := `
# HELP my_team_spark_operator_panics_total Syncs of a controller that panicked
# TYPE my_team_spark_operator_panics_total counter
my_team_spark_operator_panics_total{controller="scheduledsparkapplication"} 1
my_team_spark_operator_panics_total{controller="sparkapplication"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "my_team_spark_operator_panics_total"); err != nil {
		t.Error(err)
	}
}

func TestTransitions(t *testing.T) {
	m, registry := newMetrics(t, Config{Prefix: "my-team-", Labels: []string{"app-type", "namespace"}})
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{
		Namespace: "jobs", Name: "pi", CreationTimestamp: at(0), Labels: map[string]string{"app-type": "etl"},
	}}
	follow(m, app, created.Add(5*time.Second),
		state(v1beta2.ApplicationStateSubmitted, "a", 1),
		state(v1beta2.ApplicationStateRunning, "a", 1),
		state(v1beta2.ApplicationStateSubmitted, "a", 1), // pending again
		state(v1beta2.ApplicationStateRunning, "a", 1),
		state(v1beta2.ApplicationStateRunning, "a", 1), // only executors changed
		state(v1beta2.ApplicationStateFailing, "a", 1),
		state(v1beta2.ApplicationStatePendingRerun, "a", 1),
		state(v1beta2.ApplicationStateSubmitted, "b", 2),
		state(v1beta2.ApplicationStateRunning, "b", 2),
		state(v1beta2.ApplicationStateCompleted, "b", 2),
	)
	want := `
# HELP my_team_spark_application_count Applications handled by the operator
# TYPE my_team_spark_application_count counter
my_team_spark_application_count{app_type="etl",namespace="jobs"} 1
# HELP my_team_spark_application_submit_count Submissions of applications
# TYPE my_team_spark_application_submit_count counter
my_team_spark_application_submit_count{app_type="etl",namespace="jobs"} 2
# HELP my_team_spark_application_success_count Applications that completed
# TYPE my_team_spark_application_success_count counter
my_team_spark_application_success_count{app_type="etl",namespace="jobs"} 1
# HELP my_team_spark_application_success_execution_time_seconds Time from submission to the end of applications that completed
# TYPE my_team_spark_application_success_execution_time_seconds summary
my_team_spark_application_success_execution_time_seconds_sum{app_type="etl",namespace="jobs"} 30
my_team_spark_application_success_execution_time_seconds_count{app_type="etl",namespace="jobs"} 1
# HELP my_team_spark_application_submit_latency_seconds Time from creation to the first submission
# TYPE my_team_spark_application_submit_latency_seconds summary
my_team_spark_application_submit_latency_seconds_sum{app_type="etl",namespace="jobs"} 5
my_team_spark_application_submit_latency_seconds_count{app_type="etl",namespace="jobs"} 1
`
	names := []string{
		"my_team_spark_application_count", "my_team_spark_application_submit_count", "my_team_spark_application_success_count",
		"my_team_spark_application_failure_count", "my_team_spark_application_success_execution_time_seconds", "my_team_spark_application_submit_latency_seconds",
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

// TestLags: how long a submission takes, and how late the status shows what the driver
// did; each once.
func TestLags(t *testing.T) {
	m, registry := newMetrics(t, Config{})
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(0)}}
	with := func(status v1beta2.SparkApplicationStatus, start, end int) v1beta2.SparkApplicationStatus {
		attempt := v1beta2.Attempt{SubmissionID: status.SubmissionID}
		if start > 0 {
			attempt.StartTime = new(at(start))
		}
		if end > 0 {
			attempt.TerminationTime = new(at(end))
		}
		status.Attempts = []v1beta2.Attempt{{SubmissionID: "earlier"}, attempt}
		return status
	}
	follow(m, app, created.Add(50*time.Second),
		with(state(v1beta2.ApplicationStateSubmitted, "a", 1), 0, 0),
		with(state(v1beta2.ApplicationStateRunning, "a", 1), 49, 0),
		with(state(v1beta2.ApplicationStateRunning, "a", 1), 49, 0), // only executors changed
		with(state(v1beta2.ApplicationStateFailing, "a", 1), 49, 10),
		with(state(v1beta2.ApplicationStateFailed, "a", 1), 49, 10),
	)
	want := `
# HELP spark_application_status_lag_seconds Time from the start or the end of a driver until the status shows it
# TYPE spark_application_status_lag_seconds histogram
`
	for _, series := range []struct {
		change string
		value  float64
	}{{"ended", 40}, {"started", 1}} {
		for _, bound := range latencyBuckets() {
			count := 0
			if series.value <= bound {
				count = 1
			}
			want += fmt.Sprintf("spark_application_status_lag_seconds_bucket{change=%q,le=\"%g\"} %d\n", series.change, bound, count)
		}
		want += fmt.Sprintf("spark_application_status_lag_seconds_bucket{change=%[1]q,le=\"+Inf\"} 1\nspark_application_status_lag_seconds_sum{change=%[1]q} %[2]g\nspark_application_status_lag_seconds_count{change=%[1]q} 1\n", series.change, series.value)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "spark_application_status_lag_seconds"); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "spark_application_submission_duration_seconds" {
			if h := family.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() != 2 {
				t.Errorf("submissions: %v", h)
			}
			return
		}
	}
	t.Error("no histogram of submissions")
}

func TestRefusedSubmissions(t *testing.T) {
	m, _ := newMetrics(t, Config{})
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(0)}}
	follow(m, app, created,
		state(v1beta2.ApplicationStateFailedSubmission, "a", 1),
		state(v1beta2.ApplicationStateFailedSubmission, "b", 2),
		state(v1beta2.ApplicationStateFailed, "b", 2))
	for name, test := range map[string]struct {
		counter *prometheus.CounterVec
		want    float64
	}{
		"applications":       {m.count, 1},
		"failed submissions": {m.failedSubmissionCount, 2},
		"submissions":        {m.submitCount, 0},
		"failures":           {m.failureCount, 1},
	} {
		if got := testutil.ToFloat64(test.counter.WithLabelValues()); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestExecutors(t *testing.T) {
	m, _ := newMetrics(t, Config{})
	app := &v1beta2.SparkApplication{}
	executors := func(states map[string]v1beta2.ExecutorState) v1beta2.SparkApplicationStatus {
		status := state(v1beta2.ApplicationStateRunning, "a", 1)
		status.ExecutorState = states
		return status
	}
	follow(m, app, created,
		executors(map[string]v1beta2.ExecutorState{"1": v1beta2.ExecutorStateRunning, "2": v1beta2.ExecutorStatePending, "first seen when it had failed": v1beta2.ExecutorStateFailed}),
		executors(map[string]v1beta2.ExecutorState{"1": v1beta2.ExecutorStateCompleted, "2": v1beta2.ExecutorStateRunning, "first seen when it had failed": v1beta2.ExecutorStateFailed}),
		executors(map[string]v1beta2.ExecutorState{"1": v1beta2.ExecutorStateCompleted, "2": v1beta2.ExecutorStateFailed, "first seen when it had failed": v1beta2.ExecutorStateFailed}))
	if got := testutil.ToFloat64(m.executorSuccessCount.WithLabelValues()); got != 1 {
		t.Errorf("success %v", got)
	}
	if got := testutil.ToFloat64(m.executorFailure.WithLabelValues()); got != 1 {
		t.Errorf("failure %v", got)
	}
}

func TestGauges(t *testing.T) {
	m, registry := newMetrics(t, Config{Labels: []string{"app_type"}})
	apps := []*v1beta2.SparkApplication{
		{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at(0), Labels: map[string]string{"app_type": "etl"}}},
		{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app_type": "etl"}}, Status: state(v1beta2.ApplicationStateSubmitted, "a", 1)},
		{Status: state(v1beta2.ApplicationStateCompleted, "a", 1)},
	}
	runs := &v1beta2.SparkApplication{Status: state(v1beta2.ApplicationStateRunning, "a", 1)}
	runs.Status.ExecutorState = map[string]v1beta2.ExecutorState{"1": v1beta2.ExecutorStateRunning, "2": v1beta2.ExecutorStatePending, "3": v1beta2.ExecutorStateRunning}
	apps = append(apps, runs)
	runs.Status.ExecutorCounts = &v1beta2.ExecutorCounts{Running: 1200} // more than there are names
	for i, reason := range []string{"ImagePullFailed", "ImagePullFailed", "Stuck"} {
		apps[i].Status.Conditions = []metav1.Condition{{Type: v1beta2.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason}}
	}
	runs.Status.Conditions = []metav1.Condition{{Type: v1beta2.ConditionDriverReady, Status: metav1.ConditionTrue, Reason: "DriverRunning"}}
	clock := clocktesting.NewFakePassiveClock(created.Add(time.Minute))
	if err := m.RegisterGauges(registry, func() iter.Seq[*v1beta2.SparkApplication] { return slices.Values(apps) }, clock); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP spark_application_oldest_pending_seconds Age of the oldest application that waits to be submitted or to start
# TYPE spark_application_oldest_pending_seconds gauge
spark_application_oldest_pending_seconds{app_type="Unknown"} 0
spark_application_oldest_pending_seconds{app_type="etl"} 60
# HELP spark_application_running_count Applications whose driver is running
# TYPE spark_application_running_count gauge
spark_application_running_count{app_type="Unknown"} 1
spark_application_running_count{app_type="etl"} 0
# HELP spark_application_stalled Applications that make no progress, by the reason of their condition Stalled
# TYPE spark_application_stalled gauge
spark_application_stalled{app_type="Unknown",reason="Stuck"} 1
spark_application_stalled{app_type="etl",reason="ImagePullFailed"} 2
# HELP spark_application_state_count Applications by state
# TYPE spark_application_state_count gauge
spark_application_state_count{app_type="Unknown",state="COMPLETED"} 1
spark_application_state_count{app_type="Unknown",state="RUNNING"} 1
spark_application_state_count{app_type="etl",state="NEW"} 1
spark_application_state_count{app_type="etl",state="SUBMITTED"} 1
# HELP spark_executor_running_count Executors that are running
# TYPE spark_executor_running_count gauge
spark_executor_running_count{app_type="Unknown"} 1200
spark_executor_running_count{app_type="etl"} 0
# HELP spark_operator_panics_total Syncs of a controller that panicked
# TYPE spark_operator_panics_total counter
spark_operator_panics_total{controller="sparkapplication"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		// Names with _count are those of kubeflow/spark-operator.
		if !strings.Contains(problem.Metric, "_count") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

func TestMetricsMayBeOff(t *testing.T) {
	var m *Metrics
	m.Transition(&v1beta2.SparkApplicationStatus{}, &v1beta2.SparkApplication{}, Times{created, created})
	if err := m.RegisterGauges(nil, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestRegisterTwiceIsAnError(t *testing.T) {
	_, registry := newMetrics(t, Config{})
	if _, err := New(registry, Config{}); err == nil {
		t.Error("no error")
	}
	if _, err := New(prometheus.NewRegistry(), Config{Labels: []string{"a", "a"}}); err == nil {
		t.Error("no error for a label that is given twice")
	}
}

func TestDefaultBuckets(t *testing.T) {
	if got := DefaultSubmitLatencyBuckets(); !slices.Equal(got, []float64{0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256}) {
		t.Errorf("submit %v", got)
	}
	if got := DefaultStartLatencyBuckets(); !slices.Equal(got, []float64{30, 60, 90, 120, 150, 180, 210, 240, 270, 300}) {
		t.Errorf("start %v", got)
	}
}
