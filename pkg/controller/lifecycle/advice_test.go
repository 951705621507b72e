// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// completed is an attempt whose executors requested and used so many MiB.
func completed(id string, requested, heap, process int64) v1beta2.Attempt {
	return v1beta2.Attempt{SubmissionID: id, State: StateCompleted, Peaks: &v1beta2.Peaks{
		Driver:   &v1beta2.MemoryPeaks{RequestedBytes: 1000 << 20, JVMHeapBytes: 500 << 20},
		Executor: &v1beta2.MemoryPeaks{RequestedBytes: requested << 20, JVMHeapBytes: heap << 20, ProcessBytes: process << 20},
	}}
}

// TestAdviceNeedsPeaksBelowHalfOfTheRequest: of at least two runs that completed, be they of the
// application or of its schedule. Advice that does not hold any more disappears.
func TestAdviceNeedsPeaksBelowHalfOfTheRequest(t *testing.T) {
	failed := completed("f", 4000, 10, 0)
	failed.State = StateFailed
	for name, test := range map[string]struct {
		attempts []v1beta2.Attempt
		earlier  [][]v1beta2.Attempt
		want     string
	}{
		"one run":           {[]v1beta2.Attempt{completed("b", 4000, 100, 0)}, nil, ""},
		"a failed run":      {[]v1beta2.Attempt{failed, completed("b", 4000, 100, 0)}, nil, ""},
		"two runs":          {[]v1beta2.Attempt{completed("a", 4000, 1900, 0), completed("b", 4000, 100, 0)}, nil, "each executor requests 4000 MiB of memory, and the peak of the last 2 runs is 1900 MiB"},
		"half of it":        {[]v1beta2.Attempt{completed("a", 4000, 2000, 0), completed("b", 4000, 100, 0)}, nil, ""},
		"large processes":   {[]v1beta2.Attempt{completed("a", 4000, 100, 3000), completed("b", 4000, 100, 0)}, nil, ""},
		"runs of schedule":  {[]v1beta2.Attempt{completed("b", 4000, 100, 0)}, [][]v1beta2.Attempt{{completed("x", 4000, 1000, 0)}, {completed("y", 1, 1500, 0)}}, "each executor requests 4000 MiB of memory, and the peak of the last 3 runs is 1500 MiB"},
		"old runs":          {[]v1beta2.Attempt{completed("b", 4000, 100, 0)}, [][]v1beta2.Attempt{{completed("1", 1, 3000, 0), completed("2", 1, 5, 0), completed("3", 1, 5, 0), completed("4", 1, 5, 0), completed("5", 1, 5, 0)}}, "each executor requests 4000 MiB of memory, and the peak of the last 5 runs is 100 MiB"},
		"already requested": {[]v1beta2.Attempt{completed("a", 4000, 100, 0), completed("b", 150, 100, 0)}, nil, ""},
	} {
		app := newApplication("pi")
		app.Status.SubmissionID, app.Status.Advice = "b", "old"
		status := app.Status.DeepCopy()
		status.Attempts = test.attempts
		followAdvice(&Input{App: app, Observed: Observed{EarlierRuns: test.earlier}}, status)
		if status.Advice != test.want {
			t.Errorf("%s: %q, want %q", name, status.Advice, test.want)
		}
	}
}

// TestAdviceOnCPU: only requests that are too large in every run, of which each has enough samples.
func TestAdviceOnCPU(t *testing.T) {
	const ofDriver = "the driver requests 4000m of CPU, and the highest average of its JVM in the last 2 runs is 900m"
	run := func(edit func(*v1beta2.Peaks)) v1beta2.Attempt {
		peaks := &v1beta2.Peaks{
			DriverCPU:     &v1beta2.DriverCPUPeak{RequestedMillicores: 4000, JVMMillicores: 900, Samples: 4},
			ExecutorCores: &v1beta2.ExecutorCoresPeak{Cores: 8, OccupiedCores: 3, Samples: 4},
		}
		edit(peaks)
		return v1beta2.Attempt{State: StateCompleted, Peaks: peaks}
	}
	ofExecutors := func(samples, occupied int) string {
		return fmt.Sprintf("each executor has 8 cores (spec.executor.cores), and in %d samples of the last 2 runs its tasks occupied at most %d at a time", samples, occupied)
	}
	same := func(*v1beta2.Peaks) {}
	for name, test := range map[string]struct {
		latest, earlier func(*v1beta2.Peaks)
		language        v1beta2.SparkApplicationType
		gpuSeconds      float64
		want            string
	}{
		"both":         {same, same, "Scala", 0, ofDriver + "; " + ofExecutors(8, 3)},
		"Java":         {same, same, "Java", 0, ofDriver + "; " + ofExecutors(8, 3)},
		"Python":       {same, same, "Python", 0, ofExecutors(8, 3)},
		"R":            {same, same, "R", 0, ofExecutors(8, 3)},
		"GPUs":         {same, same, "Scala", 1, ofDriver},
		"more earlier": {same, func(p *v1beta2.Peaks) { p.ExecutorCores.OccupiedCores, p.DriverCPU.JVMMillicores = 4, 2000 }, "Scala", 0, ""},
		"few samples":  {func(p *v1beta2.Peaks) { p.ExecutorCores.Samples, p.DriverCPU.Samples = 3, 3 }, same, "Scala", 0, ""},
		"few earlier":  {same, func(p *v1beta2.Peaks) { p.ExecutorCores.Samples, p.DriverCPU.Samples = 3, 3 }, "Scala", 0, ""},
		"not known":    {same, func(p *v1beta2.Peaks) { p.ExecutorCores, p.DriverCPU = nil, nil }, "Scala", 0, ""},
		"no tasks":     {func(p *v1beta2.Peaks) { p.ExecutorCores.OccupiedCores = 0 }, func(p *v1beta2.Peaks) { p.ExecutorCores.OccupiedCores = 0 }, "Python", 0, ""},
		"small driver": {func(p *v1beta2.Peaks) { p.DriverCPU.RequestedMillicores, p.DriverCPU.JVMMillicores = 1000, 9 }, func(p *v1beta2.Peaks) { p.DriverCPU.JVMMillicores = 9 }, "Scala", 0, ofExecutors(8, 3)},
		"other size": {same, func(p *v1beta2.Peaks) {
			p.ExecutorCores.Cores, p.ExecutorCores.OccupiedCores, p.ExecutorCores.Samples = 2, 2, 9
		}, "R", 0, ofExecutors(13, 3)},
		"now smaller": {func(p *v1beta2.Peaks) { p.ExecutorCores.Cores, p.DriverCPU.RequestedMillicores = 6, 1800 }, same, "Scala", 0, ""},
	} {
		app := newApplication("pi")
		app.Spec.Type, app.Status.SubmissionID = test.language, "b"
		status := app.Status.DeepCopy()
		status.Attempts = []v1beta2.Attempt{run(test.earlier), run(test.latest)}
		status.Attempts[1].SubmissionID, status.Attempts[1].Usage = "b", &v1beta2.Usage{Executors: v1beta2.ReservedTime{GPUSeconds: test.gpuSeconds}}
		followAdvice(&Input{App: app}, status)
		if status.Advice != test.want {
			t.Errorf("%s: %q, want %q", name, status.Advice, test.want)
		}
	}
}
