// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// bound says how long an application may be in a state before it counts as stuck.
// It ends nothing: the status only reports it.
type bound struct {
	state v1beta2.ApplicationStateType
	limit time.Duration
	// afterRetry is set if the time counts from when the retry is due.
	afterRetry bool
	// hint says where to look.
	hint string
}

// bounds has a line for every state that is not final, but for those that take as
// long as they take: RUNNING, and SUSPENDED until the user ends it. It is printed
// to docs/states.md by a test.
var bounds = []bound{
	{state: stateNew, limit: time.Minute, hint: "check the operator's log"},
	{state: stateSubmitting, limit: 5 * time.Minute, hint: "check the operator's log"},
	{state: stateSubmitted, limit: 10 * time.Minute, hint: "check the driver pod"},
	{state: stateUnknown, limit: 5 * time.Minute, hint: "check the node of the driver"},
	{state: stateSucceeding, limit: time.Minute, hint: "check the operator's log"},
	{state: stateFailing, limit: time.Minute, afterRetry: true, hint: "check the operator's log"},
	{state: stateRefused, limit: time.Minute, afterRetry: true, hint: "check the operator's log"},
	{state: statePendingRerun, limit: time.Minute, hint: "check the driver pods and the operator's log"},
	{state: stateInvalidating, limit: time.Minute, hint: "check the driver pods and the operator's log"},
	{state: stateSuspending, limit: 2 * time.Minute, hint: "check the driver pods and the operator's log"},
	{state: stateResuming, limit: time.Minute, hint: "check the driver pods and the operator's log"},
}

// stuckBound returns the bound of the present state and when it ends; nil if there
// is none. What takes its time on purpose moves the end: spark-submit in a Job,
// and pods that have been asked to end.
func (in *input) stuckBound() (*bound, time.Time) {
	if in.app.DeletionTimestamp != nil {
		return nil, time.Time{}
	}
	var b *bound
	for i := range bounds {
		if bounds[i].state == in.state() {
			b = &bounds[i]
		}
	}
	since := in.stateSince()
	if b == nil || since.IsZero() {
		return nil, time.Time{}
	}
	if b.afterRetry {
		if r := in.retry(); r.allowed {
			since = reconcile.Later(since, r.due)
		}
	}
	end := since.Add(b.limit)
	if in.submitterPhase() != "" {
		deadline := in.settings.SubmitterDeadline
		if deadline == 0 {
			deadline = sparksubmit.DefaultDeadline
		}
		end = end.Add(deadline)
	}
	for _, pod := range in.drivers() {
		if pod.DeletionTimestamp != nil {
			end = reconcile.Later(end, pod.DeletionTimestamp.Add(stuckAfter))
		}
	}
	return b, end
}

// stateSince is when the application came into its state; zero if the status is of
// a version that did not record it.
func (in *input) stateSince() time.Time {
	switch since := in.app.Status.AppState.LastTransitionTime; {
	case since != nil:
		return since.Time
	case in.state() == stateNew:
		return in.app.CreationTimestamp.Time
	}
	return time.Time{}
}

// overstay is set if the application has been in its state for too long.
func (in *input) overstay() *stalledBy {
	b, end := in.stuckBound()
	if b == nil || in.now.Before(end) {
		return nil
	}
	state := "new"
	if b.state != stateNew {
		state = string(in.app.Status.AppState.State)
	}
	return &stalledBy{reasonStuck, fmt.Sprintf("the application has been %s since %s, longer than expected; %s",
		state, in.stateSince().UTC().Format(time.RFC3339), b.hint)}
}

// stampTransition records when the application came into another state.
func stampTransition(in *input, status *v1beta2.SparkApplicationStatus) {
	if stateOf(status) != in.state() {
		now := metav1.NewTime(in.now)
		status.AppState.LastTransitionTime = &now
	}
}
