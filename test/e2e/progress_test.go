// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// showsProgress has the operator show how far an application is. Spark reports its peaks
// with its heartbeats.
func showsProgress(app *v1beta2.SparkApplication) {
	app.Spec.Progress = &v1beta2.ProgressConfiguration{PeriodSeconds: ptr.To[int64](10)}
	app.Spec.SparkConf["spark.executor.heartbeatInterval"] = "5s"
}

// wantProgressAndUsage checks what the operator in the cluster shows of a driver that works.
// Then it ends the run: what was shown last stays, with what its pods reserved.
func wantProgressAndUsage(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	running := waitFor(t, app, "an application with progress and peaks", func(app *v1beta2.SparkApplication) bool {
		peaks := ptr.Deref(app.Status.Attempts[0].Peaks, v1beta2.Peaks{})
		return app.Status.Progress != nil && app.Status.Progress.StagesCompleted > 0 && peaks.Driver != nil && peaks.Executor != nil &&
			peaks.DriverCPU != nil && peaks.ExecutorCores != nil && peaks.ExecutorCores.OccupiedCores > 0
	})
	seen := running.Status.Progress
	wantProgress(t, seen)
	attempt := &running.Status.Attempts[0]
	for _, peaks := range []*v1beta2.MemoryPeaks{attempt.Peaks.Driver, attempt.Peaks.Executor} {
		// The heap has 512 MiB, the pod 896 MiB.
		if peaks.RequestedBytes != 896<<20 || peaks.JVMHeapBytes < 10<<20 || peaks.JVMHeapBytes > 512<<20 || peaks.JVMOffHeapBytes < 10<<20 {
			t.Errorf("peaks %+v", peaks)
		}
	}
	if cpu := attempt.Peaks.DriverCPU; cpu.RequestedMillicores != 100 || cpu.JVMMillicores <= 0 || cpu.JVMMillicores > int64(1000*runtime.NumCPU()) || cpu.Samples == 0 {
		t.Errorf("CPU of the driver %+v", cpu)
	}
	if cores := attempt.Peaks.ExecutorCores; cores.Cores != 1 || cores.OccupiedCores != 1 {
		t.Errorf("cores of executors %+v", cores)
	}
	if usage := attempt.Usage; usage == nil || usage.Until == nil || usage.Driver.CoreSeconds <= 0 || usage.Executors.CoreSeconds <= 0 {
		t.Errorf("usage of a run with progress: %+v", usage)
	}

	drivers := cluster.core.CoreV1().Pods(app.Namespace)
	driver, err := drivers.Get(t.Context(), attempt.DriverPodName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := drivers.Delete(t.Context(), driver.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](1)}); err != nil {
		t.Fatal(err)
	}
	done := waitForState(t, app, v1beta2.ApplicationStateFailed)
	last := done.Status.Progress
	wantProgress(t, last)
	if last.StagesCompleted < seen.StagesCompleted || last.StagesTotal < seen.StagesTotal || last.SampleTime.Before(seen.SampleTime) {
		t.Errorf("progress %+v at the end, %+v before", last, seen)
	}
	attempt = &done.Status.Attempts[0]
	usage := attempt.Usage
	if usage == nil || usage.Incomplete {
		t.Fatalf("usage %+v", usage)
	}
	// Some seconds pass from the end of the pod to the record of it.
	const cores, gibibytes, late = 0.1, 896.0 / 1024, 15
	seconds := attempt.TerminationTime.Sub(driver.Status.StartTime.Time).Seconds()
	if got := usage.Driver.CoreSeconds / cores; got > seconds+1 || got < seconds-late {
		t.Errorf("the driver reserved %+v; its pod ran for %v s", usage.Driver, seconds)
	}
	if got := usage.Executors.CoreSeconds / cores; got > seconds+1 || got < seconds/4 {
		t.Errorf("the executor reserved %+v; the driver pod ran for %v s", usage.Executors, seconds)
	}
	for _, of := range []v1beta2.ReservedTime{usage.Driver, usage.Executors} {
		if math.Abs(of.GiBSeconds/gibibytes-of.CoreSeconds/cores) > 1 || of.GPUSeconds != 0 {
			t.Errorf("%+v are not the same seconds", of)
		}
	}
	if wasted := attempt.TerminationTime.Sub(attempt.StartTime.Time).Seconds(); math.Abs(float64(usage.WastedSeconds)-wasted) > 1 {
		t.Errorf("%d of %v s are wasted", usage.WastedSeconds, wasted)
	}
}

func wantProgress(t *testing.T, p *v1beta2.Progress) {
	t.Helper()
	if p.Message != "" || p.StagesTotal < p.StagesCompleted || p.SampleTime.IsZero() || p.Streaming != nil ||
		p.Summary != fmt.Sprintf("%d/%d stages", p.StagesCompleted, p.StagesTotal) {
		t.Errorf("progress %+v", p)
	}
}
