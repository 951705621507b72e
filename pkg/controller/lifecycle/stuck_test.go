// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// TestEveryStateIsBounded, or known to take as long as it takes.
func TestEveryStateIsBounded(t *testing.T) {
	endless := append(slices.Clone(Terminal), StateRunning, StateSuspended)
	seen := map[v1beta2.ApplicationStateType]int{}
	for _, b := range bounds {
		seen[b.state]++
		if b.limit <= 0 || b.hint == "" {
			t.Errorf("bound of %s: %+v", stateName(b.state), b)
		}
	}
	for _, state := range AnyState {
		if got, want := seen[state], 1; got != want && !slices.Contains(endless, state) || got > 0 && slices.Contains(endless, state) {
			t.Errorf("%s has %d bounds", stateName(state), got)
		}
	}
}

// TestEveryWaitEndsAtTheTimeLimit: in every situation in which an application stays
// in its state, its next sync is at the latest when the time limit of the state expires.
func TestEveryWaitEndsAtTheTimeLimit(t *testing.T) {
	bounded := 0
	for name, in := range situations {
		in.App.CreationTimestamp = metav1.NewTime(in.Now)
		in.App.Status.AppState.LastTransitionTime = ptr.To(metav1.NewTime(in.Now))
		if in.State() == StateFailing {
			in.App.Status.TerminationTime = metav1.NewTime(in.Now) // it is always written with this state
		}
		p := Decide(in)
		b, end := in.stuckBound()
		if b == nil || p.Row.to != stay && p.Row.to != in.State() {
			continue
		}
		bounded++
		if p.requeueAfter <= 0 || in.Now.Add(p.requeueAfter).After(end) {
			t.Errorf("%s: next look after %v, the time ends in %v", name, p.requeueAfter, end.Sub(in.Now))
		}
		in.Now = end
		if in.overstay() == nil {
			t.Errorf("%s: no condition at the end", name)
		}
	}
	if bounded < 50 {
		t.Errorf("only %d situations have a bound", bounded)
	}
}

func TestStuckBound(t *testing.T) {
	entered := metav1.NewTime(testStart)
	at := func(state v1beta2.ApplicationStateType, edits ...func(*Input)) *Input {
		app := newApplication("pi")
		app.CreationTimestamp = metav1.NewTime(testStart)
		app.Status.AppState = v1beta2.ApplicationState{State: state, LastTransitionTime: &entered}
		in := &Input{App: app, Settings: &Settings{}, Now: testStart}
		for _, edit := range edits {
			edit(in)
		}
		return in
	}
	named := func(in *Input) { in.App.Status.DriverInfo.PodName = "pi-driver" }
	for name, test := range map[string]struct {
		in   *Input
		want time.Duration // after the entry; 0 for none
	}{
		"new, never written":    {at(StateNew, func(in *Input) { in.App.Status.AppState.LastTransitionTime = nil }), time.Minute},
		"submitted":             {at(StateSubmitted, named), 10 * time.Minute},
		"being submitted":       {at(StateSubmitted), 5 * time.Minute},
		"of an older version":   {in: at(StateSubmitted, named, func(in *Input) { in.App.Status.AppState.LastTransitionTime = nil })},
		"running":               {in: at(StateRunning)},
		"suspended":             {in: at(StateSuspended)},
		"completed":             {in: at(StateCompleted)},
		"being deleted":         {in: at(StatePendingRerun, func(in *Input) { in.App.DeletionTimestamp = &entered })},
		"failing without retry": {at(StateFailing), time.Minute},
		"failing, retry in 5 min": {at(StateFailing, func(in *Input) {
			onFailure(1, 300)(in.App)
			in.App.Status.ExecutionAttempts = 1
			in.App.Status.TerminationTime = entered
		}), 6 * time.Minute},
		"refused, retry in 10 min": {at(StateRefused, func(in *Input) {
			onFailure(1, 600)(in.App)
			in.App.Status.SubmissionAttempts = 1
			in.App.Status.LastSubmissionAttemptTime = entered
		}), 11 * time.Minute},
		"spark-submit runs": {at(StateSubmitted, func(in *Input) {
			in.App.Status.Conditions = []metav1.Condition{{Type: v1beta2.ConditionSubmitted, Status: metav1.ConditionFalse, Reason: ReasonSubmitterRunning}}
		}), 15 * time.Minute},
		"old driver has 5 minutes to end": {at(StatePendingRerun, func(in *Input) {
			in.Leftovers = []*podview.Pod{{DeletionTimestamp: ptr.To(metav1.NewTime(testStart.Add(5 * time.Minute)))}}
		}), 6 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b, end := test.in.stuckBound()
			switch {
			case (b != nil) != (test.want != 0):
				t.Fatalf("bound %+v", b)
			case b != nil && end.Sub(testStart) != test.want:
				t.Errorf("ends after %v, want %v", end.Sub(testStart), test.want)
			}
		})
	}
}
