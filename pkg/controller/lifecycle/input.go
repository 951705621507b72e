// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/progress"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Input is everything that a decision depends on. It is not changed by deciding.
type Input struct {
	Observed
	App      *v1beta2.SparkApplication // with defaults; shared parts are never changed
	Settings *Settings
	Now      time.Time
	Report   diagnosis.Report
	// Obstacle is what keeps the driver from starting, as far as its pod shows it;
	// nil if nothing is known to.
	Obstacle *diagnosis.Obstacle
	// Watch is what is remembered of the driver.
	Watch    DriverWatch
	SpecHash string
	// Progress is what the driver shows of itself, if the application asks for it.
	Progress progress.View

	// Refusal says why the spec is refused; empty if it is not, or if nothing is to be
	// submitted. It is known from the start.
	Refusal string
}

// Observed is what the caches show of an application's run. The pods are shared
// with the caches and never changed.
type Observed struct {
	// Driver is the driver pod of the submission in the status; nil if absent.
	Driver *podview.Pod
	// Unpublished is the driver pod of the submission that comes next: it was
	// created, but the status that says so was not written.
	Unpublished *podview.Pod
	// Leftovers are driver pods of any other submission of this application.
	Leftovers []*podview.Pod
	// Executors of the submission in the status, by name.
	Executors []*podview.Pod
	// Departed are pods of the submission in the status that are gone, and that its usage
	// may not contain yet.
	Departed []Departed
	// EarlierRuns are the attempts of the latest runs of the schedule, latest first, at the end of
	// a run whose peaks are known.
	EarlierRuns [][]v1beta2.Attempt
	// Unreadable says why the application could not be decoded; empty if it could.
	Unreadable string
}

// Drivers returns every driver pod of the application.
func (o *Observed) Drivers() []*podview.Pod {
	all := slices.Clone(o.Leftovers)
	for _, pod := range []*podview.Pod{o.Driver, o.Unpublished} {
		if pod != nil {
			all = append(all, pod)
		}
	}
	return all
}

// Unowned reports that the application is not the owner of its driver.
func (o *Observed) Unowned() bool { return o.Driver != nil && o.Driver.ApplicationUID == "" }

// State is the state by which the table works.
func (in *Input) State() v1beta2.ApplicationStateType { return StateOf(&in.App.Status) }

// absent reports that there is no driver pod of the current submission.
func (in *Input) absent() bool { return in.Driver == nil }

// driverAlive reports that there is a driver pod whose Spark container has not
// ended.
func (in *Input) driverAlive() bool {
	switch in.Report.State {
	case v1beta2.DriverStatePending, v1beta2.DriverStateRunning, v1beta2.DriverStateUnknown:
		return true
	default:
		return false
	}
}

// oldDrivers reports whether driver pods exist that stand in the way of the next
// submission. One that this very submission created does not.
func (in *Input) oldDrivers() bool { return len(in.Leftovers) > 0 || in.Driver != nil }

// specChanged reports whether the user edited the spec such that a new run is
// needed. The generation is looked at first: it changes with every edit and with
// nothing else, so a new version of the operator, whose defaults may differ,
// cannot mistake itself for an edit.
func (in *Input) specChanged() bool {
	status := &in.App.Status
	return in.Unreadable == "" &&
		in.App.Generation != status.ObservedGeneration &&
		ComparableHash(status.ObservedSpecHash) &&
		in.SpecHash != status.ObservedSpecHash
}

// graceEnd is when a submitted application without driver pod is given up.
func (in *Input) graceEnd() time.Time {
	return in.App.Status.LastSubmissionAttemptTime.Add(in.Settings.DriverGracePeriod)
}

// executorsOverdue reports that the executors of a finished application had time
// to go by themselves.
func (in *Input) executorsOverdue() bool {
	return !in.Now.Before(in.App.Status.TerminationTime.Add(ExecutorGrace)) // also if it is not known
}

// StrayExecutors returns the executors of a finished application that neither
// ended nor are being deleted. They cannot end well: those that are pending would
// even start, find no driver, and fail.
func (in *Input) StrayExecutors() []*podview.Pod {
	var stray []*podview.Pod
	for _, pod := range in.Executors {
		if pod.DeletionTimestamp == nil && !pod.Ended() {
			stray = append(stray, pod)
		}
	}
	return stray
}

