// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Row is one line of the state machine.
type Row struct {
	from []v1beta2.ApplicationStateType
	when guard
	Do   []Action
	// to is the state after do succeeded.
	to v1beta2.ApplicationStateType
	// set changes more of the status than the state; nil for nothing.
	set *effectOnStatus
	// wait says when to sync again without an event; nil if the next sync is
	// caused by the row's own write, or if nothing but the user can change
	// anything.
	wait *delay
}

// table is the state machine: the first row whose states contain the present one
// and whose guard holds is taken. It is printed to docs/states.md by a test.
var table = []Row{
	{from: AnyState, when: orphaning, to: stay, wait: backstop},
	{from: Live, when: heldWithoutDriver, Do: actions(ConfirmDriverLost), to: StateFailed, set: endLost},
	{from: AnyState, when: deleting, Do: actions(DeleteDrivers), to: stay, wait: backstop},

	// Suspension. What ran does not count as an attempt.
	{from: Live, when: suspendRequested, to: StateSuspending, set: uncharge},
	{from: states(StateNew, StateSubmitting, StateRefused, StatePendingRerun, StateSucceeding, StateFailing, StateResuming),
		when: suspendRequested, Do: actions(StopSubmitter), to: StateSuspending},
	{from: states(StateInvalidating), when: suspendRequested, Do: actions(StopSubmitter), to: StateSuspending, set: resetForChange},
	{from: states(StateSuspending), when: rerunArchiving, to: stay, wait: untilRerun},
	{from: states(StateSuspending), when: always, Do: actions(DeleteDrivers, ReleaseShared), to: StateSuspended, set: resetForSuspension},
	{from: states(StateSuspended), when: driversLeft, Do: actions(DeleteDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(StateSuspended), when: suspendRequested, to: stay},
	{from: states(StateSuspended), when: always, to: StateResuming},

	// An edit that needs a new run.
	{from: states(StateSubmitted, StateRunning, StateUnknown, StateSucceeding, StateFailing, StateRefused, StateCompleted, StateFailed),
		when: specChanged, Do: actions(StopSubmitter), to: StateInvalidating},
	{from: states(StateInvalidating), when: rerunArchiving, to: stay, wait: untilRerun},
	{from: states(StateInvalidating), when: always, Do: actions(DeleteDrivers, ReleaseShared), to: StatePendingRerun, set: resetForChange},

	// Submission.
	{from: ToBeSubmitted, when: unreadable, Do: actions(StopSubmitter, DeleteDrivers, ReleaseShared), to: StateFailed, set: failUnreadable},
	{from: ToBeSubmitted, when: invalid, Do: actions(StopSubmitter, DeleteDrivers, ReleaseShared), to: StateFailed, set: failInvalid},
	{from: states(StateNew, StateSubmitting, StateResuming, StatePendingRerun), when: oldDriversLeft, Do: actions(DeleteOldDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(StateNew, StateSubmitting, StateResuming, StatePendingRerun), when: always, Do: actions(SubmitRun), to: StateSubmitted, set: recordSubmission},
	{from: states(StateRefused), when: resubmissionDueButDriversLeft, Do: actions(DeleteOldDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(StateRefused), when: resubmissionDue, Do: actions(SubmitRun), to: StateSubmitted, set: recordSubmission},
	{from: states(StateRefused), when: resubmissionAllowed, to: stay, wait: untilRetry},
	{from: states(StateRefused), when: always, Do: actions(DeleteDrivers, ReleaseShared), to: StateFailed, set: failRefused},

	// The driver.
	{from: Live, when: driverAbsentInGrace, to: stay, wait: untilGraceEnds},
	{from: Live, when: driverAbsentAndRetryAllowed, Do: actions(ConfirmDriverLost), to: StateFailing, set: endLost, wait: untilRetry},
	{from: Live, when: driverAbsent, Do: actions(ConfirmDriverLost, ReleaseRun), to: StateFailed, set: endLost},
	{from: Live, when: driverSucceededAndRerun, to: StateSucceeding, set: endSucceeded},
	{from: Live, when: driverSucceeded, Do: actions(ReleaseRun), to: StateCompleted, set: endSucceeded},
	{from: Live, when: driverFailedAndRetryAllowed, Do: actions(ReadDriverLog), to: StateFailing, set: endFailed, wait: untilRetry},
	{from: Live, when: driverFailed, Do: actions(ReadDriverLog, ReleaseRun), to: StateFailed, set: endFailed},
	{from: Live, when: timedOut, Do: actions(ReadDriverLog), to: StateFailing, set: endTimedOut},
	{from: Live, when: driverStuck, Do: actions(ExamineNode), to: stay, set: explainNodeLoss, wait: backstop},
	{from: Live, when: driverUnknown, Do: actions(DeleteGhosts), to: StateUnknown, wait: backstop},
	{from: Live, when: driverRunning, Do: actions(DeleteGhosts, EnsureUI), to: StateRunning, wait: audit},
	{from: Live, when: driverPending, Do: actions(DeleteGhosts, EnsureUI, ReadDriverEvents), to: StateSubmitted, wait: audit},

	// After the driver.
	{from: states(StateSucceeding), when: rerunAfterSuccessArchiving, to: stay, wait: untilRerun},
	{from: states(StateSucceeding), when: rerunAfterSuccess, Do: actions(DeleteDrivers), to: StatePendingRerun, set: resetForRerun},
	{from: states(StateSucceeding), when: always, Do: actions(ReleaseRun), to: StateCompleted},
	{from: states(StateFailing), when: driverNotEnded, Do: actions(DeleteDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(StateFailing), when: rerunDueArchiving, to: stay, wait: untilRerun},
	{from: states(StateFailing), when: rerunDue, Do: actions(DeleteDrivers), to: StatePendingRerun, set: resetForRerun},
	{from: states(StateFailing), when: rerunAllowed, to: stay, wait: untilRetry},
	{from: states(StateFailing), when: always, Do: actions(ReleaseRun), to: StateFailed, set: endGivenUp},

	// The end.
	{from: Terminal, when: expiredArchiving, to: stay, wait: untilArchived},
	{from: Terminal, when: expired, Do: actions(DeleteApplication), to: stay, wait: backstop},
	{from: Terminal, when: executorsLeft, Do: actions(DeleteExecutors), to: stay, wait: backstop},
	{from: Terminal, when: executorsEnding, to: stay, wait: backstop},
	{from: Terminal, when: podsUnwanted, Do: actions(DeleteUnwanted), to: stay, wait: backstop},
	{from: Terminal, when: archiving, to: stay, wait: untilArchived},
	{from: Terminal, when: timeToLiveSet, to: stay, wait: untilExpiry},
	{from: Terminal, when: always, to: stay},
}
