// SPDX-License-Identifier: Apache-2.0

// Package progress reads from the REST API of a Spark driver how far its application is.
//
// It is pure: it gets the documents that package sampler has requested. They come from a pod
// of a user and may contain anything.
package progress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/webui/jsonstream"
)

// Sample is what a driver shows at one moment.
type Sample struct {
	StagesCompleted, StagesTotal int32
	TasksActive, TasksFailed     int32

	// Structured is set if batches of Structured Streaming run, and DStreams if those of the
	// older API do.
	Structured, DStreams bool
	// LastBatch is the number of the latest batch.
	LastBatch int64
	// Rate is the input in rows per second, and HasRate whether it is known.
	Rate    float64
	HasRate bool
}

// errNotJobs and the others name the document that cannot be read. Nothing of its content is
// repeated.
var (
	errNotJobs       = errors.New("the list of jobs cannot be read")
	errNotExecutors  = errors.New("the list of executors cannot be read")
	errNotMetrics    = errors.New("the metrics cannot be read")
	errNotStatistics = errors.New("the statistics of streaming cannot be read")
)

// IsMalformed reports whether an error says that a document cannot be read.
func IsMalformed(err error) bool {
	return errors.Is(err, errNotJobs) || errors.Is(err, errNotExecutors) || errors.Is(err, errNotMetrics) || errors.Is(err, errNotStatistics)
}

// job is what is read of an element of /api/v1/applications/ID/jobs (JobData).
type job struct {
	Description string  `json:"description"`
	Name        string  `json:"name"`
	StageIDs    []int64 `json:"stageIds"`

	ActiveTasks     int32 `json:"numActiveTasks"`
	FailedTasks     int32 `json:"numFailedTasks"`
	CompletedStages int32 `json:"numCompletedStages"`
	SkippedStages   int32 `json:"numSkippedStages"`
}

// ReadJobs reads the list of the jobs that Spark remembers: 1000 by default.
func ReadJobs(document []byte) (Sample, error) {
	s := Sample{LastBatch: -1}
	err := jsonstream.List(bytes.NewReader(document), func(j *job) {
		completed := atLeastZero(j.CompletedStages)
		s.StagesCompleted = sum(s.StagesCompleted, completed)
		s.StagesTotal = sum(s.StagesTotal, max(number(len(j.StageIDs))-atLeastZero(j.SkippedStages), completed))
		s.TasksActive = sum(s.TasksActive, atLeastZero(j.ActiveTasks))
		s.TasksFailed = sum(s.TasksFailed, atLeastZero(j.FailedTasks))
		if batch, ok := batchOf(j.Description); ok {
			s.Structured = true
			s.LastBatch = max(s.LastBatch, batch)
		}
		s.DStreams = s.DStreams || strings.Contains(j.Description, "Streaming job from") || strings.HasPrefix(j.Name, "Streaming job from")
	})
	if err != nil {
		return Sample{}, errNotJobs
	}
	return s, nil
}

// batchOf finds the number of a batch in the description that Structured Streaming gives to
// its jobs: lines such as "batch = 5".
func batchOf(description string) (int64, bool) {
	for line := range strings.Lines(description) {
		text, found := strings.CutPrefix(strings.TrimSpace(line), "batch = ")
		if number, err := strconv.ParseInt(text, 10, 64); found && err == nil && number >= 0 {
			return number, true
		}
	}
	return 0, false
}

// ReadMetrics adds the input rate of Structured Streaming: the sum over all queries of the
// gauges that spark.sql.streaming.metricsEnabled adds to /metrics/json.
func (s *Sample) ReadMetrics(document []byte) error {
	sum, known := 0.0, false
	err := jsonstream.Gauges(bytes.NewReader(document), func(name string, value json.RawMessage) error {
		var rate float64
		if strings.Contains(name, ".spark.streaming.") && strings.HasSuffix(name, ".inputRate-total") && json.Unmarshal(value, &rate) == nil && rate >= 0 {
			sum, known = sum+rate, true
		}
		return nil
	})
	if err != nil {
		return errNotMetrics
	}
	s.Rate, s.HasRate = sum, known
	s.boundRate()
	return nil
}

