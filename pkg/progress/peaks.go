// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"math"
	"time"

	"github.com/spark-operator/spark-operator/pkg/webui/jsonstream"
)

// Memory is what one role has used at most, in bytes.
type Memory struct{ Heap, OffHeap, Process int64 }

// Merge returns the larger of each.
func (m Memory) Merge(other Memory) Memory {
	return Memory{max(m.Heap, other.Heap), max(m.OffHeap, other.OffHeap), max(m.Process, other.Process)}
}

// Cores is how many cores an executor has (spark.executor.cores), and how many of them its tasks
// have occupied at most. It does not say how busy these cores were.
type Cores struct{ Total, Occupied int32 }

// Merge returns the larger of each.
func (c Cores) Merge(other Cores) Cores {
	return Cores{max(c.Total, other.Total), max(c.Occupied, other.Occupied)}
}

// Peaks is what driver and executors have used at most.
type Peaks struct {
	Driver, Executor Memory
	// DriverMilliCores is the CPU of the JVM of the driver, in thousandths of a core: the highest
	// average between two samples.
	DriverMilliCores int64
	ExecutorCores    Cores
}

// Merge returns the larger of each.
func (p Peaks) Merge(other Peaks) Peaks {
	return Peaks{
		p.Driver.Merge(other.Driver), p.Executor.Merge(other.Executor),
		max(p.DriverMilliCores, other.DriverMilliCores), p.ExecutorCores.Merge(other.ExecutorCores),
	}
}

// executor is what is read of an element of /api/v1/applications/ID/allexecutors
// (ExecutorSummary).
type executor struct {
	ID        string `json:"id"`
	IsActive  bool   `json:"isActive"`
	ProfileID int64  `json:"resourceProfileId"`

	TotalCores  int32 `json:"totalCores"`
	MaxTasks    int32 `json:"maxTasks"`
	ActiveTasks int32 `json:"activeTasks"`
	// AddTime is when the executor registered, by the clock of the driver.
	AddTime string `json:"addTime"`
	// TotalDuration is the time of all tasks that have ended, in milliseconds.
	TotalDuration int64 `json:"totalDuration"`

	Peaks struct {
		Heap    int64 `json:"JVMHeapMemory"`
		OffHeap int64 `json:"JVMOffHeapMemory"`
		JVM     int64 `json:"ProcessTreeJVMRSSMemory"`
		Python  int64 `json:"ProcessTreePythonRSSMemory"`
		Other   int64 `json:"ProcessTreeOtherRSSMemory"`
	} `json:"peakMemoryMetrics"`
}

// ReadExecutors reads /api/v1/applications/ID/allexecutors, sent at a time of the driver's clock;
// zero if that is unknown. Working reports whether tasks run that count for ExecutorCores.
func ReadExecutors(document []byte, at time.Time) (peaks Peaks, working bool, err error) {
	err = jsonstream.List(bytes.NewReader(document), func(e *executor) {
		p := &e.Peaks
		// Each is bounded, so that a sum does not overflow.
		memory := Memory{bounded(p.Heap), bounded(p.OffHeap), bounded(p.JVM) + bounded(p.Python) + bounded(p.Other)}
		if e.ID == "driver" {
			peaks.Driver = peaks.Driver.Merge(memory)
			return
		}
		peaks.Executor = peaks.Executor.Merge(memory)
		if cores := e.cores(at); cores != (Cores{}) {
			peaks.ExecutorCores = peaks.ExecutorCores.Merge(cores)
			working = working || e.ActiveTasks > 0
		}
	})
	if err != nil {
		return Peaks{}, false, errNotExecutors
	}
	return peaks, working, nil
}

const (
	// addTimeLayout is how Spark writes AddTime.
	addTimeLayout = "2006-01-02T15:04:05.000GMT"
	// leastLife is how long an executor has to be there for an average of its tasks.
	leastLife = 10 * time.Second
	// inaccuracy is by how much times may differ: Spark updates its web UI once in a second, and
	// the header Date has no fractions of seconds.
	inaccuracy = 2 * time.Second
)

// cores returns how many cores the tasks of an executor occupy; zero if it does not count: it is
// gone, or the program has requested it with a resource profile of its own, to which
// spark.executor.cores does not apply.
//
// A task occupies its share of the slots. That is spark.task.cpus, or more if another resource, such
// as GPUs, limits the number of tasks. As many tasks run together as run now, and at least the
// average since the executor started. The growth of TotalDuration between two samples is no such
// bound: a task adds all its time when it ends.
func (e *executor) cores(at time.Time) Cores {
	if !e.IsActive || e.ProfileID != 0 || e.TotalCores <= 0 || e.MaxTasks <= 0 {
		return Cores{}
	}
	total, tasks := min(e.TotalCores, maxCores), float64(atLeastZero(e.ActiveTasks))
	if added, err := time.Parse(addTimeLayout, e.AddTime); err == nil && !at.IsZero() && at.Sub(added) >= leastLife {
		average := float64(max(e.TotalDuration, 0)) / 1000 / (at.Sub(added).Seconds() + inaccuracy.Seconds())
		tasks = max(tasks, math.Ceil(average))
	}
	occupied := math.Ceil(tasks * float64(total) / float64(e.MaxTasks))
	return Cores{total, int32(min(occupied, float64(total)))}
}

// CPUTime is how much CPU the JVM of a driver had used at a time of the driver's clock.
type CPUTime struct {
	At   time.Time
	Used time.Duration
}

// Known reports whether there is such a figure.
func (c CPUTime) Known() bool { return !c.At.IsZero() && c.Used > 0 }

// Since returns the average since an earlier time, in thousandths of a core. It is not known if
// there is too little time between both, or if clock or counter were put back.
func (c CPUTime) Since(earlier CPUTime) (milliCores int64, known bool) {
	if !c.Known() || !earlier.Known() || c.At.Sub(earlier.At) < leastLife/2 || c.Used < earlier.Used {
		return 0, false
	}
	cores := (c.Used - earlier.Used).Seconds() / (c.At.Sub(earlier.At).Seconds() + inaccuracy.Seconds()/2)
	return int64(min(1000*cores, 1000*maxCores)), true
}

const (
	// maxBytes and maxCores are more than any pod has.
	maxBytes = 1 << 50
	maxCores = 1 << 16
)

func bounded(n int64) int64 { return min(max(n, 0), maxBytes) }
