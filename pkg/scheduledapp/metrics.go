// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/metrics"
)

// Metrics counts what happens to schedules. All methods are safe for concurrent
// use, and those of a nil Metrics do nothing.
type Metrics struct {
	prefix string
	runs   *prometheus.CounterVec
	missed *prometheus.CounterVec
	lag    prometheus.Histogram
	panics prometheus.Counter
}

// Why a time of a schedule passed without a run, as label of the metric.
const (
	missedLate    = "late"    // given up: too late, or superseded by a later one
	missedForbids = "forbids" // another run was going
)

// NewMetrics registers counters and the histogram of lags. The prefix is put in
// front of every name; dashes become underscores.
func NewMetrics(registerer prometheus.Registerer, prefix string) (*Metrics, error) {
	m := &Metrics{prefix: prefix}
	m.runs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: m.name("scheduled_spark_application_run_count"),
		Help: "Runs started by schedules",
	}, []string{"namespace"})
	m.missed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: m.name("scheduled_spark_application_missed_run_count"),
		Help: "Scheduled times that passed without a run",
	}, []string{"namespace", "reason"})
	m.lag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    m.name("scheduled_spark_application_lag_seconds"),
		Help:    "Time from when a run is due until its SparkApplication is created",
		Buckets: []float64{0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800, 3600, 86400},
	})
	m.panics = metrics.NewPanicCounter(prefix, metrics.ControllerSchedules)
	return m, metrics.Register(registerer, m.runs, m.missed, m.lag, m.panics)
}

func (m *Metrics) name(name string) string { return metrics.Name(m.prefix, name) }

// panicked counts a sync of a schedule that panicked.
func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// created records that a run was created so long after it was due.
func (m *Metrics) created(lag time.Duration) {
	if m != nil {
		m.lag.Observe(max(lag, 0).Seconds())
	}
}

// settled records what became of times of a schedule.
func (m *Metrics) settled(namespace string, p *plan) {
	if m == nil {
		return
	}
	started := len(p.recorded)
	if p.request.started != nil && !p.request.scheduled {
		started++
	}
	if started > 0 {
		m.runs.WithLabelValues(namespace).Add(float64(started))
	}
	if p.verdict.missed > 0 {
		m.missed.WithLabelValues(namespace, missedLate).Add(float64(p.verdict.missed))
	}
	if !p.verdict.skipped.IsZero() {
		m.missed.WithLabelValues(namespace, missedForbids).Inc()
	}
}

// RegisterGauges registers gauges that are computed from the cached schedules at
// each scrape. Call it once this process is the leader.
func (m *Metrics) RegisterGauges(registerer prometheus.Registerer, schedules func() iter.Seq[*v1beta2.ScheduledSparkApplication]) error {
	if m == nil {
		return nil
	}
	err := registerer.Register(metrics.NewStateGauge(m.name("scheduled_spark_application_state_count"), "Schedules by state", schedules, stateLabel,
		"New", "Scheduled", "Suspended", "FailedValidation"))
	if err != nil {
		return fmt.Errorf("register gauges: %w", err)
	}
	return nil
}

// stateLabel is the state of a schedule; one that is suspended has no state of
// its own in the API.
func stateLabel(app *v1beta2.ScheduledSparkApplication) string {
	switch state := app.Status.ScheduleState; {
	case state == v1beta2.ScheduleStateNew:
		return "New"
	case state == v1beta2.ScheduleStateScheduled && ptr.Deref(app.Spec.Suspend, false):
		return "Suspended"
	default:
		return string(state)
	}
}
