// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// guard is a named condition of the state table.
type guard struct {
	text  string
	holds func(in *input) bool
}

var (
	always   = guard{"", func(*input) bool { return true }}
	deleting = guard{"the object is being deleted", func(in *input) bool { return in.app.DeletionTimestamp != nil }}

	orphaning = guard{"the object is being deleted, and its dependents are orphaned", func(in *input) bool {
		return in.app.DeletionTimestamp != nil && slices.Contains(in.app.Finalizers, metav1.FinalizerOrphanDependents)
	}}

	// Without a finalizer of others the object goes together with its driver.
	heldWithoutDriver = guard{"the object is being deleted, a finalizer holds it, and its driver is gone", func(in *input) bool {
		held := slices.ContainsFunc(in.app.Finalizers, func(f string) bool { return f != metav1.FinalizerDeleteDependents })
		inGrace := in.state() == stateSubmitted && in.now.Before(in.graceEnd())
		return in.app.DeletionTimestamp != nil && held && len(in.drivers()) == 0 && !inGrace
	}}

	suspendRequested = guard{"spec.suspend", func(in *input) bool { return in.app.Spec.Suspend != nil && *in.app.Spec.Suspend }}
	driversLeft      = guard{"driver pods exist", func(in *input) bool { return len(in.drivers()) > 0 }}
	oldDriversLeft   = guard{"driver pods of earlier submissions exist", func(in *input) bool { return in.oldDrivers() }}

	specChanged = guard{"an edit of the spec needs a new run", func(in *input) bool { return in.specChanged() }}
	unreadable  = guard{"the object cannot be decoded", func(in *input) bool { return in.unreadable != "" }}
	invalid     = guard{"the spec is invalid", func(in *input) bool { return in.refusal() != "" }}

	resubmissionAllowed = guard{"the restart policy allows another submission", func(in *input) bool { return in.retry().allowed }}
	resubmissionDue     = guard{"another submission is allowed and due", func(in *input) bool { return in.retryDue() }}

	resubmissionDueButDriversLeft = guard{"another submission is due, driver pods of earlier ones exist", func(in *input) bool {
		return in.retryDue() && in.oldDrivers()
	}}

	driverAbsentInGrace = guard{"no driver pod, within the grace period", func(in *input) bool {
		return in.absent() && in.state() == stateSubmitted && in.now.Before(in.graceEnd())
	}}
	driverAbsent                = guard{"no driver pod", func(in *input) bool { return in.absent() }}
	driverAbsentAndRetryAllowed = guard{"no driver pod, restart policy allows another run", func(in *input) bool {
		return in.absent() && in.retry().allowed
	}}
	driverPending = guard{"driver pending", func(in *input) bool { return in.report.state == v1beta2.DriverStatePending }}
	driverRunning = guard{"driver running", func(in *input) bool { return in.report.state == v1beta2.DriverStateRunning }}
	driverUnknown = guard{"driver in unknown state", func(in *input) bool { return in.report.state == v1beta2.DriverStateUnknown }}
	driverFailed  = guard{"driver failed", func(in *input) bool { return in.report.state == v1beta2.DriverStateFailed }}

	driverFailedAndRetryAllowed = guard{"driver failed, restart policy allows another run", func(in *input) bool {
		return in.report.state == v1beta2.DriverStateFailed && in.retry().allowed
	}}
	driverSucceeded         = guard{"driver succeeded", func(in *input) bool { return in.report.state == v1beta2.DriverStateCompleted }}
	driverSucceededAndRerun = guard{"driver succeeded, restart policy requires another run", func(in *input) bool {
		return in.report.state == v1beta2.DriverStateCompleted && retryAfterSuccess(in.app.Spec.RestartPolicy).allowed
	}}

	timedOut       = guard{"a timeout has expired", func(in *input) bool { return in.overdue() != nil }}
	driverStuck    = guard{"the driver was deleted but does not terminate", func(in *input) bool { return in.currentDriverStuck() }}
	driverNotEnded = guard{"the driver has not ended", func(in *input) bool { return in.driverAlive() }}

	rerunAfterSuccess = guard{"restart policy requires another run", func(in *input) bool {
		return retryAfterSuccess(in.app.Spec.RestartPolicy).allowed
	}}
	rerunAllowed = guard{"restart policy allows another run", func(in *input) bool { return in.retry().allowed }}
	rerunDue     = guard{"another run is allowed and due", func(in *input) bool { return in.retryDue() }}

	expired = guard{"time to live elapsed", func(in *input) bool {
		expires, limited := timeToLive(in.app, in.settings.DefaultTimeToLive)
		return limited && !in.now.Before(expires)
	}}
	timeToLiveSet = guard{"a time to live is set", func(in *input) bool {
		_, limited := timeToLive(in.app, in.settings.DefaultTimeToLive)
		return limited
	}}
	executorsLeft = guard{"executors have outlived their driver by 30 s", func(in *input) bool {
		return in.executorsOverdue() && len(in.strayExecutors()) > 0
	}}
	podsUnwanted    = guard{"spec.cleanupPolicy does not keep a pod that has ended", func(in *input) bool { return len(in.unwantedPods()) > 0 }}
	executorsEnding = guard{"executors have not ended yet", func(in *input) bool { return len(in.strayExecutors()) > 0 }}
)

