// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"slices"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// AdviceRuns is how many of the latest runs advice looks at.
	AdviceRuns = 5
	// leastAdviceRuns is how many it needs: one run may have been small by chance.
	leastAdviceRuns = 2
	// adviceFactor is by how much a request has to exceed the peaks.
	adviceFactor = 2
	// leastCPUSamples is how many samples of CPU each run needs. Samples do not see all that happens
	// between them, so a few say little.
	leastCPUSamples = 4
	// leastDriverMillicores is a request of CPU that is never called too large: with less, the start
	// of a JVM takes long, which the peaks do not contain.
	leastDriverMillicores = 1000
)

// followAdvice compares, when a run completed, what its pods request with the peaks of the latest
// runs of the application or its schedule. It is only a text; nothing reads it.
func followAdvice(in *Input, status *v1beta2.SparkApplicationStatus) {
	attempt, _ := openAttempt(in, status)
	if attempt == nil || attempt.State != StateCompleted || attempt.Peaks == nil {
		return
	}
	runs := completedPeaks(status.Attempts)
	for _, earlier := range in.EarlierRuns {
		runs = append(runs, completedPeaks(earlier)...)
	}
	runs = runs[:min(len(runs), AdviceRuns)]
	status.Advice = ""
	if len(runs) >= leastAdviceRuns {
		status.Advice = reconcile.Join("; ",
			oversized("the driver requests", runs, func(p *v1beta2.Peaks) *v1beta2.MemoryPeaks { return p.Driver }),
			oversized("each executor requests", runs, func(p *v1beta2.Peaks) *v1beta2.MemoryPeaks { return p.Executor }),
			oversizedDriverCPU(in.App.Spec.Type, runs),
			oversizedExecutorCores(attempt.Usage, runs))
	}
}

// completedPeaks are those of attempts that completed, latest first.
func completedPeaks(attempts []v1beta2.Attempt) []*v1beta2.Peaks {
	var peaks []*v1beta2.Peaks
	for i := range slices.Backward(attempts) {
		if attempts[i].State == StateCompleted && attempts[i].Peaks != nil {
			peaks = append(peaks, attempts[i].Peaks)
		}
	}
	return peaks
}

// oversized says by how much the latest of these runs requested too much memory for a role;
// empty if it did not.
func oversized(who string, runs []*v1beta2.Peaks, of func(*v1beta2.Peaks) *v1beta2.MemoryPeaks) string {
	requested, used := ptr.Deref(of(runs[0]), v1beta2.MemoryPeaks{}).RequestedBytes, int64(0)
	for _, run := range runs {
		peaks := of(run)
		if peaks == nil {
			return "" // a run of which nothing is known
		}
		// The processes, where Spark shows them: a JVM alone is not all that runs.
		used = max(used, peaks.ProcessBytes, peaks.JVMHeapBytes+peaks.JVMOffHeapBytes)
	}
	if used == 0 || requested <= adviceFactor*used {
		return ""
	}
	return fmt.Sprintf("%s %d MiB of memory, and the peak of the last %d runs is %d MiB", who, requested>>20, len(runs), used>>20)
}

// oversizedDriverCPU does the same for the CPU of the driver. In Python and R, most of a driver may
// work outside the JVM, which is all that the peaks contain.
func oversizedDriverCPU(language v1beta2.SparkApplicationType, runs []*v1beta2.Peaks) string {
	if language != v1beta2.SparkApplicationTypeJava && language != v1beta2.SparkApplicationTypeScala {
		return ""
	}
	requested, used := ptr.Deref(runs[0].DriverCPU, v1beta2.DriverCPUPeak{}).RequestedMillicores, int64(0)
	for _, run := range runs {
		if run.DriverCPU == nil || run.DriverCPU.Samples < leastCPUSamples {
			return ""
		}
		used = max(used, run.DriverCPU.JVMMillicores)
	}
	if used == 0 || requested <= max(adviceFactor*used, leastDriverMillicores) {
		return ""
	}
	return fmt.Sprintf("the driver requests %dm of CPU, and the highest average of its JVM in the last %d runs is %dm", requested, len(runs), used)
}

// oversizedExecutorCores does the same for the cores of executors. Executors with GPUs often have
// cores for other work than their tasks, and tasks with requirements of their own.
func oversizedExecutorCores(usage *v1beta2.Usage, runs []*v1beta2.Peaks) string {
	if usage != nil && usage.Executors.GPUSeconds > 0 {
		return ""
	}
	cores, occupied, samples := ptr.Deref(runs[0].ExecutorCores, v1beta2.ExecutorCoresPeak{}).Cores, int32(0), int64(0)
	for _, run := range runs {
		if run.ExecutorCores == nil || run.ExecutorCores.Samples < leastCPUSamples {
			return ""
		}
		occupied = max(occupied, run.ExecutorCores.OccupiedCores)
		samples += int64(run.ExecutorCores.Samples)
	}
	if occupied == 0 || int64(cores) <= adviceFactor*int64(occupied) {
		return ""
	}
	return fmt.Sprintf("each executor has %d cores (spec.executor.cores), and in %d samples of the last %d runs its tasks occupied at most %d at a time",
		cores, samples, len(runs), occupied)
}
