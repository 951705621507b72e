// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/progress"
)

const (
	defaultProgressSeconds int64 = 30
	// leastProgressSeconds and mostProgressSeconds bound spec.progress.periodSeconds, also with
	// CRDs that do not.
	leastProgressSeconds int64 = 10
	mostProgressSeconds  int64 = 24 * 60 * 60
)

// ProgressPeriod is the time between two samples of the driver of an application; 0 if it
// wants none.
func ProgressPeriod(app *v1beta2.SparkApplication) time.Duration {
	if app.Spec.Progress == nil {
		return 0
	}
	seconds := ptr.Deref(app.Spec.Progress.PeriodSeconds, defaultProgressSeconds)
	return time.Duration(min(max(seconds, leastProgressSeconds), mostProgressSeconds)) * time.Second
}

// followProgress takes the latest sample of the driver into the status: at most once in a
// period, and with the end of the attempt, which is written anyway.
func followProgress(in *Input, status *v1beta2.SparkApplicationStatus) {
	period := ProgressPeriod(in.App)
	if period == 0 {
		status.Progress = nil
		return
	}
	attempt, ends := openAttempt(in, status)
	if attempt == nil || status.AppState.State != StateRunning && !ends {
		return
	}
	now := status.Progress.DeepCopy()
	if now == nil {
		now = &v1beta2.Progress{}
	}
	view := &in.Progress
	switch {
	case view.Failure != "":
		now.Message = in.Settings.Hide(view.Failure)
	case view.At.IsZero() || !ends && tooSoon(now.SampleTime, view.At, period):
		return
	default:
		taken := view.Sample.Status()
		taken.SampleTime = now.SampleTime
		if !equality.Semantic.DeepEqual(now, taken) {
			taken.SampleTime = ptr.To(metav1.NewTime(view.At.Truncate(time.Second)))
			now = taken
		}
	}
	status.Progress = now
	followPeaks(in, attempt, ends)
}

// tooSoon reports whether a sample was taken less than a period after the one in the status.
// The clock may have been put back.
func tooSoon(recorded *metav1.Time, at time.Time, period time.Duration) bool {
	return recorded != nil && !at.Before(recorded.Time) && at.Before(recorded.Add(period))
}

// peakStep is by what factor a peak has to grow to be worth a write.
const peakStep = 1.05

// followPeaks keeps the peaks in the record of the attempt.
func followPeaks(in *Input, attempt *v1beta2.Attempt, ends bool) {
	view, seen := &in.Progress, &in.Progress.Peaks
	driver, executor := int64(0), int64(0)
	if in.Driver != nil {
		driver = in.Driver.Spec.Requests.Bytes
	}
	for _, pod := range in.Executors {
		executor = max(executor, pod.Spec.Requests.Bytes)
	}
	peaks := attempt.Peaks.DeepCopy()
	if peaks == nil {
		peaks = &v1beta2.Peaks{}
	}
	grown := grow(&peaks.Driver, seen.Driver, driver)
	grown = grow(&peaks.Executor, seen.Executor, executor) || grown
	grown = growDriverCPU(&peaks.DriverCPU, view, in.Driver) || grown
	grown = growExecutorCores(&peaks.ExecutorCores, view) || grown
	if grown || ends && *peaks != (v1beta2.Peaks{}) {
		attempt.Peaks = peaks
	}
}

// grow merges peaks of one role. It reports whether they have grown enough for a write.
func grow(recorded **v1beta2.MemoryPeaks, seen progress.Memory, requested int64) bool {
	if seen == (progress.Memory{}) {
		return false
	}
	before := ptr.Deref(*recorded, v1beta2.MemoryPeaks{})
	now := v1beta2.MemoryPeaks{
		RequestedBytes:  max(before.RequestedBytes, requested),
		JVMHeapBytes:    max(before.JVMHeapBytes, seen.Heap),
		JVMOffHeapBytes: max(before.JVMOffHeapBytes, seen.OffHeap),
		ProcessBytes:    max(before.ProcessBytes, seen.Process),
	}
	*recorded = &now
	return isMore(before.RequestedBytes, now.RequestedBytes) || isMore(before.JVMHeapBytes, now.JVMHeapBytes) ||
		isMore(before.JVMOffHeapBytes, now.JVMOffHeapBytes) || isMore(before.ProcessBytes, now.ProcessBytes)
}

func isMore(before, now int64) bool { return float64(now) > float64(before)*peakStep }

// growDriverCPU merges the peak of the CPU of the driver. It reports whether that has grown enough
// for a write. Another sample alone has not.
func growDriverCPU(recorded **v1beta2.DriverCPUPeak, seen *progress.View, driver *podview.Pod) bool {
	if seen.CPUSamples == 0 {
		return false
	}
	before, requested := ptr.Deref(*recorded, v1beta2.DriverCPUPeak{}), int64(0)
	if driver != nil && driver.Spec.Driver != nil {
		requested = driver.Spec.Driver.MilliCores
	}
	now := v1beta2.DriverCPUPeak{
		RequestedMillicores: max(before.RequestedMillicores, requested),
		JVMMillicores:       max(before.JVMMillicores, seen.Peaks.DriverMilliCores),
		Samples:             max(before.Samples, seen.CPUSamples),
	}
	*recorded = &now
	return isMore(before.RequestedMillicores, now.RequestedMillicores) || isMore(before.JVMMillicores, now.JVMMillicores)
}

// growExecutorCores does the same for the cores of executors, of which each is worth a write.
func growExecutorCores(recorded **v1beta2.ExecutorCoresPeak, seen *progress.View) bool {
	cores := &seen.Peaks.ExecutorCores
	if *cores == (progress.Cores{}) {
		return false
	}
	before := ptr.Deref(*recorded, v1beta2.ExecutorCoresPeak{})
	now := v1beta2.ExecutorCoresPeak{
		Cores:         max(before.Cores, cores.Total),
		OccupiedCores: max(before.OccupiedCores, cores.Occupied),
		Samples:       max(before.Samples, seen.TaskSamples),
	}
	*recorded = &now
	return now.Cores > before.Cores || now.OccupiedCores > before.OccupiedCores
}
