// SPDX-License-Identifier: Apache-2.0

// Package metrics counts what happens to applications under the names that
// dashboards and alerts of kubeflow/spark-operator use.
//
// Counters and latencies are recorded when a status has been written, so a
// transition counts once whatever the number of attempts, and a restart counts
// nothing again. Gauges are computed from the caches at the time of a scrape and
// cannot drift.
package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Config names the metrics and their labels.
type Config struct {
	// Prefix is put in front of every name; dashes become underscores.
	Prefix string
	// Labels are keys of labels of the applications that become labels of the
	// metrics, dashes replaced by underscores. The key "namespace" stands for the
	// namespace. A missing label has the value Unknown.
	Labels []string
	// TeamLabel is the key of the label of applications whose value is the label team of
	// the metrics of their usage; empty for none.
	TeamLabel string
	// SubmitLatencyBuckets in seconds; nil: [DefaultSubmitLatencyBuckets].
	SubmitLatencyBuckets []float64
	// StartLatencyBuckets in seconds; nil: [DefaultStartLatencyBuckets].
	StartLatencyBuckets []float64
}

// DefaultSubmitLatencyBuckets returns the buckets, in seconds, of the time from
// the creation of an application to its submission.
func DefaultSubmitLatencyBuckets() []float64 {
	return prometheus.ExponentialBuckets(0.5, 2, 10)
}

// DefaultStartLatencyBuckets returns the buckets, in seconds, of the time from
// the creation of an application to its driver running.
func DefaultStartLatencyBuckets() []float64 {
	return prometheus.LinearBuckets(30, 30, 10)
}

// Metrics records transitions. All methods are safe for concurrent use.
type Metrics struct {
	labels labels
	prefix string

	count, submitCount, failedSubmissionCount *prometheus.CounterVec
	successCount, failureCount                *prometheus.CounterVec
	executorSuccessCount, executorFailure     *prometheus.CounterVec
	successTime, failureTime                  *prometheus.SummaryVec
	submitLatency, startLatency               *prometheus.SummaryVec
	submitHistogram, startHistogram           *prometheus.HistogramVec
	submission, statusLag                     *prometheus.HistogramVec
	panics                                    prometheus.Counter
	usage                                     *usage
}

// New registers the counters and latencies.
func New(registerer prometheus.Registerer, config Config) (*Metrics, error) {
	m := &Metrics{labels: newLabels(config.Labels), prefix: config.Prefix}
	if config.SubmitLatencyBuckets == nil {
		config.SubmitLatencyBuckets = DefaultSubmitLatencyBuckets()
	}
	if config.StartLatencyBuckets == nil {
		config.StartLatencyBuckets = DefaultStartLatencyBuckets()
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.name(name), Help: help}, m.labels.names)
	}
	summary := func(name, help string) *prometheus.SummaryVec {
		return prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: m.name(name), Help: help}, m.labels.names)
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.name(name), Help: help, Buckets: buckets}, m.labels.names)
	}
	m.count = counter("spark_application_count", "Applications handled by the operator")
	m.submitCount = counter("spark_application_submit_count", "Submissions of applications")
	m.failedSubmissionCount = counter("spark_application_failed_submission_count", "Submissions that were refused")
	m.successCount = counter("spark_application_success_count", "Applications that completed")
	m.failureCount = counter("spark_application_failure_count", "Applications that failed")
	m.executorSuccessCount = counter("spark_executor_success_count", "Executors that completed")
	m.executorFailure = counter("spark_executor_failure_count", "Executors that failed")
	m.successTime = summary("spark_application_success_execution_time_seconds", "Time from submission to the end of applications that completed")
	m.failureTime = summary("spark_application_failure_execution_time_seconds", "Time from submission to the end of applications that failed")
	m.submitLatency = summary("spark_application_submit_latency_seconds", "Time from creation to the first submission")
	m.startLatency = summary("spark_application_start_latency_seconds", "Time from creation to the first run of the driver")
	m.submitHistogram = histogram("spark_application_submit_latency_seconds_histogram", "Time from creation to the first submission", config.SubmitLatencyBuckets)
	m.startHistogram = histogram("spark_application_start_latency_seconds_histogram", "Time from creation to the first run of the driver", config.StartLatencyBuckets)
	m.submission = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: m.name("spark_application_submission_duration_seconds"), Help: "Time from when a worker takes an application until the result of its submission is written to the status",
		Buckets: latencyBuckets(),
	}, []string{"result"})
	m.statusLag = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: m.name("spark_application_status_lag_seconds"), Help: "Time from the start or the end of a driver until the status shows it",
		Buckets: latencyBuckets(),
	}, []string{"change"})
	m.panics = NewPanicCounter(config.Prefix, ControllerApplications)
	m.usage = newUsage(m.name, config.TeamLabel)

	return m, Register(registerer, slices.Concat(m.usage.collectors(), []prometheus.Collector{
		m.count, m.submitCount, m.failedSubmissionCount, m.successCount, m.failureCount,
		m.executorSuccessCount, m.executorFailure, m.successTime, m.failureTime,
		m.submitLatency, m.startLatency, m.submitHistogram, m.startHistogram, m.submission, m.statusLag, m.panics,
	})...)
}

// Register registers as many of the metrics as it can.
func Register(registerer prometheus.Registerer, all ...prometheus.Collector) error {
	var failed []error
	for _, collector := range all {
		if err := registerer.Register(collector); err != nil {
			failed = append(failed, fmt.Errorf("register metric: %w", err))
		}
	}
	return errors.Join(failed...)
}