// input is everything that a decision depends on. It is not changed by deciding.
type input struct {
	observed
	app      *v1beta2.SparkApplication // with defaults; shared parts are never changed
	settings *Settings
	now      time.Time
	report   driverReport
	// obstacle is what keeps the driver from starting, as far as its pod shows it;
	// nil if nothing is known to.
	obstacle *obstacle
	// watch is what is remembered of the driver, watches where it is remembered.
	watch    driverWatch
	watches  *driverWatches
	specHash string

	// validate returns why the spec is refused; empty if it is not.
	validate func(*v1beta2.SparkApplication) string
	// refused keeps the answer of validate, which is asked for at most once.
	refused *string
}

func (in *input) state() v1beta2.ApplicationStateType { return stateOf(&in.app.Status) }

// absent reports that there is no driver pod of the current submission.
func (in *input) absent() bool { return in.driver == nil }

// driverAlive reports that there is a driver pod whose Spark container has not
// ended.
func (in *input) driverAlive() bool {
	switch in.report.state {
	case v1beta2.DriverStatePending, v1beta2.DriverStateRunning, v1beta2.DriverStateUnknown:
		return true
	default:
		return false
	}
}

// oldDrivers reports whether driver pods exist that stand in the way of the next
// submission. One that this very submission created does not.
func (in *input) oldDrivers() bool { return len(in.leftovers) > 0 || in.driver != nil }

func (in *input) refusal() string {
	if in.refused == nil {
		text := ""
		if in.unreadable == "" {
			text = in.validate(in.app)
		}
		in.refused = &text
	}
	return *in.refused
}

// specChanged reports whether the user edited the spec such that a new run is
// needed. The generation is looked at first: it changes with every edit and with
// nothing else, so a new version of the operator, whose defaults may differ,
// cannot mistake itself for an edit.
func (in *input) specChanged() bool {
	status := &in.app.Status
	return in.unreadable == "" &&
		in.app.Generation != status.ObservedGeneration &&
		comparableHash(status.ObservedSpecHash) &&
		in.specHash != status.ObservedSpecHash
}

// retry is the verdict of the restart policy on the failure at hand: a refused
// submission or a failed run, which may end just now. A spec that cannot be
// decoded allows none.
func (in *input) retry() retry {
	policy, status := in.app.Spec.RestartPolicy, &in.app.Status
	if in.unreadable != "" {
		return retry{}
	}
	if in.state() == stateRefused {
		return retryAfterRefusal(policy, status, in.now)
	}
	if isLive(in.state()) {
		f := in.failure()
		return retryAfter(policy, tallyOf(status).afterFailure(policy, f), f, spanOf(status, f.ended.Time), status.SubmissionID)
	}
	return retryAfterFailure(policy, status, in.now)
}

func (in *input) retryDue() bool {
	r := in.retry()
	return r.allowed && !in.now.Before(r.due)
}

// graceEnd is when a submitted application without driver pod is given up.
func (in *input) graceEnd() time.Time {
	return in.app.Status.LastSubmissionAttemptTime.Add(in.settings.DriverGracePeriod)
}

// executorsOverdue reports that the executors of a finished application had time
// to go by themselves.
func (in *input) executorsOverdue() bool {
	return !in.now.Before(in.app.Status.TerminationTime.Add(executorGrace)) // also if it is not known
}

// strayExecutors returns the executors of a finished application that neither
// ended nor are being deleted. They cannot end well: those that are pending would
// even start, find no driver, and fail.
func (in *input) strayExecutors() []*podview.Pod {
	var stray []*podview.Pod
	for _, pod := range in.executors {
		if pod.DeletionTimestamp == nil && !pod.Ended() {
			stray = append(stray, pod)
		}
	}
	return stray
}

// uiWritten reports whether UI objects were written for this run before.
func (in *input) uiWritten() bool {
	return meta.FindStatusCondition(in.app.Status.Conditions, conditionUIReady) != nil
}

// uiDue reports whether the UI objects have to be written: not yet done for this
// spec, or without success.
func (in *input) uiDue() bool {
	condition := meta.FindStatusCondition(in.app.Status.Conditions, conditionUIReady)
	return condition == nil || condition.ObservedGeneration != in.app.Generation || condition.Status != metav1.ConditionTrue
}
