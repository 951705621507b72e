// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/bench/report"
)

// Fifteen minutes of soak, a sample every two seconds.
const soakSamples = 450

// verdicts judges a soak with such an operator.
func verdicts(t *testing.T, resident, goroutines func(n int) float64, samples int) (memoryFlat, goroutinesFlat bool) {
	t.Helper()
	var seen trend
	for n := range samples {
		seen.resident = append(seen.resident, resident(n))
		seen.goroutines = append(seen.goroutines, goroutines(n))
	}
	result := &report.Result{Scenario: "soak", Extra: map[string]float64{}}
	seen.describe(result.Extra)
	found := 0
	for _, verdict := range report.Judge([]*report.Result{result}) {
		switch {
		case strings.HasPrefix(verdict.Target, "memory "):
			memoryFlat, found = verdict.OK, found+1
		case strings.HasPrefix(verdict.Target, "goroutines "):
			goroutinesFlat, found = verdict.OK, found+1
		}
	}
	if found != 2 {
		t.Fatalf("%d verdicts, want one on memory and one on goroutines", found)
	}
	return memoryFlat, goroutinesFlat
}

func TestTrend(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	// Garbage is collected when the heap has grown by half; every thirtieth sample is
	// of a moment at which everything is busy.
	memory := func(n int) float64 {
		size := 50e6 + 10e6*random.Float64()
		if n%30 == 0 {
			size += 40e6
		}
		return size
	}
	routines := func(n int) float64 {
		count := float64(95 + random.IntN(12))
		if n%30 == 0 {
			count += 60
		}
		return count
	}
	// Every application, of which there is one a second, leaves 20 KB behind; every
	// twentieth leaves a goroutine.
	leakingMemory := func(n int) float64 { return memory(n) + 40e3*float64(n) }
	leakingRoutines := func(n int) float64 { return routines(n) + float64(n)/10 }
	for _, c := range []struct {
		name                       string
		resident, goroutines       func(int) float64
		samples                    int
		memoryFlat, goroutinesFlat bool
	}{
		{"flat", memory, routines, soakSamples, true, true},
		{"memory is lost", leakingMemory, routines, soakSamples, false, true},
		{"goroutines are lost", memory, leakingRoutines, soakSamples, true, false},
		{"hardly any samples", memory, routines, 2*fewestSamples - 1, false, false},
		{"no samples", memory, routines, 0, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			memoryFlat, goroutinesFlat := verdicts(t, c.resident, c.goroutines, c.samples)
			if memoryFlat != c.memoryFlat || goroutinesFlat != c.goroutinesFlat {
				t.Errorf("memory flat %t, goroutines flat %t; want %t and %t", memoryFlat, goroutinesFlat, c.memoryFlat, c.goroutinesFlat)
			}
		})
	}
}
