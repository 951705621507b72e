// SPDX-License-Identifier: Apache-2.0

// Package report keeps what was measured and judges it.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Quantiles of a number of durations, in milliseconds. N is how many there were.
type Quantiles struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	// Curve has the quantiles 0, 0.05, 0.1 up to 1.
	Curve []float64 `json:"curve,omitempty"`
}

// curveStep is the distance of the quantiles in a curve, in percent.
const curveStep = 5

// QuantilesOf sorts the durations.
func QuantilesOf(durations []time.Duration) Quantiles {
	if len(durations) == 0 {
		return Quantiles{}
	}
	slices.Sort(durations)
	at := func(q float64) float64 {
		// The nearest rank, so that the result is one of the durations.
		rank := max(int(math.Ceil(q*float64(len(durations)))), 1)
		return Round(durations[rank-1].Seconds() * 1000)
	}
	quantiles := Quantiles{N: len(durations), P50: at(0.5), P99: at(0.99), Max: at(1)}
	for percent := 0; percent <= 100; percent += curveStep {
		quantiles.Curve = append(quantiles.Curve, at(float64(percent)/100))
	}
	return quantiles
}

// Bounds are quantiles, in milliseconds, of which only upper bounds are known:
// client-go counts waits in buckets that end at powers of ten, so a true value may be
// a tenth of what is here. A quantile beyond the last bucket, which ends at 10 s, is
// left out.
type Bounds struct {
	P50 float64 `json:"p50,omitempty"`
	P99 float64 `json:"p99,omitempty"`
}

// BoundsOf takes the bounds of two quantiles, in seconds. It is nil if nothing was
// counted, which is NaN; what is beyond the last bucket is infinite.
func BoundsOf(p50, p99 float64) *Bounds {
	if math.IsNaN(p50) || math.IsNaN(p99) {
		return nil
	}
	milliseconds := func(seconds float64) float64 {
		if math.IsInf(seconds, 0) {
			return 0
		}
		return max(Round(1000*seconds), 0.01) // a bound must not be rounded to nothing
	}
	return &Bounds{P50: milliseconds(p50), P99: milliseconds(p99)}
}

// Round drops digits that mean nothing.
func Round(value float64) float64 {
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return -1
	case math.Abs(value) >= 100:
		return math.Round(value)
	}
	return math.Round(value*100) / 100
}

// CPU is what each process used per application, in milliseconds. Bench is this
// program: kubelet, user and, where there is no operator, the floor.
type CPU struct {
	Operator  float64 `json:"operator"`
	APIServer float64 `json:"apiserver"`
	Etcd      float64 `json:"etcd"`
	Bench     float64 `json:"bench"`
}

// Total is the time of all processes.
func (c CPU) Total() float64 { return c.Operator + c.APIServer + c.Etcd + c.Bench }

// Leg is one run, with the operator or with the floor in its place.
type Leg struct {
	Apps    int     `json:"apps"`
	Seconds float64 `json:"seconds"`
	// SubmittedPerMinute counts until the last driver pod, FinishedPerMinute until
	// the last application was seen in its last state.
	SubmittedPerMinute float64   `json:"submittedPerMinute"`
	FinishedPerMinute  float64   `json:"finishedPerMinute"`
	CreateToDriver     Quantiles `json:"createToDriverMs"`
	StatusLag          Quantiles `json:"statusLagMs"`
	WritesPerApp       float64   `json:"writesPerApp"`
	ReadsPerApp        float64   `json:"readsPerApp"`
	// Requests per application, by verb and resource; Refused are those among them
	// that the API server refused.
	Requests map[string]float64 `json:"requests"`
	Refused  map[string]float64 `json:"refused,omitempty"`
	CPU      CPU                `json:"cpuMsPerApp"`
}

// Result is what one scenario found out.
type Result struct {
	Scenario  string    `json:"scenario"`
	Time      time.Time `json:"time"`
	Commit    string    `json:"commit"`
	Executors int       `json:"executors"`
	// TookSeconds is the duration of the scenario, including the start of the servers,
	// the creation of existing objects, and the floor.
	TookSeconds float64 `json:"tookSeconds"`
	// Stolen is the share of the processors, from 0 to 1, that others on the host took
	// meanwhile. Wall-clock times are unreliable under CPU steal.
	Stolen float64 `json:"stolen,omitempty"`
	// Cold is set if nothing was warmed up, so that times are not meaningful.
	Cold bool `json:"cold,omitempty"`
	Leg
	// Floor are the measurements of the floor before and after the operator, together.
	Floor *Leg `json:"floor,omitempty"`
	// Ratio of FinishedPerMinute to that of the floor. CPURatio compares the CPU time
	// that all processes together needed for an application, the floor's by the
	// operator's: on a machine that has nothing else to wait for this is the same
	// ratio. It leaves out the time that others took from this machine, but not that
	// its processors are slower while others use the same caches and the same power.
	Ratio    float64 `json:"ratioToFloor,omitempty"`
	CPURatio float64 `json:"cpuRatioToFloor,omitempty"`

	// Of the operator's process.
	RSSPeakMB     float64 `json:"rssPeakMB"`
	AllocsPerApp  float64 `json:"allocationsPerApp"`
	AllocKBPerApp float64 `json:"allocatedKBPerApp"`
	Goroutines    float64 `json:"goroutines"`
	// QueueWait is how long keys waited in the operator's queue. It is nil if the process
	// that counted it was killed.
	QueueWait *Bounds `json:"queueWaitAtMostMs,omitempty"`

	// Duplicates are driver pods too many: beyond one per attempt where failed runs are
	// repeated, beyond one per application elsewhere. Lost are applications that
	// never got a driver or never came to their end, Overlaps are drivers created
	// while another of the same application had not ended.
	Duplicates int `json:"duplicates"`
	Lost       int `json:"lost"`
	Overlaps   int `json:"overlaps"`

	// Figures of this scenario only.
	Extra map[string]float64 `json:"extra,omitempty"`
}

// ForgetCosts drops what an application cost, where it was not only the
// applications of the result that were running.
func (r *Result) ForgetCosts() {
	r.WritesPerApp, r.ReadsPerApp, r.Requests, r.Refused = 0, 0, nil, nil
	r.CPU, r.AllocsPerApp, r.AllocKBPerApp = CPU{}, 0, 0
}

// Read reads the results that Write has written to a file.
func Read(path string) ([]*Result, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	var results []*Result
	for line := range bytes.Lines(content) {
		result := &Result{}
		if err := json.Unmarshal(line, result); err != nil {
			return nil, fmt.Errorf("results in %s: %w", path, err)
		}
		results = append(results, result)
	}
	return results, nil
}

// Write writes the result as one line, to w and to the end of a file unless its
// path is empty.
func (r *Result) Write(w io.Writer, path string) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("result of %s: %w", r.Scenario, err)
	}
	line = append(line, '\n')
	if _, err := w.Write(line); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if _, err := file.Write(line); err != nil {
		return errors.Join(fmt.Errorf("results: %w", err), file.Close())
	}
	return file.Close()
}
