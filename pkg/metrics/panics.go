// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// Controllers by which panics are counted.
const (
	ControllerApplications = "sparkapplication"
	ControllerSchedules    = "scheduledsparkapplication"
	ControllerConnects     = "sparkconnect"
)

// NewPanicCounter returns the counter of the syncs of a controller that panicked.
// Each is a bug in the operator; the sync counts as failed and is tried again,
// and other objects are not affected. The counters of several controllers have the
// same name and can be registered side by side.
func NewPanicCounter(prefix, controller string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name:        Name(prefix, "spark_operator_panics_total"),
		Help:        "Syncs of a controller that panicked",
		ConstLabels: prometheus.Labels{"controller": controller},
	})
}

// Panicked counts a sync of the controller of applications that panicked. A nil
// receiver counts nothing.
func (m *Metrics) Panicked() {
	if m != nil {
		m.panics.Inc()
	}
}
