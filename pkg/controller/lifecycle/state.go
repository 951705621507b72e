// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Short names of the states, for the table.
const (
	StateNew          = v1beta2.ApplicationStateNew
	StateSubmitted    = v1beta2.ApplicationStateSubmitted
	StateRunning      = v1beta2.ApplicationStateRunning
	StateCompleted    = v1beta2.ApplicationStateCompleted
	StateFailed       = v1beta2.ApplicationStateFailed
	StateRefused      = v1beta2.ApplicationStateFailedSubmission
	StatePendingRerun = v1beta2.ApplicationStatePendingRerun
	StateInvalidating = v1beta2.ApplicationStateInvalidating
	StateSucceeding   = v1beta2.ApplicationStateSucceeding
	StateFailing      = v1beta2.ApplicationStateFailing
	StateSuspending   = v1beta2.ApplicationStateSuspending
	StateSuspended    = v1beta2.ApplicationStateSuspended
	StateResuming     = v1beta2.ApplicationStateResuming
	StateUnknown      = v1beta2.ApplicationStateUnknown

	// stay is no state: the row leaves it as it is.
	stay v1beta2.ApplicationStateType = "(same)"
)

// StateSubmitting is published as SUBMITTED, too: a submission is under way or waits,
// and its driver pod does not exist yet.
const StateSubmitting v1beta2.ApplicationStateType = "SUBMITTED, no driver yet"

// StateOf is the state by which the table works.
func StateOf(status *v1beta2.SparkApplicationStatus) v1beta2.ApplicationStateType {
	if status.BeingSubmitted() {
		return StateSubmitting
	}
	return status.AppState.State
}

func states(s ...v1beta2.ApplicationStateType) []v1beta2.ApplicationStateType { return s }

var (
	// AnyState are all states that this version knows.
	AnyState = states(StateNew, StateSubmitting, StateSubmitted, StateRunning, StateUnknown, StateSucceeding, StateFailing,
		StateCompleted, StateFailed, StateRefused, StatePendingRerun, StateInvalidating,
		StateSuspending, StateSuspended, StateResuming)
	// ToBeSubmitted are the states in which the next thing is a submission.
	ToBeSubmitted = states(StateNew, StateSubmitting, StateResuming, StatePendingRerun, StateRefused)
	// Live are the states in which a run is under way.
	Live = states(StateSubmitted, StateRunning, StateUnknown)
	// Terminal are the final states.
	Terminal = states(StateCompleted, StateFailed)
)

// isLive reports whether a run is under way in a state.
func isLive(state v1beta2.ApplicationStateType) bool { return slices.Contains(Live, state) }
