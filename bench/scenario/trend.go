// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/bench/report"
)

// trend is how large an operator was over time.
type trend struct {
	resident, goroutines []float64
}

// sampleMax bounds the look at an operator, which may just have no time for it.
const sampleMax = time.Second

// sample looks at the operator by its own metrics. One that does not answer is
// looked at the next time.
func (t *trend) sample(ctx context.Context, l *leg) {
	ctx, cancel := context.WithTimeout(ctx, sampleMax)
	defer cancel()
	metrics, err := l.operator.Metrics(ctx)
	if err != nil {
		return
	}
	t.resident = append(t.resident, metrics["process_resident_memory_bytes"])
	t.goroutines = append(t.goroutines, metrics["go_goroutines"])
}

// describe adds to figures what of the operator has grown, and how many samples
// say so.
func (t *trend) describe(figures map[string]float64) {
	figures["samples"] = float64(len(t.resident))
	figures["memoryGrowth"] = growth(t.resident)
	figures["goroutineGrowth"] = growth(t.goroutines)
	figures["residentMB"] = report.Round(median(t.resident) / (1 << 20))
	figures["goroutines"] = median(t.goroutines)
}

// fewestSamples is how many samples each half needs.
const fewestSamples = 5

// growth is the median of the second half of the samples divided by the median of the
// first half: 1 for no growth, regardless of single samples; -1 for too few samples.
func growth(samples []float64) float64 {
	half := len(samples) / 2
	if half < fewestSamples {
		return -1
	}
	return report.Round(median(samples[half:]) / median(samples[:half]))
}

func median(samples []float64) float64 {
	if len(samples) == 0 {
		return -1
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}
