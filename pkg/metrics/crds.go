// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// RegisterMissingFields adds a gauge of how many of the status fields the installed
// CRDs lack. With more than 0, some features of the operator do not work.
func RegisterMissingFields(registerer prometheus.Registerer, prefix string, missing func() []string) error {
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: underscored(prefix) + "spark_operator_crd_missing_status_fields",
		Help: "Status fields that the installed CRDs lack. The API server drops them.",
	}, func() float64 { return float64(len(missing())) })
	if err := registerer.Register(gauge); err != nil {
		return fmt.Errorf("metric of missing status fields: %w", err)
	}
	return nil
}