// Name applies the prefix to the name of a metric as kubeflow/spark-operator does.
func Name(prefix, name string) string { return underscored(prefix + name) }

func (m *Metrics) name(name string) string { return Name(m.prefix, name) }

// latencyBuckets returns the buckets, in seconds, of what the operator itself takes.
func latencyBuckets() []float64 {
	return []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}
}

// Times are when a sync took the application from its queue, and when it had written the
// status.
type Times struct{ Taken, Written time.Time }

// Transition records that the status of app was written: before is what it was,
// app.Status what it is. A nil receiver records nothing.
func (m *Metrics) Transition(before *v1beta2.SparkApplicationStatus, app *v1beta2.SparkApplication, at Times) {
	if m == nil {
		return
	}
	m.lag(before, &app.Status, at.Written)
	values := m.labels.values(app)
	m.executors(before, &app.Status, values)
	m.usage.count(before, app)

	status := &app.Status
	from, to := before.AppState.State, status.AppState.State
	if from == to && before.SubmissionID == status.SubmissionID {
		return
	}
	if from == v1beta2.ApplicationStateNew {
		m.count.WithLabelValues(values...).Inc()
	}
	age := at.Written.Sub(app.CreationTimestamp.Time).Seconds()
	switch to {
	case v1beta2.ApplicationStateSubmitted:
		if before.SubmissionID == status.SubmissionID {
			break // the driver went back from running to pending
		}
		m.submitCount.WithLabelValues(values...).Inc()
		m.submission.WithLabelValues("submitted").Observe(at.Written.Sub(at.Taken).Seconds())
		if status.SubmissionAttempts == 1 {
			m.submitLatency.WithLabelValues(values...).Observe(age)
			m.submitHistogram.WithLabelValues(values...).Observe(age)
		}
	case v1beta2.ApplicationStateFailedSubmission:
		m.failedSubmissionCount.WithLabelValues(values...).Inc()
		m.submission.WithLabelValues("refused").Observe(at.Written.Sub(at.Taken).Seconds())
	case v1beta2.ApplicationStateRunning:
		if status.ExecutionAttempts == 1 && from == v1beta2.ApplicationStateSubmitted {
			m.startLatency.WithLabelValues(values...).Observe(age)
			m.startHistogram.WithLabelValues(values...).Observe(age)
		}
	case v1beta2.ApplicationStateCompleted:
		m.successCount.WithLabelValues(values...).Inc()
		observeRun(m.successTime.WithLabelValues(values...), status)
	case v1beta2.ApplicationStateFailed:
		m.failureCount.WithLabelValues(values...).Inc()
		observeRun(m.failureTime.WithLabelValues(values...), status)
	default: // the other states say nothing here
	}
}

// Changes of a driver, as label of the metric.
const (
	changeStarted = "started"
	changeEnded   = "ended"
)

// lag observes how late the status shows that a driver started or ended. The times of
// containers have whole seconds, and are of the clock of the node.
func (m *Metrics) lag(before, after *v1beta2.SparkApplicationStatus, now time.Time) {
	observe := func(change string, since *metav1.Time) {
		if since != nil && !since.IsZero() {
			m.statusLag.WithLabelValues(change).Observe(max(now.Sub(since.Time), 0).Seconds())
		}
	}
	then, current := before.Attempt(after.SubmissionID), after.Attempt(after.SubmissionID)
	if current == nil || then == nil {
		return // a submission, of which nothing is known yet
	}
	if then.StartTime == nil {
		observe(changeStarted, current.StartTime)
	}
	if then.TerminationTime == nil {
		observe(changeEnded, current.TerminationTime)
	}
}

// observeRun observes how long the last attempt took, if one was made.
func observeRun(observer prometheus.Observer, status *v1beta2.SparkApplicationStatus) {
	start, end := status.LastSubmissionAttemptTime, status.TerminationTime
	if !start.IsZero() && !end.IsZero() {
		observer.Observe(end.Sub(start.Time).Seconds())
	}
}

// executors counts executors that ended. Those first seen when they had ended
// already are left out, as in kubeflow/spark-operator.
func (m *Metrics) executors(before, after *v1beta2.SparkApplicationStatus, values []string) {
	for name, state := range after.ExecutorState {
		previous, seen := before.ExecutorState[name]
		if !seen || previous == state {
			continue
		}
		switch state {
		case v1beta2.ExecutorStateCompleted:
			m.executorSuccessCount.WithLabelValues(values...).Inc()
		case v1beta2.ExecutorStateFailed:
			m.executorFailure.WithLabelValues(values...).Inc()
		default: // the other states say nothing here
		}
	}
}

// OwnLabels returns the labels that some metrics have in any case. [Config.Labels] must
// not contain them, as no metric can have a label twice.
func OwnLabels() []string { return []string{"state", "reason", "le", "quantile"} }

// labels turns labels of applications into labels of metrics.
type labels struct{ names []string }

func newLabels(keys []string) labels {
	names := make([]string, 0, len(keys))
	for _, key := range keys {
		names = append(names, underscored(key))
	}
	return labels{names}
}

// unknownValue is the value of a label that the application does not have.
const unknownValue = "Unknown"

func (l labels) values(app *v1beta2.SparkApplication) []string {
	values := make([]string, len(l.names))
	for i, name := range l.names {
		values[i] = unknownValue
		if name == "namespace" {
			values[i] = app.Namespace
			continue
		}
		if value, ok := app.Labels[name]; ok {
			values[i] = value
			continue
		}
		for key, value := range app.Labels {
			if underscored(key) == name {
				values[i] = value
			}
		}
	}
	return values
}

func underscored(text string) string { return strings.ReplaceAll(text, "-", "_") }
