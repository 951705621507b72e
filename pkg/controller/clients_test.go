// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// What a client concludes from a state.
const (
	toWait    = "waiting"  // for a start
	toFollow  = "started"  // it looks for the driver pod
	toSucceed = "ended"    // well
	toFail    = "failed"   // for good; it may start the job over
	toIgnore  = "nothing"  // it has no rule for it
	toBreak   = "misread"  // it fails with an error of its own
	toWarn    = "degraded" // shown to people, decides nothing
)

// clientRules is what released clients make of status.applicationState.state: the
// operator of the Airflow provider cncf.kubernetes 10.25, Kueue, the health script of
// Argo CD, the spark plugin of Flyte and the Kubeflow SDK 0.5.
var clientRules = map[string]map[v1beta2.ApplicationStateType]string{
	// It takes any text but SUBMITTED and FAILED for a start, the empty one, too.
	"Airflow": {
		stateNew: toFollow, stateSubmitted: toWait, stateRunning: toFollow, stateCompleted: toFollow, stateFailed: toFail,
		stateRefused: toFollow, statePendingRerun: toFollow, stateInvalidating: toFollow, stateSucceeding: toFollow, stateFailing: toFollow,
		stateSuspending: toFollow, stateSuspended: toFollow, stateResuming: toFollow, stateUnknown: toFollow,
	},
	"Kueue": {
		stateNew: toIgnore, stateSubmitted: toIgnore, stateRunning: toFollow, stateCompleted: toSucceed, stateFailed: toFail,
		stateRefused: toFail, statePendingRerun: toIgnore, stateInvalidating: toIgnore, stateSucceeding: toIgnore, stateFailing: toIgnore,
		stateSuspending: toIgnore, stateSuspended: toIgnore, stateResuming: toIgnore, stateUnknown: toIgnore,
	},
	"Argo CD": {
		stateNew: toBreak, stateSubmitted: toWait, stateRunning: toFollow, stateCompleted: toSucceed, stateFailed: toWarn,
		stateRefused: toWarn, statePendingRerun: toWait, stateInvalidating: toWait, stateSucceeding: toWait, stateFailing: toWarn,
		stateSuspending: toWait, stateSuspended: toWait, stateResuming: toWait, stateUnknown: toWait,
	},
	"Flyte": {
		stateNew: toWait, stateSubmitted: toWait, stateRunning: toFollow, stateCompleted: toSucceed, stateFailed: toFail,
		stateRefused: toFail, statePendingRerun: toFollow, stateInvalidating: toFollow, stateSucceeding: toFollow, stateFailing: toFollow,
		stateSuspending: toFollow, stateSuspended: toFollow, stateResuming: toFollow, stateUnknown: toFollow,
	},
	"Kubeflow SDK": {
		stateNew: toWait, stateSubmitted: toWait, stateRunning: toFollow, stateCompleted: toSucceed, stateFailed: toFail,
		stateRefused: toFail, statePendingRerun: toFail, stateInvalidating: toFail, stateSucceeding: toFollow, stateFailing: toFail,
		stateSuspending: toFollow, stateSuspended: toFollow, stateResuming: toFollow, stateUnknown: toFail,
	},
}

// TestClientsKnowEveryState: no state is published that a client has no rule for, and
// all of them wait for a submission that is under way or waits.
func TestClientsKnowEveryState(t *testing.T) {
	for client, rules := range clientRules {
		for _, state := range anyState {
			if state == stateSubmitting {
				state = stateSubmitted // as it is published
			}
			if _, known := rules[state]; !known {
				t.Errorf("%s: no rule for %q", client, stateName(state))
			}
		}
		if got := rules[stateSubmitted]; got != toWait && got != toIgnore {
			t.Errorf("%s takes a submission that waits for %s", client, got)
		}
		if got := rules[stateCompleted]; got == toFail {
			t.Errorf("%s takes success for %s", client, got)
		}
	}
}

// checkForClients checks a status that is written against the contracts of clients. It
// is called for every status that any test of this package writes.
func checkForClients(before, status *v1beta2.SparkApplicationStatus) (problems []string) {
	if equality.Semantic.DeepEqual(status, &v1beta2.SparkApplicationStatus{}) {
		return nil // as if it had not been written
	}
	state := status.AppState.State
	if state == stateNew {
		problems = append(problems, "a status with an empty state: Airflow takes it for a start, Argo CD fails with it")
	}
	if !slices.Contains(anyState, state) || state == stateSubmitting {
		problems = append(problems, "state "+string(state)+" is none of kubeflow/spark-operator's: the Kubeflow SDK takes it for a failure")
	}
	follows := map[v1beta2.ApplicationStateType]bool{stateRunning: true, stateSucceeding: true, stateUnknown: true}
	if follows[state] && status.DriverInfo.PodName == "" {
		problems = append(problems, "state "+string(state)+" without the name of the driver pod: Airflow and Flyte follow it")
	}
	if state == stateFailed && strings.TrimSpace(status.AppState.ErrorMessage) == "" && before.AppState.State != stateFailed {
		problems = append(problems, "state FAILED without a message: Airflow shows it as the error of its task")
	}
	if before.SubmissionID != status.SubmissionID && status.LastSubmissionAttemptTime.IsZero() {
		problems = append(problems, "a submission without its time: Flyte takes it for the begin")
	}
	return problems
}

// TestContractsAreChecked: what checkForClients is there for.
func TestContractsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplicationStatus)
		want int
	}{
		"nothing":                 {func(*v1beta2.SparkApplicationStatus) {}, 0},
		"condition alone":         {func(s *v1beta2.SparkApplicationStatus) { s.ObservedGeneration = 1 }, 1},
		"word of our own":         {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = stateSubmitting }, 1},
		"running without a name":  {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = stateRunning }, 1},
		"failed without a reason": {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = stateFailed }, 1},
		"submission, no time":     {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State, s.SubmissionID = stateSubmitted, "1" }, 1},
		"being submitted":         {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = stateSubmitted }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			status := &v1beta2.SparkApplicationStatus{}
			test.edit(status)
			if got := checkForClients(&v1beta2.SparkApplicationStatus{}, status); len(got) != test.want {
				t.Errorf("%q", got)
			}
		})
	}
}