// UIWritten reports whether UI objects were written for this run before.
func (in *Input) UIWritten() bool {
	return meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionUIReady) != nil
}

// UIDue reports whether the UI objects have to be written: not yet done for this
// spec, or without success.
func (in *Input) UIDue() bool {
	condition := meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionUIReady)
	return condition == nil || condition.ObservedGeneration != in.App.Generation || condition.Status != metav1.ConditionTrue
}

// StateSince is when the application came into its state; zero if the status is of
// a version that did not record it.
func (in *Input) StateSince() time.Time {
	switch since := in.App.Status.AppState.LastTransitionTime; {
	case since != nil:
		return since.Time
	case in.State() == StateNew:
		return in.App.CreationTimestamp.Time
	}
	return time.Time{}
}

// Forgotten reports that a submission is under way or waits and that nothing says which:
// the API server dropped it, and this process has only just begun.
func (in *Input) Forgotten() bool {
	return in.State() == StateSubmitting && len(in.App.Status.Conditions) == 0
}

// SubmitterPhase is ReasonSubmitterStarting or ReasonSubmitterRunning if the next
// submission was begun in a Job, else empty.
func (in *Input) SubmitterPhase() string {
	condition := meta.FindStatusCondition(in.App.Status.Conditions, v1beta2.ConditionSubmitted)
	if condition == nil || condition.Status != metav1.ConditionFalse {
		return ""
	}
	switch condition.Reason {
	case ReasonSubmitterStarting, ReasonSubmitterRunning:
		return condition.Reason
	}
	return ""
}

// StartsSilently reports whether the driver is on a node and nothing shows why
// none of its containers has started.
func (in *Input) StartsSilently() bool {
	return in.Driver != nil && in.Obstacle == nil && diagnosis.StartsSilently(in.Driver)
}

// RecoverHash takes from the driver pod which spec it was made of, where the status does
// not say it.
func RecoverHash(status *v1beta2.SparkApplicationStatus, driver *podview.Pod) {
	if status.ObservedSpecHash != "" || status.ObservedGeneration != 0 || driver == nil || driver.ApplicationUID == "" {
		return
	}
	status.ObservedSpecHash = driver.Annotations.Get(v1beta2.AnnotationSpecHash)
	if generation, err := strconv.ParseInt(driver.Annotations.Get(v1beta2.AnnotationGeneration), 10, 64); err == nil {
		status.ObservedGeneration = generation
	}
}

// DriverWatch is what this process remembers of a driver that does not start or
// whose executors do not. It only limits how often something is done, so nothing is lost with it.
type DriverWatch struct {
	pod      types.UID
	read     reconcile.Pace // of its events
	rephrase reconcile.Pace // of the message of the same reason
}

// Of is the watch as far as it is of that pod.
func (w DriverWatch) Of(pod types.UID) DriverWatch {
	if w.pod == pod {
		return w
	}
	return DriverWatch{pod: pod}
}

// EventsRead is the watch after the events of the driver were read.
func (w DriverWatch) EventsRead(now time.Time) DriverWatch {
	w.read = w.read.Done(now)
	return w
}

// Rephrased is the watch after the status said the same reason in other words.
func (w DriverWatch) Rephrased(now time.Time) DriverWatch {
	w.rephrase = w.rephrase.Done(now)
	return w
}

const (
	// ExecutorDelay is how long after the start of its driver an application may be
	// without executors, or with too few, before the status looks for the cause.
	ExecutorDelay = time.Minute
	// ExecutorGrace is how long after the end of the driver its executors have to
	// go by themselves.
	ExecutorGrace = 30 * time.Second
)

// stuckDriver returns a driver pod that should have gone long ago; nil for none.
func (in *Input) stuckDriver() *podview.Pod {
	for _, pod := range in.Drivers() {
		if reconcile.Stuck(pod.DeletionTimestamp, in.Now) {
			return pod
		}
	}
	return nil
}

// currentDriverStuck reports that this holds for the driver of the run under way.
func (in *Input) currentDriverStuck() bool {
	return in.Driver != nil && reconcile.Stuck(in.Driver.DeletionTimestamp, in.Now)
}
