// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Short names of the states, for the table.
const (
	stateNew          = v1beta2.ApplicationStateNew
	stateSubmitted    = v1beta2.ApplicationStateSubmitted
	stateRunning      = v1beta2.ApplicationStateRunning
	stateCompleted    = v1beta2.ApplicationStateCompleted
	stateFailed       = v1beta2.ApplicationStateFailed
	stateRefused      = v1beta2.ApplicationStateFailedSubmission
	statePendingRerun = v1beta2.ApplicationStatePendingRerun
	stateInvalidating = v1beta2.ApplicationStateInvalidating
	stateSucceeding   = v1beta2.ApplicationStateSucceeding
	stateFailing      = v1beta2.ApplicationStateFailing
	stateSuspending   = v1beta2.ApplicationStateSuspending
	stateSuspended    = v1beta2.ApplicationStateSuspended
	stateResuming     = v1beta2.ApplicationStateResuming
	stateUnknown      = v1beta2.ApplicationStateUnknown

	// stay is no state: the row leaves it as it is.
	stay v1beta2.ApplicationStateType = "(same)"
)

// row is one line of the state machine.
type row struct {
	from []v1beta2.ApplicationStateType
	when guard
	do   []action
	// to is the state after do succeeded.
	to v1beta2.ApplicationStateType
	// set changes more of the status than the state; nil for nothing.
	set *effectOnStatus
	// wait says when to sync again without an event; nil if the next sync is
	// caused by the row's own write, or if nothing but the user can change
	// anything.
	wait *delay
}

func states(s ...v1beta2.ApplicationStateType) []v1beta2.ApplicationStateType { return s }

var (
	anyState = states(stateNew, stateSubmitting, stateSubmitted, stateRunning, stateUnknown, stateSucceeding, stateFailing,
		stateCompleted, stateFailed, stateRefused, statePendingRerun, stateInvalidating,
		stateSuspending, stateSuspended, stateResuming)
	// toBeSubmitted are the states in which the next thing is a submission.
	toBeSubmitted = states(stateNew, stateSubmitting, stateResuming, statePendingRerun, stateRefused)
	live          = states(stateSubmitted, stateRunning, stateUnknown)
	terminal      = states(stateCompleted, stateFailed)
)

// isLive reports whether a run is under way in a state.
func isLive(state v1beta2.ApplicationStateType) bool { return slices.Contains(live, state) }

