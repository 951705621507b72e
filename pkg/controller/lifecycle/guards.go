// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// guard is a named condition of the state table.
type guard struct {
	text  string
	holds func(in *Input) bool
}

var (
	always   = guard{"", func(*Input) bool { return true }}
	deleting = guard{"the object is being deleted", func(in *Input) bool { return in.App.DeletionTimestamp != nil }}

	orphaning = guard{"the object is being deleted, and its dependents are orphaned", func(in *Input) bool {
		return in.App.DeletionTimestamp != nil && slices.Contains(in.App.Finalizers, metav1.FinalizerOrphanDependents)
	}}

	// Without a finalizer of others the object goes together with its driver.
	heldWithoutDriver = guard{"the object is being deleted, a finalizer holds it, and its driver is gone", func(in *Input) bool {
		held := slices.ContainsFunc(in.App.Finalizers, func(f string) bool { return f != metav1.FinalizerDeleteDependents })
		inGrace := in.State() == StateSubmitted && in.Now.Before(in.graceEnd())
		return in.App.DeletionTimestamp != nil && held && len(in.Drivers()) == 0 && !inGrace
	}}

	suspendRequested = guard{"spec.suspend", func(in *Input) bool { return in.App.Spec.Suspend != nil && *in.App.Spec.Suspend }}
	driversLeft      = guard{"driver pods exist", func(in *Input) bool { return len(in.Drivers()) > 0 }}
	oldDriversLeft   = guard{"driver pods of earlier submissions exist", func(in *Input) bool { return in.oldDrivers() }}

	specChanged = guard{"an edit of the spec needs a new run", func(in *Input) bool { return in.specChanged() }}
	unreadable  = guard{"the object cannot be decoded", func(in *Input) bool { return in.Unreadable != "" }}
	invalid     = guard{"the spec is invalid", func(in *Input) bool { return in.Refusal != "" }}

	resubmissionAllowed = guard{"the restart policy allows another submission", func(in *Input) bool { return in.retry().allowed }}
	resubmissionDue     = guard{"another submission is allowed and due", func(in *Input) bool { return in.retryDue() }}

	resubmissionDueButDriversLeft = guard{"another submission is due, driver pods of earlier ones exist", func(in *Input) bool {
		return in.retryDue() && in.oldDrivers()
	}}

	driverAbsentInGrace = guard{"no driver pod, within the grace period", func(in *Input) bool {
		return in.absent() && in.State() == StateSubmitted && in.Now.Before(in.graceEnd())
	}}
	driverAbsent                = guard{"no driver pod", func(in *Input) bool { return in.absent() }}
	driverAbsentAndRetryAllowed = guard{"no driver pod, restart policy allows another run", func(in *Input) bool {
		return in.absent() && in.retry().allowed
	}}
	driverPending = guard{"driver pending", func(in *Input) bool { return in.Report.State == v1beta2.DriverStatePending }}
	driverRunning = guard{"driver running", func(in *Input) bool { return in.Report.State == v1beta2.DriverStateRunning }}
	driverUnknown = guard{"driver in unknown state", func(in *Input) bool { return in.Report.State == v1beta2.DriverStateUnknown }}
	driverFailed  = guard{"driver failed", func(in *Input) bool { return in.Report.State == v1beta2.DriverStateFailed }}

	driverFailedAndRetryAllowed = guard{"driver failed, restart policy allows another run", func(in *Input) bool {
		return in.Report.State == v1beta2.DriverStateFailed && in.retry().allowed
	}}
	driverSucceeded         = guard{"driver succeeded", func(in *Input) bool { return in.Report.State == v1beta2.DriverStateCompleted }}
	driverSucceededAndRerun = guard{"driver succeeded, restart policy requires another run", func(in *Input) bool {
		return in.Report.State == v1beta2.DriverStateCompleted && retryAfterSuccess(in.App.Spec.RestartPolicy).allowed
	}}

	timedOut       = guard{"a timeout has expired", func(in *Input) bool { return in.overdue() != nil }}
	driverStuck    = guard{"the driver was deleted but does not terminate", func(in *Input) bool { return in.currentDriverStuck() }}
	driverNotEnded = guard{"the driver has not ended", func(in *Input) bool { return in.driverAlive() }}

	rerunAfterSuccess = guard{"restart policy requires another run", func(in *Input) bool {
		return retryAfterSuccess(in.App.Spec.RestartPolicy).allowed
	}}
	rerunAllowed = guard{"restart policy allows another run", func(in *Input) bool { return in.retry().allowed }}
	rerunDue     = guard{"another run is allowed and due", func(in *Input) bool { return in.retryDue() }}

	rerunArchiving             = guard{"logs of the run are being archived", func(in *Input) bool { return in.rerunArchiving() }}
	rerunAfterSuccessArchiving = guard{"restart policy requires another run, logs are being archived", func(in *Input) bool {
		return retryAfterSuccess(in.App.Spec.RestartPolicy).allowed && in.rerunArchiving()
	}}
	rerunDueArchiving = guard{"another run is allowed and due, logs are being archived", func(in *Input) bool {
		return in.retryDue() && in.rerunArchiving()
	}}
	archiving = guard{"logs are being archived", func(in *Input) bool { return in.archiving() }}

	expiredArchiving = guard{"the time to live has expired, logs are being archived", func(in *Input) bool { return in.expired() && in.archiving() }}
	expired          = guard{"the time to live has expired", func(in *Input) bool { return in.expired() }}
	timeToLiveSet    = guard{"a time to live is set", func(in *Input) bool {
		_, limited := timeToLive(in.App, in.Settings.DefaultTimeToLive)
		return limited
	}}
	executorsLeft = guard{"executors have outlived their driver by 30 s", func(in *Input) bool {
		return in.executorsOverdue() && len(in.StrayExecutors()) > 0
	}}
	podsUnwanted    = guard{"spec.cleanupPolicy deletes a pod that has ended", func(in *Input) bool { return len(in.UnwantedPods()) > 0 }}
	executorsEnding = guard{"executors have not ended yet", func(in *Input) bool { return len(in.StrayExecutors()) > 0 }}
)
