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

// Metrics is what is read of /metrics/json.
type Metrics struct {
	// Rate is the input of all queries of Structured Streaming, in rows per second, and HasRate
	// whether spark.sql.streaming.metricsEnabled has added it.
	Rate    float64
	HasRate bool
	// CPU is how much CPU the JVM of the driver has used; 0 if it is not known.
	CPU time.Duration
}

// ReadMetrics reads /metrics/json.
func ReadMetrics(document []byte) (Metrics, error) {
	var m Metrics
	err := jsonstream.Gauges(bytes.NewReader(document), func(name string, value json.RawMessage) error {
		var rate float64
		var nanoseconds int64
		switch {
		case strings.HasSuffix(name, ".driver.JVMCPU.jvmCpuTime"):
			if json.Unmarshal(value, &nanoseconds) == nil {
				m.CPU = time.Duration(max(nanoseconds, 0))
			}
		case strings.Contains(name, ".spark.streaming.") && strings.HasSuffix(name, ".inputRate-total"):
			if json.Unmarshal(value, &rate) == nil && rate >= 0 {
				m.Rate, m.HasRate = m.Rate+rate, true
			}
		}
		return nil
	})
	if err != nil {
		return Metrics{}, errNotMetrics
	}
	return m, nil
}

// SetRate adds the input rate of Structured Streaming.
func (s *Sample) SetRate(m Metrics) {
	s.Rate, s.HasRate = m.Rate, m.HasRate
	s.boundRate()
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

// View is what is known of a driver.
type View struct {
	// At is when the sample was taken; zero if there is none.
	At     time.Time
	Sample Sample
	Peaks  Peaks
	// CPUSamples is how many averages of the CPU of the driver were taken, and TaskSamples is in
	// how many samples of the executors tasks ran.
	CPUSamples, TaskSamples int32
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

func atLeastZero(n int32) int32 { return max(n, 0) }

func number(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded

// sum is at most the largest number.
func sum(a, b int32) int32 {
	if a > math.MaxInt32-b {
		return math.MaxInt32
	}
	return a + b
}
