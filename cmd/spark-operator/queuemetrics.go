// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/utils/ptr"
)

// queueMetrics adds the label controller to the metrics of work queues. client-go has
// only the label name; kubeflow/spark-operator has both, with the same value, and its
// users select by either.
type queueMetrics struct{ prometheus.Gatherer }

// Gather implements prometheus.Gatherer.
func (q queueMetrics) Gather() ([]*dto.MetricFamily, error) {
	families, err := q.Gatherer.Gather()
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "workqueue_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := metric.GetLabel()
			i := slices.IndexFunc(labels, func(label *dto.LabelPair) bool { return label.GetName() == "name" })
			if i >= 0 {
				// The registry still needs the old slice. Labels are sorted by name.
				metric.Label = slices.Concat(labels[:i], []*dto.LabelPair{{Name: ptr.To("controller"), Value: labels[i].Value}}, labels[i:])
			}
		}
	}
	return families, err
}
