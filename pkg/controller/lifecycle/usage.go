// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// The usage of a run is a sum over slices of time. Each slice begins where the one before
// ended, as the status says, and each write that advances the sum is a compare-and-swap. So
// whatever number of operators adds slices, and whenever one of them ends, no second of a pod
// counts twice. Pods need no marks that they are counted, however many come and go.

// usageLag is how far the slices stay behind while a run is under way: the kubelet reports
// the start and the end of a pod some seconds late.
const usageLag = 10 * time.Second

// Departed is a pod of the run that the caches do not contain any more.
type Departed struct {
	// Pod is its last known state.
	Pod *podview.Pod
	// At is when the operator learnt that it is gone; zero if the caches are ahead of the
	// event that reports it.
	At time.Time
}

// End returns when the pod ended, zero if that is not known yet.
func (d *Departed) End() time.Time {
	if end := d.Pod.EndedAt(); !end.IsZero() {
		return end
	}
	return d.At
}

// followUsage adds a slice to the usage of the run where the status is written anyway: when
// the state, the number of executors, a condition or the progress changes, and when the
// attempt ends.
func followUsage(in *Input, status *v1beta2.SparkApplicationStatus) {
	attempt, ends := openAttempt(in, status)
	if attempt == nil {
		return
	}
	if !ends && StateOf(status) == in.State() && equality.Semantic.DeepEqual(status.ExecutorCounts, in.App.Status.ExecutorCounts) &&
		equality.Semantic.DeepEqual(status.Conditions, in.App.Status.Conditions) && equality.Semantic.DeepEqual(status.Progress, in.App.Status.Progress) {
		return
	}
	horizon := in.Now
	if !ends {
		horizon = horizon.Add(-usageLag)
	}
	attempt.Usage = in.usageUntil(attempt, horizon.Truncate(time.Second))
	if ends && attempt.Usage != nil && attempt.State != StateCompleted && !attempt.StartTime.IsZero() {
		attempt.Usage.WastedSeconds = int64(max(attempt.TerminationTime.Sub(attempt.StartTime.Time), 0) / time.Second)
	}
}

// usageUntil is the usage of an attempt with the slice that ends then; nil for none.
func (in *Input) usageUntil(attempt *v1beta2.Attempt, horizon time.Time) *v1beta2.Usage {
	usage := attempt.Usage.DeepCopy()
	if usage == nil {
		usage = &v1beta2.Usage{}
	}
	s := slice{to: horizon, driverEnd: horizon, usage: usage}
	if usage.Until != nil {
		s.from = usage.Until.Time
	}
	if end := in.Report.Finished; end != nil {
		s.driverEnd = end.Time
	}
	if !s.to.Before(s.from) { // the clock may have been put back
		usage.Until = ptr.To(metav1.NewTime(s.to))
	}
	if in.Driver != nil {
		s.add(&usage.Driver, in.Driver, in.Driver.EndedAt())
	}
	for _, pod := range in.Executors {
		s.addExecutor(pod, pod.EndedAt())
	}
	for i := range in.Departed {
		if pod, end := in.Departed[i].Pod, in.Departed[i].End(); pod.Labels.Role == v1beta2.SparkRoleDriver {
			s.add(&usage.Driver, pod, end)
		} else {
			s.addExecutor(pod, end)
		}
	}
	usage.Incomplete = usage.Incomplete || in.missedPods(attempt)
	if usage.Driver == (v1beta2.ReservedTime{}) && usage.Executors == (v1beta2.ReservedTime{}) && !usage.Incomplete {
		return nil // no pod has started
	}
	return usage
}

// missedPods reports whether a pod that ran is gone, and this process did not see it end.
func (in *Input) missedPods(attempt *v1beta2.Attempt) bool {
	seen := make(map[string]bool, len(in.Executors)+len(in.Departed))
	driver := in.Driver != nil
	for _, pod := range in.Executors {
		seen[pod.Name] = true
	}
	for i := range in.Departed {
		seen[in.Departed[i].Pod.Name] = true
		driver = driver || in.Departed[i].Pod.Labels.Role == v1beta2.SparkRoleDriver
	}
	for name, state := range in.App.Status.ExecutorState {
		if state == v1beta2.ExecutorStateRunning && !seen[name] {
			return true
		}
	}
	return !driver && attempt.StartTime != nil
}

// slice is a part of the time of a run.
type slice struct {
	from, to  time.Time // from is zero for the first one
	driverEnd time.Time
	usage     *v1beta2.Usage
}

// add adds what a pod reserved in this slice. End is zero for a pod that has not ended.
func (s *slice) add(sum *v1beta2.ReservedTime, pod *podview.Pod, end time.Time) {
	if pod.Status.Started == 0 {
		return
	}
	from, to := pod.Status.Started, s.to.Unix()
	if !s.from.IsZero() {
		from = max(from, s.from.Unix())
	}
	if !end.IsZero() {
		to = min(to, end.Unix())
	} else if pod.Ended() {
		return // a pod that does not show when it ended counts no longer than it was seen running
	}
	seconds, requests := float64(max(to-from, 0)), pod.Spec.Requests
	sum.CoreSeconds = rounded(sum.CoreSeconds + float64(requests.MilliCores)*seconds/1000)
	sum.GiBSeconds = rounded(sum.GiBSeconds + float64(requests.Bytes)*seconds/(1<<30))
	sum.GPUSeconds = rounded(sum.GPUSeconds + float64(requests.GPUs)*seconds)
}

func (s *slice) addExecutor(pod *podview.Pod, end time.Time) {
	s.add(&s.usage.Executors, pod, end)
	if !end.IsZero() && end.After(s.from) && !end.After(s.to) && !end.After(s.driverEnd) && failedByItself(pod) {
		s.usage.ExecutorsLost++
	}
}

// failedByItself reports whether an executor failed or was disrupted, as opposed to one that
// its driver has removed.
func failedByItself(pod *podview.Pod) bool {
	state := diagnosis.ExecutorState(pod)
	if diagnosis.Disruption(pod) != nil {
		return state != v1beta2.ExecutorStateCompleted
	}
	if state != v1beta2.ExecutorStateFailed {
		return false
	}
	end := diagnosis.ExecutorEnd(pod)
	if pod.DeletionTimestamp == nil || end == nil || pod.Status.Phase == corev1.PodFailed && pod.Status.Reason != "" {
		return true
	}
	const terminated = 128 + 15 // by the signal with which a deletion begins
	asked := pod.DeletionTimestamp.Add(-time.Duration(ptr.Deref(pod.DeletionGracePeriodSeconds, 0)) * time.Second)
	return end.ExitCode != terminated && !end.FinishedAt.After(asked)
}

// rounded keeps a sum to a thousandth, so that it does not show the errors of its parts.
func rounded(sum float64) float64 { return math.Round(sum*1000) / 1000 }

// Uncounted reports whether the usage of the current run does not contain all of a pod that
// is gone.
func Uncounted(status *v1beta2.SparkApplicationStatus, d *Departed) bool {
	attempt := currentAttempt(status)
	if attempt == nil || attempt.Usage == nil || attempt.Usage.Until == nil {
		return true
	}
	return d.End().After(attempt.Usage.Until.Time) || status.ExecutorState[d.Pod.Name] == v1beta2.ExecutorStateRunning
}
