// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"fmt"
	"iter"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/connect/probe"
	"github.com/spark-operator/spark-operator/pkg/metrics"
)

// Metrics counts what happens to servers. All methods are safe for concurrent use, and
// those of a nil Metrics do nothing.
type Metrics struct {
	prefix string
	stops  *prometheus.CounterVec
	probes *prometheus.CounterVec
	use    *prometheus.CounterVec
	panics prometheus.Counter
}

// NewMetrics registers the counters. The prefix is put in front of every name; dashes
// become underscores.
func NewMetrics(registerer prometheus.Registerer, prefix string) (*Metrics, error) {
	m := &Metrics{prefix: prefix}
	m.stops = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: m.name("spark_connect_stops_total"),
		Help: "Spark Connect servers that were stopped",
	}, []string{"namespace", "reason"})
	m.probes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: m.name("spark_connect_probes_total"),
		Help: "Probes of Spark Connect servers for idleness, by result",
	}, []string{"namespace", "result"})
	m.use = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: m.name("spark_connect_use_seconds_total"),
		Help: "Time between successful probes of Spark Connect servers, by use: Busy or Idle",
	}, []string{"namespace", "use"})
	m.panics = metrics.NewPanicCounter(prefix, metrics.ControllerConnects)
	return m, metrics.Register(registerer, m.stops, m.probes, m.use, m.panics)
}

func (m *Metrics) name(name string) string { return metrics.Name(m.prefix, name) }

// panicked counts a sync that panicked.
func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

func (m *Metrics) stopped(namespace string, reason v1alpha1.StopReason) {
	if m != nil {
		m.stops.WithLabelValues(namespace, string(reason)).Inc()
	}
}

// probed counts a probe, and the time since the one before.
func (m *Metrics) probed(p *probe.Probed) {
	if m == nil {
		return
	}
	if p.After.Failure != nil {
		m.probes.WithLabelValues(p.Key.Namespace, p.After.Failure.Reason).Inc()
		return
	}
	m.probes.WithLabelValues(p.Key.Namespace, "Succeeded").Inc()
	before, after := &p.Before.Track, &p.After.Track
	if passed := after.At.Sub(before.At); before.Known && before.Failures == 0 && passed > 0 {
		use := "Idle"
		if !after.LastActivity.Before(after.At) {
			use = "Busy"
		}
		m.use.WithLabelValues(p.Key.Namespace, use).Add(passed.Seconds())
	}
}

// RegisterGauges registers gauges that are computed from the cached servers at each scrape.
// Call it once this process is the leader.
func (m *Metrics) RegisterGauges(registerer prometheus.Registerer, connects func() iter.Seq[*v1alpha1.SparkConnect]) error {
	if m == nil {
		return nil
	}
	err := registerer.Register(metrics.NewStateGauge(m.name("spark_connect_servers"), "Spark Connect servers by state", connects, stateLabel,
		"New", "Provisioning", "Ready", "NotReady", "Stopped", "Failed"))
	if err != nil {
		return fmt.Errorf("register gauges: %w", err)
	}
	err = registerer.Register(&sessionsGauge{connects, prometheus.NewDesc(m.name("spark_connect_open_sessions"),
		"Open sessions of Spark Connect servers with spec.idleTimeout", []string{"namespace"}, nil)})
	if err != nil {
		return fmt.Errorf("register gauges: %w", err)
	}
	return nil
}

// sessionsGauge adds up the open sessions of the cached servers at each scrape.
type sessionsGauge struct {
	connects    func() iter.Seq[*v1alpha1.SparkConnect]
	description *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (g *sessionsGauge) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- g.description }

// Collect implements prometheus.Collector.
func (g *sessionsGauge) Collect(values chan<- prometheus.Metric) {
	open := map[string]float64{}
	for connect := range g.connects() {
		if sessions := connect.Status.OpenSessions; sessions != nil {
			open[connect.Namespace] += float64(*sessions)
		}
	}
	for namespace, sessions := range open {
		values <- prometheus.MustNewConstMetric(g.description, prometheus.GaugeValue, sessions, namespace)
	}
}

// stateLabel is the state of a server; one that is stopped has no state of its own in the
// API.
func stateLabel(connect *v1alpha1.SparkConnect) string {
	switch state := connect.Status.State; {
	case state == v1alpha1.SparkConnectStateNew:
		return "New"
	case connect.Status.StopReason != "":
		return "Stopped"
	default:
		return string(state)
	}
}
