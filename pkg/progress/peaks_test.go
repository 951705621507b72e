// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// epoch is when the drivers of these tests send their documents.
var epoch = time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)

// TestPeaksOfExecutorsAreThoseOfTheLargest: executors without metrics count nothing.
func TestPeaksOfExecutorsAreThoseOfTheLargest(t *testing.T) {
	got, _, err := ReadExecutors([]byte(`[{"id":"driver"},{"id":"1","peakMemoryMetrics":{"JVMHeapMemory":5,"JVMOffHeapMemory":7}},
		{"id":"2","isActive":false,"peakMemoryMetrics":{"JVMHeapMemory":9,"JVMOffHeapMemory":-1,"ProcessTreeJVMRSSMemory":9223372036854775807,"ProcessTreePythonRSSMemory":9223372036854775807}}]`), epoch)
	if want := (Peaks{Executor: Memory{9, 7, 2 * maxBytes}}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// TestTasksOccupyTheirShareOfCores: as many tasks as run now, and at least the average since the
// executor started, but never more than there is room for.
func TestTasksOccupyTheirShareOfCores(t *testing.T) {
	const hour = 3600 * 1000
	for name, test := range map[string]struct {
		fields  string
		want    Cores
		working bool
	}{
		"idle":                       {`"isActive":true,"totalCores":8,"maxTasks":8`, Cores{8, 0}, false},
		"three tasks":                {`"isActive":true,"totalCores":8,"maxTasks":8,"activeTasks":3`, Cores{8, 3}, true},
		"two CPUs for each":          {`"isActive":true,"totalCores":8,"maxTasks":4,"activeTasks":3`, Cores{8, 6}, true},
		"three CPUs for each":        {`"isActive":true,"totalCores":8,"maxTasks":2,"activeTasks":1`, Cores{8, 4}, true},
		"limited by a GPU":           {`"isActive":true,"totalCores":8,"maxTasks":1,"activeTasks":1`, Cores{8, 8}, true},
		"more than there is room":    {`"isActive":true,"totalCores":8,"maxTasks":8,"activeTasks":9`, Cores{8, 8}, true},
		"more before":                {fmt.Sprintf(`"isActive":true,"totalCores":8,"maxTasks":8,"activeTasks":1,"addTime":"2026-11-30T01:00:00.000GMT","totalDuration":%d`, 2*hour+hour/2), Cores{8, 3}, true},
		"two all the time":           {fmt.Sprintf(`"isActive":true,"totalCores":8,"maxTasks":8,"addTime":"2026-11-30T01:00:00.000GMT","totalDuration":%d`, 2*hour), Cores{8, 2}, false},
		"more before, with two CPUs": {fmt.Sprintf(`"isActive":true,"totalCores":8,"maxTasks":4,"addTime":"2026-11-30T01:00:00.000GMT","totalDuration":%d`, 3*hour/2), Cores{8, 4}, false},
		"just started":               {`"isActive":true,"totalCores":8,"maxTasks":8,"addTime":"2026-11-30T01:59:59.000GMT","totalDuration":60000`, Cores{8, 0}, false},
		"a clock that was put back":  {`"isActive":true,"totalCores":8,"maxTasks":8,"addTime":"2026-11-30T02:01:00.000GMT","totalDuration":60000`, Cores{8, 0}, false},
		"no time":                    {`"isActive":true,"totalCores":8,"maxTasks":8,"addTime":"evil","totalDuration":60000`, Cores{8, 0}, false},
		"gone":                       {`"isActive":false,"totalCores":8,"maxTasks":8,"activeTasks":3`, Cores{}, false},
		"a profile of its own":       {`"isActive":true,"totalCores":8,"maxTasks":8,"activeTasks":3,"resourceProfileId":1`, Cores{}, false},
		"no slots":                   {`"isActive":true,"totalCores":8,"maxTasks":0,"activeTasks":3`, Cores{}, false},
		"negative":                   {`"isActive":true,"totalCores":8,"maxTasks":8,"activeTasks":-3,"addTime":"2026-11-30T01:00:00.000GMT","totalDuration":-5`, Cores{8, 0}, false},
		"negative cores":             {`"isActive":true,"totalCores":-8,"maxTasks":8,"activeTasks":3`, Cores{}, false},
		"huge": {fmt.Sprintf(`"isActive":true,"totalCores":%d,"maxTasks":1,"activeTasks":%d,"addTime":"0000-01-01T00:00:00.000GMT","totalDuration":%d`,
			math.MaxInt32, math.MaxInt32, math.MaxInt64), Cores{maxCores, maxCores}, true},
	} {
		document := fmt.Sprintf(`[{"id":"driver","isActive":true,"totalCores":99,"maxTasks":99,"activeTasks":99},{"id":"1",%s}]`, test.fields)
		peaks, working, err := ReadExecutors([]byte(document), epoch)
		if err != nil || peaks.ExecutorCores != test.want || working != test.working {
			t.Errorf("%s: %+v, %t, %v, want %+v, %t", name, peaks.ExecutorCores, working, err, test.want, test.working)
		}
	}
	// Without a time of the driver there is no average.
	peaks, _, err := ReadExecutors([]byte(`[{"id":"1","isActive":true,"totalCores":8,"maxTasks":8,"addTime":"2026-11-30T01:00:00.000GMT","totalDuration":99999999}]`), time.Time{})
	if want := (Cores{8, 0}); err != nil || peaks.ExecutorCores != want {
		t.Errorf("%+v, %v, want %+v", peaks.ExecutorCores, err, want)
	}
}

// TestAveragesOfCPU: only two readings that belong together make one.
func TestAveragesOfCPU(t *testing.T) {
	at := func(seconds int, used time.Duration) CPUTime {
		return CPUTime{epoch.Add(time.Duration(seconds) * time.Second), used}
	}
	for name, test := range map[string]struct {
		earlier, later CPUTime
		want           int64
		known          bool
	}{
		"half a core":        {at(0, 20*time.Second), at(119, 80*time.Second), 500, true},
		"no CPU":             {at(0, 20*time.Second), at(120, 20*time.Second), 0, true},
		"the first reading":  {CPUTime{}, at(120, 20*time.Second), 0, false},
		"no reading":         {at(0, 20*time.Second), CPUTime{}, 0, false},
		"not measured":       {at(0, 0), at(120, 20*time.Second), 0, false},
		"no time":            {CPUTime{Used: 1}, at(120, 20*time.Second), 0, false},
		"counter was reset":  {at(0, 20*time.Second), at(120, 10*time.Second), 0, false},
		"clock was put back": {at(0, 20*time.Second), at(-120, 30*time.Second), 0, false},
		"too short":          {at(0, 20*time.Second), at(4, 30*time.Second), 0, false},
		"huge":               {at(0, 1), at(10, math.MaxInt64), 1000 * maxCores, true},
		"a long time":        {CPUTime{time.Unix(0, 0), 1}, CPUTime{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1 << 40}, 0, true},
	} {
		if got, known := test.later.Since(test.earlier); got != test.want || known != test.known {
			t.Errorf("%s: %d, %t, want %d, %t", name, got, known, test.want, test.known)
		}
	}
}

// TestHostileCPUTimes: what is no number of nanoseconds counts as unknown.
func TestHostileCPUTimes(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"5": 5, "0": 0, "-1": 0, `"5"`: 0, "1e99": 0, "1.5": 0, "null": 0, "[1]": 0, "{}": 0, "9223372036854775807": math.MaxInt64, "9223372036854775808": 0,
	} {
		got, err := ReadMetrics([]byte(`{"gauges":{"a.b.driver.JVMCPU.jvmCpuTime":{"value":` + value + `},"a.1.JVMCPU.jvmCpuTime":{"value":7}}}`))
		if err != nil || got.CPU != want {
			t.Errorf("%s: %d, %v, want %d", value, got.CPU, err, want)
		}
	}
}

// TestRecordedExecutors: what drivers of several versions, with the metrics that are on by default,
// show of an executor with four cores. From Spark 4.1 on, each task takes two of them here.
func TestRecordedExecutors(t *testing.T) {
	at := func(hour, minute, second int) time.Time {
		return time.Date(2026, 11, 30, hour, minute, second, 0, time.UTC)
	}
	for folder, test := range map[string]struct {
		earlier    CPUTime
		at         time.Time
		milliCores int64
	}{
		"spark-3.5-executor": {CPUTime{at(2, 9, 1), 13690 * time.Millisecond}, at(2, 9, 20), 242},
		"spark-4.1-executor": {CPUTime{at(2, 10, 15), 14480 * time.Millisecond}, at(2, 10, 40), 180},
		"spark-4.3-executor": {CPUTime{at(2, 6, 11), 18990 * time.Millisecond}, at(2, 6, 34), 261},
	} {
		peaks, working, err := ReadExecutors(recorded(t, folder, "allexecutors"), test.at)
		if err != nil || !working || peaks.ExecutorCores != (Cores{Total: 4, Occupied: 4}) || peaks.Driver.Heap == 0 {
			t.Errorf("%s: %+v, %t, %v", folder, peaks, working, err)
		}
		metrics, err := ReadMetrics(recorded(t, folder, "metrics"))
		if milliCores, known := (CPUTime{test.at, metrics.CPU}).Since(test.earlier); err != nil || !known || milliCores != test.milliCores {
			t.Errorf("%s: %d, %t, %v, want %d", folder, milliCores, known, err, test.milliCores)
		}
	}
}