// ReadStatistics adds what /api/v1/applications/ID/streaming/statistics shows of DStreams.
func (s *Sample) ReadStatistics(document []byte) error {
	var statistics struct {
		Completed *int64   `json:"numTotalCompletedBatches"`
		Rate      *float64 `json:"avgInputRate"`
	}
	if err := json.Unmarshal(document, &statistics); err != nil || statistics.Completed == nil || *statistics.Completed < 0 {
		return errNotStatistics
	}
	s.LastBatch = *statistics.Completed
	if statistics.Rate != nil && *statistics.Rate >= 0 {
		s.Rate, s.HasRate = *statistics.Rate, true
	}
	s.boundRate()
	return nil
}

// boundRate keeps one digit after the point, of a number that a status can hold.
func (s *Sample) boundRate() { s.Rate = math.Round(min(s.Rate, 1e15)*10) / 10 }

// Summary is the sample in short.
func (s *Sample) Summary() string {
	if s.Structured || s.DStreams {
		text := fmt.Sprintf("batch %d", max(s.LastBatch, 0))
		if s.HasRate {
			text += fmt.Sprintf(", %.0f rows/s", s.Rate)
		}
		return text
	}
	return fmt.Sprintf("%d/%d stages", s.StagesCompleted, s.StagesTotal)
}

// Memory is what one role has used at most, in bytes.
type Memory struct{ Heap, OffHeap, Process int64 }

// Merge returns the larger of each.
func (m Memory) Merge(other Memory) Memory {
	return Memory{max(m.Heap, other.Heap), max(m.OffHeap, other.OffHeap), max(m.Process, other.Process)}
}

// Peaks is what driver and executors have used at most.
type Peaks struct{ Driver, Executor Memory }

// ReadExecutors reads /api/v1/applications/ID/allexecutors.
func ReadExecutors(document []byte) (Peaks, error) {
	type executor struct {
		ID    string `json:"id"`
		Peaks struct {
			Heap    int64 `json:"JVMHeapMemory"`
			OffHeap int64 `json:"JVMOffHeapMemory"`
			JVM     int64 `json:"ProcessTreeJVMRSSMemory"`
			Python  int64 `json:"ProcessTreePythonRSSMemory"`
			Other   int64 `json:"ProcessTreeOtherRSSMemory"`
		} `json:"peakMemoryMetrics"`
	}
	var peaks Peaks
	err := jsonstream.List(bytes.NewReader(document), func(e *executor) {
		p := &e.Peaks
		// Each is bounded, so that a sum does not overflow.
		memory := Memory{bounded(p.Heap), bounded(p.OffHeap), bounded(p.JVM) + bounded(p.Python) + bounded(p.Other)}
		if e.ID == "driver" {
			peaks.Driver = peaks.Driver.Merge(memory)
		} else {
			peaks.Executor = peaks.Executor.Merge(memory)
		}
	})
	if err != nil {
		return Peaks{}, errNotExecutors
	}
	return peaks, nil
}

// View is what is known of a driver.
type View struct {
	// At is when the sample was taken; zero if there is none.
	At     time.Time
	Sample Sample
	Peaks  Peaks
	// Failure says why the latest samples failed; empty if they did not.
	Failure string
}

// Status is the sample as the status shows it, without the time.
func (s *Sample) Status() *v1beta2.Progress {
	p := &v1beta2.Progress{
		Summary:         s.Summary(),
		StagesCompleted: s.StagesCompleted, StagesTotal: s.StagesTotal,
		TasksActive: s.TasksActive, TasksFailed: s.TasksFailed,
	}
	if s.Structured || s.DStreams {
		p.Streaming = &v1beta2.StreamingProgress{LastBatch: max(s.LastBatch, 0)}
		if s.HasRate {
			rate := s.Rate
			p.Streaming.InputRowsPerSecond = &rate
		}
	}
	return p
}

// maxBytes is more than any pod has.
const maxBytes = 1 << 50

func bounded(n int64) int64 { return min(max(n, 0), maxBytes) }

func atLeastZero(n int32) int32 { return max(n, 0) }

func number(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded

// sum is at most the largest number.
func sum(a, b int32) int32 {
	if a > math.MaxInt32-b {
		return math.MaxInt32
	}
	return a + b
}
