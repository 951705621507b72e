// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// TestEveryStateIsBounded, or known to take as long as it takes.
func TestEveryStateIsBounded(t *testing.T) {
	endless := append(slices.Clone(terminal), stateRunning, stateSuspended)
	seen := map[v1beta2.ApplicationStateType]int{}
	for _, b := range bounds {
		seen[b.state]++
		if b.limit <= 0 || b.hint == "" {
			t.Errorf("bound of %s: %+v", stateName(b.state), b)
		}
	}
	for _, state := range anyState {
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
		in.app.CreationTimestamp = metav1.NewTime(in.now)
		in.app.Status.AppState.LastTransitionTime = ptr.To(metav1.NewTime(in.now))
		if in.state() == stateFailing {
			in.app.Status.TerminationTime = metav1.NewTime(in.now) // it is always written with this state
		}
		p := decide(in)
		b, end := in.stuckBound()
		if b == nil || p.row.to != stay && p.row.to != in.state() {
			continue
		}
		bounded++
		if p.requeueAfter <= 0 || in.now.Add(p.requeueAfter).After(end) {
			t.Errorf("%s: next look after %v, the time ends in %v", name, p.requeueAfter, end.Sub(in.now))
		}
		in.now = end
		if in.overstay() == nil {
			t.Errorf("%s: no condition at the end", name)
		}
	}
	if bounded < 50 {
		t.Errorf("only %d situations have a bound", bounded)
	}
}

// TestStuck: a driver does not start, and no reason is known.
func TestStuck(t *testing.T) {
	c, p := submitted(t)
	if since := c.application("pi").Status.AppState.LastTransitionTime; since == nil || !since.Time.Equal(c.clock.Now()) {
		t.Errorf("in the state since %v", since)
	}
	writes := c.statusWrites()
	c.clock.Step(8 * time.Minute)
	if after := mustSettle(t, p, "pi"); after != 2*time.Minute {
		t.Errorf("next look after %v", after)
	}
	c.clock.Step(2 * time.Minute)
	for range 5 {
		mustSettle(t, p, "pi")
		c.clock.Step(10 * time.Minute)
	}
	c.wantCondition(v1beta2.ConditionStalled, "True Stuck: the application has been SUBMITTED since 2026-03-01T12:00:00Z, longer than expected; check the driver pod")
	if got := c.statusWrites() - writes; got != 1 {
		t.Errorf("%d status writes", got)
	}
	if got := c.stalledEvents(); len(got) != 1 {
		t.Errorf("events %q", got)
	}
	// What is known more exactly comes instead, and all of it goes when it goes on.
	c.editPod("pi-driver", unscheduled(c.clock.Now().Add(-unschedulableDelay), "Unschedulable", noNode))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "True Unschedulable: pod pi-driver is unschedulable: "+noNode)
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "")
	if since := c.application("pi").Status.AppState.LastTransitionTime; !since.Time.Equal(c.clock.Now()) {
		t.Errorf("in the state since %v", since)
	}
}

func TestStuckBound(t *testing.T) {
	entered := metav1.NewTime(testStart)
	at := func(state v1beta2.ApplicationStateType, edits ...func(*input)) *input {
		app := newApplication("pi")
		app.CreationTimestamp = metav1.NewTime(testStart)
		app.Status.AppState = v1beta2.ApplicationState{State: state, LastTransitionTime: &entered}
		in := &input{app: app, settings: &Settings{}, now: testStart}
		for _, edit := range edits {
			edit(in)
		}
		return in
	}
	named := func(in *input) { in.app.Status.DriverInfo.PodName = "pi-driver" }
	for name, test := range map[string]struct {
		in   *input
		want time.Duration // after the entry; 0 for none
	}{
		"new, never written":    {at(stateNew, func(in *input) { in.app.Status.AppState.LastTransitionTime = nil }), time.Minute},
		"submitted":             {at(stateSubmitted, named), 10 * time.Minute},
		"being submitted":       {at(stateSubmitted), 5 * time.Minute},
		"of an older version":   {in: at(stateSubmitted, named, func(in *input) { in.app.Status.AppState.LastTransitionTime = nil })},
		"running":               {in: at(stateRunning)},
		"suspended":             {in: at(stateSuspended)},
		"completed":             {in: at(stateCompleted)},
		"being deleted":         {in: at(statePendingRerun, func(in *input) { in.app.DeletionTimestamp = &entered })},
		"failing without retry": {at(stateFailing), time.Minute},
		"failing, retry in 5 min": {at(stateFailing, func(in *input) {
			onFailure(1, 300)(in.app)
			in.app.Status.ExecutionAttempts = 1
			in.app.Status.TerminationTime = entered
		}), 6 * time.Minute},
		"refused, retry in 10 min": {at(stateRefused, func(in *input) {
			onFailure(1, 600)(in.app)
			in.app.Status.SubmissionAttempts = 1
			in.app.Status.LastSubmissionAttemptTime = entered
		}), 11 * time.Minute},
		"spark-submit runs": {at(stateSubmitted, func(in *input) {
			in.app.Status.Conditions = []metav1.Condition{{Type: v1beta2.ConditionSubmitted, Status: metav1.ConditionFalse, Reason: reasonSubmitterRunning}}
		}), 15 * time.Minute},
		"old driver has 5 minutes to end": {at(statePendingRerun, func(in *input) {
			in.leftovers = []*podview.Pod{{DeletionTimestamp: ptr.To(metav1.NewTime(testStart.Add(5 * time.Minute)))}}
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
