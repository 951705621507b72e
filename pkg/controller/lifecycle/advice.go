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
			oversized("each executor requests", runs, func(p *v1beta2.Peaks) *v1beta2.MemoryPeaks { return p.Executor }))
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
