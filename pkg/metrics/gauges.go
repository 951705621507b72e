// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// RegisterGauges registers gauges that are computed from the cached applications
// at each scrape. Call it once this process is the leader: a standby would report
// the same applications a second time.
func (m *Metrics) RegisterGauges(registerer prometheus.Registerer, applications func() iter.Seq[*v1beta2.SparkApplication], clk clock.PassiveClock) error {
	if m == nil {
		return nil
	}
	describe := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc(m.name(name), help, append(more, m.labels.names...), nil)
	}
	err := registerer.Register(&gauges{
		labels:       m.labels,
		applications: applications,
		clock:        clk,
		running:      describe("spark_application_running_count", "Applications whose driver is running"),
		executors:    describe("spark_executor_running_count", "Executors that are running"),
		states:       describe("spark_application_state_count", "Applications by state", "state"),
		stalled:      describe("spark_application_stalled", "Applications that make no progress, by the reason of their condition Stalled", "reason"),
		oldest:       describe("spark_application_oldest_pending_seconds", "Age of the oldest application that waits to be submitted or to start"),
	})
	if err != nil {
		return fmt.Errorf("register gauges: %w", err)
	}
	return nil
}

type gauges struct {
	labels       labels
	applications func() iter.Seq[*v1beta2.SparkApplication]
	clock        clock.PassiveClock

	running, executors, states, stalled, oldest *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{g.running, g.executors, g.states, g.stalled, g.oldest} {
		descriptions <- description
	}
}

// tally is what the applications with the same label values add up to.
type tally struct {
	values             []string
	running, executors float64
	states             map[v1beta2.ApplicationStateType]float64
	stalled            map[string]float64
	oldest             time.Duration
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(metrics chan<- prometheus.Metric) {
	now := g.clock.Now()
	tallies := map[string]*tally{}
	for app := range g.applications() {
		values := g.labels.values(app)
		key := strings.Join(values, "\x00")
		t := tallies[key]
		if t == nil {
			t = &tally{values: values, states: map[v1beta2.ApplicationStateType]float64{}, stalled: map[string]float64{}}
			tallies[key] = t
		}
		t.add(app, now)
	}
	gauge := func(description *prometheus.Desc, value float64, values ...string) {
		metrics <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, values...)
	}
	for _, t := range tallies {
		gauge(g.running, t.running, t.values...)
		gauge(g.executors, t.executors, t.values...)
		gauge(g.oldest, t.oldest.Seconds(), t.values...)
		for state, count := range t.states {
			gauge(g.states, count, append([]string{stateLabel(state)}, t.values...)...)
		}
		for reason, count := range t.stalled {
			gauge(g.stalled, count, append([]string{reason}, t.values...)...)
		}
	}
}

// stateLabel names the state; the empty one of a new application reads better as
// a word.
func stateLabel(state v1beta2.ApplicationStateType) string {
	if state == v1beta2.ApplicationStateNew {
		return "NEW"
	}
	return string(state)
}

func (t *tally) add(app *v1beta2.SparkApplication, now time.Time) {
	state := app.Status.AppState.State
	t.states[state]++
	if stalled := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled); stalled != nil && stalled.Status == metav1.ConditionTrue {
		t.stalled[stalled.Reason]++
	}
	var since time.Time
	switch state {
	case v1beta2.ApplicationStateNew:
		since = app.CreationTimestamp.Time
	case v1beta2.ApplicationStateSubmitted:
		since = app.Status.LastSubmissionAttemptTime.Time
	case v1beta2.ApplicationStateRunning:
		t.running++
	default: // the other states say nothing here
	}
	if !since.IsZero() {
		t.oldest = max(t.oldest, now.Sub(since))
	}
	if counts := app.Status.ExecutorCounts; counts != nil {
		t.executors += float64(counts.Running)
		return
	}
	// The status is older than this version.
	for _, executor := range app.Status.ExecutorState {
		if executor == v1beta2.ExecutorStateRunning {
			t.executors++
		}
	}
}
