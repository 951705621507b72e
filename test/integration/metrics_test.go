// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// freeAddress returns an address of this machine on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// histogram is one as the operator serves it.
type histogram struct {
	count uint64
	// within is how many observations are at most as large as each bound.
	within map[float64]uint64
}

func (h *histogram) String() string {
	var bounds []float64
	for bound := range h.within {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	var parts []string
	for _, bound := range bounds {
		parts = append(parts, fmt.Sprintf("%gs: %d", bound, h.within[bound]))
		if h.within[bound] == h.count {
			break
		}
	}
	return strings.Join(parts, ", ")
}

// scrapeHistogram reads a histogram without labels from the metrics of an operator.
func scrapeHistogram(t *testing.T, address, name string) *histogram {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	metrics := families[name].GetMetric()
	if len(metrics) != 1 {
		t.Fatalf("%d metrics %s", len(metrics), name)
	}
	h := &histogram{count: metrics[0].GetHistogram().GetSampleCount(), within: map[float64]uint64{}}
	for _, bucket := range metrics[0].GetHistogram().GetBucket() {
		h.within[bucket.GetUpperBound()] = bucket.GetCumulativeCount()
	}
	return h
}
