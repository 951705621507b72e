// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// recorded reads a document that a driver in local mode has sent. The folder is named after the
// version of Spark.
func recorded(t *testing.T, folder, name string) []byte {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("testdata", folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestRecordedDrivers: what drivers of several versions show.
func TestRecordedDrivers(t *testing.T) {
	for folder, test := range map[string]struct {
		want    Sample
		summary string
		peaks   Memory
	}{
		"spark-3.5-batch": {
			Sample{StagesCompleted: 3, StagesTotal: 3, TasksFailed: 1, LastBatch: -1}, "3/3 stages",
			Memory{Heap: 74613928, OffHeap: 102205728, Process: 295059456 + 177963008},
		},
		"spark-3.5-dstreams": {
			Sample{StagesCompleted: 1, StagesTotal: 2, TasksActive: 1, DStreams: true, LastBatch: 1, HasRate: true}, "batch 1, 0 rows/s",
			Memory{Heap: 84334896, OffHeap: 94699072, Process: 298872832 + 253620224},
		},
		"spark-4.3-structured": {
			Sample{StagesCompleted: 16, StagesTotal: 18, TasksActive: 2, TasksFailed: 1, Structured: true, LastBatch: 8, Rate: 100, HasRate: true}, "batch 8, 100 rows/s",
			Memory{Heap: 396332792, OffHeap: 206004280, Process: 1175339008},
		},
	} {
		t.Run(folder, func(t *testing.T) {
			got, err := ReadJobs(recorded(t, folder, "jobs"))
			if err == nil && got.Structured {
				var metrics Metrics
				metrics, err = ReadMetrics(recorded(t, folder, "metrics"))
				got.SetRate(metrics)
			}
			if err == nil && got.DStreams {
				err = got.ReadStatistics(recorded(t, folder, "statistics"))
			}
			if err != nil || got != test.want || got.Summary() != test.summary {
				t.Errorf("%+v (%s), %v, want\n%+v (%s)", got, got.Summary(), err, test.want, test.summary)
			}
			// In local mode, the tasks run in the driver.
			peaks, working, err := ReadExecutors(recorded(t, folder, "allexecutors"), time.Time{})
			if err != nil || peaks != (Peaks{Driver: test.peaks}) || working {
				t.Errorf("peaks %+v, %t, %v, want %+v", peaks, working, err, test.peaks)
			}
		})
	}
}

// TestHostileDocuments: numbers that Spark never sends make no figure that is wrong by more than
// a bound, and no text of the document is repeated.
func TestHostileDocuments(t *testing.T) {
	s, err := ReadJobs([]byte(`[{"stageIds":[1],"numActiveTasks":-5,"numFailedTasks":2147483647,"numCompletedStages":2147483647,"numSkippedStages":-2147483648},
		{"numFailedTasks":2147483647,"numCompletedStages":2147483647,"description":"batch = 99999999999999999999\nbatch = -1"}]`))
	if want := (Sample{StagesCompleted: math.MaxInt32, StagesTotal: math.MaxInt32, TasksFailed: math.MaxInt32, LastBatch: -1}); err != nil || s != want {
		t.Errorf("%+v, %v, want %+v", s, err, want)
	}
	for _, document := range []string{"", "null", "{}", `"evil"`, `[{"numActiveTasks":"evil"}]`, `[{"numActiveTasks":1e99}]`, `[1`, `[]]`, `[] []`, strings.Repeat("[", 20_000)} {
		if _, err := ReadJobs([]byte(document)); err == nil || !IsMalformed(err) || strings.Contains(err.Error(), "evil") {
			t.Errorf("%.20q: jobs: %v", document, err)
		}
		if _, _, err := ReadExecutors([]byte(document), epoch); document != `[{"numActiveTasks":"evil"}]` && document != `[{"numActiveTasks":1e99}]` && !IsMalformed(err) {
			t.Errorf("%.20q: executors: %v", document, err)
		}
		statistics := Sample{}
		if err := statistics.ReadStatistics([]byte(document)); !IsMalformed(err) {
			t.Errorf("%.20q: statistics: %v", document, err)
		}
	}
	s = Sample{Structured: true}
	metrics, err := ReadMetrics([]byte(`{"gauges":{"a.spark.streaming.q.inputRate-total":{"value":1e300},"b.spark.streaming.q.inputRate-total":{"value":"NaN"},"c.spark.streaming.q.inputRate-total":{"value":-1}}}`))
	if s.SetRate(metrics); err != nil || s.Rate != 1e15 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestListsTakeLittleMemory: many drivers of one user may answer at the same time, with lists that
// are short as texts and long as lists.
func TestListsTakeLittleMemory(t *testing.T) {
	list := []byte("[" + strings.Repeat("{},", 170_000) + "{}]")
	for name, read := range map[string]func() error{
		"jobs":      func() error { _, err := ReadJobs(list); return err },
		"executors": func() error { _, _, err := ReadExecutors(list, epoch); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*uint64(len(list)) {
			t.Errorf("%s of %d bytes took %d bytes", name, len(list), took)
		}
	}
}

// FuzzDocuments: no document of a driver makes the operator panic.
func FuzzDocuments(f *testing.F) {
	for _, document := range []string{"", "null", "[]", `[{"stageIds":[0,1],"description":"batch = 5"}]`, `{"gauges":{}}`, `{"numTotalCompletedBatches":1}`,
		`{"gauges":{"a.driver.JVMCPU.jvmCpuTime":{"value":1}}}`,
		`[{"id":"1","isActive":true,"totalCores":4,"maxTasks":2,"activeTasks":1,"addTime":"2026-11-30T01:00:00.000GMT","totalDuration":1}]`} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := ReadJobs(document)
		if err != nil {
			s = Sample{}
		}
		metrics, _ := ReadMetrics(document)
		s.SetRate(metrics)
		_ = s.ReadStatistics(document)
		if s.StagesCompleted < 0 || s.StagesTotal < s.StagesCompleted || s.Rate < 0 || len(s.Summary()) > 100 || s.Status() == nil {
			t.Errorf("%+v", s)
		}
		peaks, _, _ := ReadExecutors(document, epoch)
		if cores := peaks.ExecutorCores; cores.Occupied < 0 || cores.Occupied > cores.Total || cores.Total > maxCores {
			t.Errorf("%+v", cores)
		}
		for _, earlier := range []CPUTime{{epoch, 1}, {epoch, math.MaxInt64}} {
			if milliCores, _ := (CPUTime{epoch.Add(time.Minute), metrics.CPU}).Since(earlier); milliCores < 0 || milliCores > 1000*maxCores {
				t.Errorf("%d", milliCores)
			}
		}
	})
}
