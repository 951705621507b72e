// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// failed is the outcome of what was no review.
const failed webhook.Outcome = "error"

// Metrics count reviews. A nil pointer counts nothing.
type Metrics struct {
	registry prometheus.Registerer
	clock    clock.PassiveClock
	reviews  *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	panics   prometheus.Counter
}

// NewMetrics registers the metrics of the server.
func NewMetrics(registry prometheus.Registerer, clock clock.PassiveClock) (*Metrics, error) {
	m := &Metrics{
		registry: registry,
		clock:    clock,
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spark_operator_webhook_reviews_total",
			Help: "Admission reviews by webhook and outcome: allowed, patched, denied, or error for a request that was not a review",
		}, []string{"webhook", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "spark_operator_webhook_review_duration_seconds",
			Help:    "Time from the headers of an admission review to its answer",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"webhook"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "spark_operator_webhook_panics_total",
			Help: "Reviews that were not answered because of a mistake in the webhook",
		}),
	}
	for _, collector := range []prometheus.Collector{m.reviews, m.seconds, m.panics} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("metrics of the webhook: %w", err)
		}
	}
	return m, nil
}

// began counts a review whose outcome finished is given. Only known paths get here.
func (m *Metrics) began(path string) (finished func(webhook.Outcome)) {
	if m == nil {
		return func(webhook.Outcome) {}
	}
	name, begun := strings.TrimPrefix(path, "/"), m.clock.Now()
	return func(outcome webhook.Outcome) {
		m.reviews.WithLabelValues(name, string(outcome)).Inc()
		m.seconds.WithLabelValues(name).Observe(m.clock.Since(begun).Seconds())
	}
}

func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// countConnections shows the number of open connections. A second server in the process
// is not counted.
func (m *Metrics) countConnections(open func() int) {
	if m == nil {
		return
	}
	_ = m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spark_operator_webhook_connections",
		Help: "Open connections to the webhook",
	}, func() float64 { return float64(open()) }))
}
