// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// clientsFile has the one table of what clients conclude from a status. test/clients
// compares it with the released code of those that can be run.
const clientsFile = "../../docs/clients.md"

// meaning is what a word of a client says about the job.
type meaning string

const (
	undecided meaning = "undecided" // it is not started, or goes on, or the client has no rule
	started   meaning = "started"   // there is a driver pod to look at
	ended     meaning = "ended"     // well
	broken    meaning = "broken"    // for good: the client may start the job over
)

// clientWords are the words of the table, by client.
var clientWords = map[string]map[string]meaning{
	"Airflow operator": {"waiting": undecided, "started": started, "failed": broken},
	"Airflow sensor":   {"waiting": undecided, "succeeded": ended, "failed": broken},
	// What Argo CD shows decides nothing, so Healthy says no more than that all is well.
	"Argo CD":      {"Progressing": undecided, "Healthy": ended, "Degraded": broken, "Missing": undecided},
	"Kubeflow SDK": {"Created": undecided, "Running": started, "Completed": ended, "Failed": broken},
	"Flyte":        {"queued": undecided, "initializing": undecided, "running": started, "succeeded": ended, "failed": broken},
	"Kueue":        {"–": undecided, "active": started, "finished": ended, "failed": broken},
}

// TestClientsKnowEveryState: the table of docs/clients.md has an answer of every client
// for every state that can be published and for no other; all clients wait for a
// submission that is under way or waits, and none mistakes one end for the other.
func TestClientsKnowEveryState(t *testing.T) {
	header, rows := document.Table(t, clientsFile, "Status")
	clients := header[1:]
	if len(clients) != len(clientWords) {
		t.Errorf("the table has %d clients, this test knows %d", len(clients), len(clientWords))
	}
	answered := map[string]bool{}
	for _, row := range rows {
		state, _, _ := strings.Cut(row[0], ",")
		answered[state] = true
		if !slices.ContainsFunc(lifecycle.AnyState, func(known v1beta2.ApplicationStateType) bool { return published(known) == state }) {
			t.Errorf("%q is never published", state)
		}
		for i, client := range clients {
			said, known := clientWords[client][row[i+1]]
			if !known {
				t.Errorf("%s, %s: %q is no word of it", client, row[0], row[i+1])
				continue
			}
			wrong := map[string][]meaning{
				"New": {started, ended, broken}, string(lifecycle.StateSubmitted): {started, ended, broken},
				string(lifecycle.StateRunning): {broken}, string(lifecycle.StateSucceeding): {broken}, string(lifecycle.StateCompleted): {broken}, string(lifecycle.StateFailed): {started, ended},
			}
			if slices.Contains(wrong[state], said) {
				t.Errorf("%s takes %s for %s", client, row[0], said)
			}
		}
	}
	for _, state := range lifecycle.AnyState {
		if name := published(state); !answered[name] {
			t.Errorf("%s has no row for %s", clientsFile, name)
		}
	}
}

// published is the name that the table has for what is published of a state.
func published(state v1beta2.ApplicationStateType) string {
	if state == lifecycle.StateSubmitting {
		state = lifecycle.StateSubmitted
	}
	if state == lifecycle.StateNew {
		return "New"
	}
	return string(state)
}

// checkForClients checks a status that is written against the contracts of clients. It
// is called for every status that any test of this package writes.
func checkForClients(before, status *v1beta2.SparkApplicationStatus) (problems []string) {
	if equality.Semantic.DeepEqual(status, &v1beta2.SparkApplicationStatus{}) {
		return nil // as if it had not been written
	}
	state := status.AppState.State
	if state == lifecycle.StateNew {
		problems = append(problems, "a status with an empty state: Airflow takes it for a start, Argo CD fails with it")
	}
	if !slices.Contains(lifecycle.AnyState, state) || state == lifecycle.StateSubmitting {
		problems = append(problems, "state "+string(state)+" is none of kubeflow/spark-operator's: the Kubeflow SDK takes it for a failure")
	}
	follows := map[v1beta2.ApplicationStateType]bool{lifecycle.StateRunning: true, lifecycle.StateSucceeding: true, lifecycle.StateUnknown: true}
	if follows[state] && status.DriverInfo.PodName == "" {
		problems = append(problems, "state "+string(state)+" without the name of the driver pod: Airflow and Flyte follow it")
	}
	if state == lifecycle.StateFailed && strings.TrimSpace(status.AppState.ErrorMessage) == "" && before.AppState.State != lifecycle.StateFailed {
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
		"word of our own":         {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = lifecycle.StateSubmitting }, 1},
		"running without a name":  {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = lifecycle.StateRunning }, 1},
		"failed without a reason": {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = lifecycle.StateFailed }, 1},
		"submission, no time": {func(s *v1beta2.SparkApplicationStatus) {
			s.AppState.State, s.SubmissionID = lifecycle.StateSubmitted, "1"
		}, 1},
		"being submitted": {func(s *v1beta2.SparkApplicationStatus) { s.AppState.State = lifecycle.StateSubmitted }, 0},
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
