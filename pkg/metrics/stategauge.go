// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"iter"

	"github.com/prometheus/client_golang/prometheus"
)

// StateGauge counts the objects of a kind by their state at each scrape.
type StateGauge[T any] struct {
	objects     func() iter.Seq[T]
	state       func(T) string
	states      []string
	description *prometheus.Desc
}

// NewStateGauge returns the gauge of the objects. State names the state of one; those of
// states are there with 0, too.
func NewStateGauge[T any](name, help string, objects func() iter.Seq[T], state func(T) string, states ...string) *StateGauge[T] {
	return &StateGauge[T]{objects, state, states, prometheus.NewDesc(name, help, []string{"state"}, nil)}
}

// Describe implements prometheus.Collector.
func (g *StateGauge[T]) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- g.description
}

// Collect implements prometheus.Collector.
func (g *StateGauge[T]) Collect(values chan<- prometheus.Metric) {
	counts := make(map[string]float64, len(g.states))
	for _, state := range g.states {
		counts[state] = 0
	}
	for object := range g.objects() {
		counts[g.state(object)]++
	}
	for state, count := range counts {
		values <- prometheus.MustNewConstMetric(g.description, prometheus.GaugeValue, count, state)
	}
}