// table is the state machine: the first row whose states contain the present one
// and whose guard holds is taken. It is printed to docs/states.md by a test.
var table = []row{
	{from: anyState, when: orphaning, to: stay, wait: backstop},
	{from: live, when: heldWithoutDriver, do: actions(confirmDriverLost), to: stateFailed, set: endLost},
	{from: anyState, when: deleting, do: actions(deleteDrivers), to: stay, wait: backstop},

	// Suspension. What ran does not count as an attempt.
	{from: live, when: suspendRequested, to: stateSuspending, set: uncharge},
	{from: states(stateNew, stateSubmitting, stateRefused, statePendingRerun, stateSucceeding, stateFailing, stateResuming),
		when: suspendRequested, do: actions(stopSubmitter), to: stateSuspending},
	{from: states(stateInvalidating), when: suspendRequested, do: actions(stopSubmitter), to: stateSuspending, set: resetForChange},
	{from: states(stateSuspending), when: always, do: actions(deleteDrivers, releaseShared), to: stateSuspended, set: resetForSuspension},
	{from: states(stateSuspended), when: driversLeft, do: actions(deleteDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(stateSuspended), when: suspendRequested, to: stay},
	{from: states(stateSuspended), when: always, to: stateResuming},

	// An edit that needs a new run.
	{from: states(stateSubmitted, stateRunning, stateUnknown, stateSucceeding, stateFailing, stateRefused, stateCompleted, stateFailed),
		when: specChanged, do: actions(stopSubmitter), to: stateInvalidating},
	{from: states(stateInvalidating), when: always, do: actions(deleteDrivers, releaseShared), to: statePendingRerun, set: resetForChange},

	// Submission.
	{from: toBeSubmitted, when: unreadable, do: actions(stopSubmitter, deleteDrivers, releaseShared), to: stateFailed, set: failUnreadable},
	{from: toBeSubmitted, when: invalid, do: actions(stopSubmitter, deleteDrivers, releaseShared), to: stateFailed, set: failInvalid},
	{from: states(stateNew, stateSubmitting, stateResuming, statePendingRerun), when: oldDriversLeft, do: actions(deleteOldDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(stateNew, stateSubmitting, stateResuming, statePendingRerun), when: always, do: actions(submitRun), to: stateSubmitted, set: recordSubmission},
	{from: states(stateRefused), when: resubmissionDueButDriversLeft, do: actions(deleteOldDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(stateRefused), when: resubmissionDue, do: actions(submitRun), to: stateSubmitted, set: recordSubmission},
	{from: states(stateRefused), when: resubmissionAllowed, to: stay, wait: untilRetry},
	{from: states(stateRefused), when: always, do: actions(deleteDrivers, releaseShared), to: stateFailed, set: failRefused},

	// The driver.
	{from: live, when: driverAbsentInGrace, to: stay, wait: untilGraceEnds},
	{from: live, when: driverAbsentAndRetryAllowed, do: actions(confirmDriverLost), to: stateFailing, set: endLost, wait: untilRetry},
	{from: live, when: driverAbsent, do: actions(confirmDriverLost, releaseRun), to: stateFailed, set: endLost},
	{from: live, when: driverSucceededAndRerun, to: stateSucceeding, set: endSucceeded},
	{from: live, when: driverSucceeded, do: actions(releaseRun), to: stateCompleted, set: endSucceeded},
	{from: live, when: driverFailedAndRetryAllowed, do: actions(readDriverLog), to: stateFailing, set: endFailed, wait: untilRetry},
	{from: live, when: driverFailed, do: actions(readDriverLog, releaseRun), to: stateFailed, set: endFailed},
	{from: live, when: timedOut, do: actions(readDriverLog), to: stateFailing, set: endTimedOut},
	{from: live, when: driverStuck, do: actions(examineNode), to: stay, set: explainNodeLoss, wait: backstop},
	{from: live, when: driverUnknown, do: actions(deleteGhosts), to: stateUnknown, wait: backstop},
	{from: live, when: driverRunning, do: actions(deleteGhosts, ensureUI), to: stateRunning, wait: audit},
	{from: live, when: driverPending, do: actions(deleteGhosts, ensureUI, readDriverEvents), to: stateSubmitted, wait: audit},

	// After the driver.
	{from: states(stateSucceeding), when: rerunAfterSuccess, do: actions(deleteDrivers), to: statePendingRerun, set: resetForRerun},
	{from: states(stateSucceeding), when: always, do: actions(releaseRun), to: stateCompleted},
	{from: states(stateFailing), when: driverNotEnded, do: actions(deleteDrivers), to: stay, set: explainWait, wait: backstop},
	{from: states(stateFailing), when: rerunDue, do: actions(deleteDrivers), to: statePendingRerun, set: resetForRerun},
	{from: states(stateFailing), when: rerunAllowed, to: stay, wait: untilRetry},
	{from: states(stateFailing), when: always, do: actions(releaseRun), to: stateFailed, set: endGivenUp},

	// The end.
	{from: terminal, when: expired, do: actions(deleteApplication), to: stay, wait: backstop},
	{from: terminal, when: executorsLeft, do: actions(deleteExecutors), to: stay, wait: backstop},
	{from: terminal, when: executorsEnding, to: stay, wait: backstop},
	{from: terminal, when: podsUnwanted, do: actions(deleteUnwanted), to: stay, wait: backstop},
	{from: terminal, when: timeToLiveSet, to: stay, wait: untilExpiry},
	{from: terminal, when: always, to: stay},
}

// Delays after which a waiting application is synced again. They are backstops: what
// it waits for normally causes an event.
const (
	backstopDelay = 30 * time.Second
	auditDelay    = 5 * time.Minute
	// executorGrace is how long after the end of the driver its executors have to
	// go by themselves.
	executorGrace = 30 * time.Second
)

// delay is a named way to compute when to sync again.
type delay struct {
	text string
	of   func(in *input) time.Duration
}

var (
	backstop       = &delay{"30 s", func(*input) time.Duration { return backstopDelay }}
	audit          = &delay{"5 min, or when a timeout expires", func(in *input) time.Duration { return in.untilDeadline(auditDelay) }}
	untilRetry     = &delay{"when the retry is due", func(in *input) time.Duration { return in.retry().due.Sub(in.now) }}
	untilGraceEnds = &delay{"when the grace period ends", func(in *input) time.Duration { return in.graceEnd().Sub(in.now) }}
	untilExpiry    = &delay{"when the time to live expires", func(in *input) time.Duration {
		expires, _ := timeToLive(in.app, in.settings.DefaultTimeToLive)
		return expires.Sub(in.now)
	}}
)
