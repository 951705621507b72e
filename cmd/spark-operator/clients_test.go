// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/rehearsal"
	"github.com/spark-operator/spark-operator/pkg/serverclock"
	"github.com/spark-operator/spark-operator/pkg/tracing"
)

// TestTransportsCanBeUnwrapped: client-go finds the transport below each of ours, whose
// connections it closes and whose requests it cancels.
func TestTransportsCanBeUnwrapped(t *testing.T) {
	for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"metrics":   (&metrics.Requests{}).Wrap,
		"rehearsal": rehearsal.Wrap,
		"clock":     (&serverclock.Clock{}).Wrap,
		"tracing":   (&tracing.Tracer{}).Wrap,
	} {
		if _, err := utilnet.TLSClientConfig(wrap(&http.Transport{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
