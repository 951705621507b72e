// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/progress"
)

// TestSamplesWaitForThePeriod: another sample is not taken into the status before the period is
// over, whatever the sampler does, except at the end of the run and after the clock was put back.
func TestSamplesWaitForThePeriod(t *testing.T) {
	recorded := metav1.NewTime(testStart)
	for name, test := range map[string]struct {
		after  time.Duration
		closes bool
		want   int32
	}{
		"too soon":                 {29 * time.Second, false, 1},
		"after the period":         {30 * time.Second, false, 2},
		"too soon, but the end":    {time.Second, true, 2},
		"the clock was put back":   {-time.Hour, false, 2},
		"the sample of the status": {0, false, 1},
	} {
		app := newApplication("pi")
		app.Spec.Progress = &v1beta2.ProgressConfiguration{}
		app.Status = v1beta2.SparkApplicationStatus{
			SubmissionID: "a", AppState: v1beta2.ApplicationState{State: StateRunning}, Attempts: []v1beta2.Attempt{{SubmissionID: "a"}},
			Progress: &v1beta2.Progress{Summary: "1/1 stages", StagesCompleted: 1, StagesTotal: 1, SampleTime: &recorded},
		}
		status := app.Status.DeepCopy()
		if test.closes {
			status.Attempts[0].State = StateCompleted
		}
		in := &Input{App: app, Settings: &Settings{}, Progress: progress.View{At: testStart.Add(test.after), Sample: progress.Sample{StagesCompleted: 2, StagesTotal: 2}}}
		followProgress(in, status)
		if got := status.Progress.StagesCompleted; got != test.want {
			t.Errorf("%s: %d stages, want %d", name, got, test.want)
		}
	}
}

// TestPeriodsAreBounded: also where the CRD does not bound them.
func TestPeriodsAreBounded(t *testing.T) {
	for seconds, want := range map[int64]time.Duration{-1: 10 * time.Second, 0: 10 * time.Second, 45: 45 * time.Second, 1 << 62: 24 * time.Hour} {
		app := newApplication("pi", func(app *v1beta2.SparkApplication) {
			app.Spec.Progress = &v1beta2.ProgressConfiguration{PeriodSeconds: ptr.To(seconds)}
		})
		if got := ProgressPeriod(app); got != want {
			t.Errorf("%d s: %v, want %v", seconds, got, want)
		}
	}
	if got := ProgressPeriod(newApplication("pi")); got != 0 {
		t.Errorf("%v without spec.progress", got)
	}
}

// TestPeaksOnlyGrow: and only a growth of more than a twentieth is worth a write.
func TestPeaksOnlyGrow(t *testing.T) {
	var recorded *v1beta2.MemoryPeaks
	for _, step := range []struct {
		heap  int64
		grown bool
		want  int64
	}{{1000, true, 1000}, {1000, false, 1000}, {500, false, 1000}, {1040, false, 1040}, {1200, true, 1200}} {
		if grown := grow(&recorded, progress.Memory{Heap: step.heap}, 4000); grown != step.grown || recorded.JVMHeapBytes != step.want || recorded.RequestedBytes != 4000 {
			t.Errorf("heap %d: grown %t, %+v", step.heap, grown, recorded)
		}
	}
	if grow(&recorded, progress.Memory{}, 9000) || recorded.RequestedBytes != 4000 {
		t.Errorf("nothing was seen: %+v", recorded)
	}
}

// TestPeaksOfCPUOnlyGrow: another sample alone is not worth a write, but is recorded with the next
// one. What an earlier process of the operator has recorded counts no sample twice.
func TestPeaksOfCPUOnlyGrow(t *testing.T) {
	driver := &podview.Pod{Spec: podview.Spec{Driver: &podview.Driver{MilliCores: 4000}, Requests: podview.Requests{MilliCores: 5000}}}
	var cpu *v1beta2.DriverCPUPeak
	for _, step := range []struct {
		samples int32
		used    int64
		grown   bool
		want    v1beta2.DriverCPUPeak
	}{
		{1, 1000, true, v1beta2.DriverCPUPeak{RequestedMillicores: 4000, JVMMillicores: 1000, Samples: 1}},
		{2, 1040, false, v1beta2.DriverCPUPeak{RequestedMillicores: 4000, JVMMillicores: 1040, Samples: 2}},
		{1, 500, false, v1beta2.DriverCPUPeak{RequestedMillicores: 4000, JVMMillicores: 1040, Samples: 2}},
		{3, 1200, true, v1beta2.DriverCPUPeak{RequestedMillicores: 4000, JVMMillicores: 1200, Samples: 3}},
		{0, 9000, false, v1beta2.DriverCPUPeak{RequestedMillicores: 4000, JVMMillicores: 1200, Samples: 3}},
	} {
		view := progress.View{CPUSamples: step.samples, Peaks: progress.Peaks{DriverMilliCores: step.used}}
		if grown := growDriverCPU(&cpu, &view, driver); grown != step.grown || *cpu != step.want {
			t.Errorf("%+v: grown %t, %+v", step, grown, cpu)
		}
	}
	var cores *v1beta2.ExecutorCoresPeak
	if growExecutorCores(&cores, &progress.View{}) || cores != nil {
		t.Errorf("nothing was seen: %+v", cores)
	}
	for _, step := range []struct {
		samples, occupied int32
		grown             bool
		want              v1beta2.ExecutorCoresPeak
	}{
		{0, 0, true, v1beta2.ExecutorCoresPeak{Cores: 8}},
		{1, 2, true, v1beta2.ExecutorCoresPeak{Cores: 8, OccupiedCores: 2, Samples: 1}},
		{5, 2, false, v1beta2.ExecutorCoresPeak{Cores: 8, OccupiedCores: 2, Samples: 5}},
		{1, 3, true, v1beta2.ExecutorCoresPeak{Cores: 8, OccupiedCores: 3, Samples: 5}},
	} {
		view := progress.View{TaskSamples: step.samples, Peaks: progress.Peaks{ExecutorCores: progress.Cores{Total: 8, Occupied: step.occupied}}}
		if grown := growExecutorCores(&cores, &view); grown != step.grown || *cores != step.want {
			t.Errorf("%+v: grown %t, %+v", step, grown, cores)
		}
	}
}
