// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
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
