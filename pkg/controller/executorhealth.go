// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// executorDelay is how long after the start of its driver an application may be
	// without executors, or with too few, before the status looks for the cause.
	executorDelay = time.Minute
	// minCrashes is the number of failed executors needed to report a crash loop.
	minCrashes = 3
)

// countExecutors returns status.executorCounts: the executors that
// status.executorState names, those among them that are gone included, and the
// pods of all others. Nil if there is none.
func countExecutors(named map[string]v1beta2.ExecutorState, pods []*podview.Pod, app v1beta2.ApplicationStateType) *v1beta2.ExecutorCounts {
	if len(named) == 0 && len(pods) == 0 {
		return nil
	}
	counts := &v1beta2.ExecutorCounts{}
	add := func(state v1beta2.ExecutorState) {
		switch state {
		case v1beta2.ExecutorStatePending:
			counts.Pending++
		case v1beta2.ExecutorStateRunning:
			counts.Running++
		case v1beta2.ExecutorStateCompleted:
			counts.Completed++
		case v1beta2.ExecutorStateFailed:
			counts.Failed++
		case v1beta2.ExecutorStateUnknown:
			counts.Unknown++
		}
	}
	for _, state := range named {
		add(state)
	}
	for _, pod := range pods {
		if _, isNamed := named[pod.Name]; !isNamed {
			add(settled(executorState(pod), app))
		}
	}
	return counts
}

// executorsReady says whether as many executors run as the application starts
// with, and what is wrong if they do not.
func executorsReady(in *input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	wanted := startingExecutors(in.app)
	counts := ptr.Deref(status.ExecutorCounts, v1beta2.ExecutorCounts{})
	if counts.Running >= wanted {
		c.SetTrue(v1beta2.ConditionExecutorsReady, reasonEnoughExecutors, "")
		return
	}
	o := in.missingExecutors(wanted, counts)
	if hadExecutors(&in.app.Status) {
		o.reason = reasonExecutorsLost // a time-out of the start must not begin anew
	}
	c.SetFalse(v1beta2.ConditionExecutorsReady, o.reason, in.wording(v1beta2.ConditionExecutorsReady, o))
}

// missingExecutors is why fewer executors run than wanted.
func (in *input) missingExecutors(wanted int32, counts v1beta2.ExecutorCounts) *obstacle {
	ended := counts.Failed
	dynamic := in.app.Spec.DynamicAllocation
	if (dynamic == nil || !dynamic.Enabled) && !hadExecutors(&in.app.Status) {
		// They disappeared before their end was observed, while they were needed. Later
		// the driver may have released them because its job is done.
		ended += counts.Unknown
	}
	if ended >= max(minCrashes, wanted) {
		return &obstacle{reason: reasonExecutorsCrashing, subject: "executors keep failing", detail: in.settings.redact(lastCrash(in.executors))}
	}
	o := &obstacle{reason: reasonTooFewExecutors, subject: fmt.Sprintf("fewer executors are running than the application starts with (%d)", wanted)}
	if deadline := in.executorDeadline(); deadline.IsZero() || in.now.Before(deadline) {
		return o
	}
	if counts.Running == 0 {
		o.reason, o.subject = reasonNoExecutors, fmt.Sprintf("no executor is running; the application starts with %d", wanted)
	}
	pending := false
	for _, pod := range in.executors {
		if executorState(pod) != v1beta2.ExecutorStatePending {
			continue
		}
		pending = true
		if cause := diagnose(pod, in.now); cause != nil && cause.subject != "" {
			o.subject = reconcile.Join("; ", o.subject, "pod "+pod.Name+": "+cause.subject)
			o.detail = in.settings.redact(cause.detail)
			return o
		}
	}
	if counts.Running == 0 {
		o.detail = "their pods have not started yet"
		if !pending {
			o.detail = "the driver has not created their pods; its log shows why (often a quota, or missing permissions of its service account)"
		}
	}
	return o
}

// executorDeadline is when missing executors are looked into; zero if it is not
// known since when the driver runs.
func (in *input) executorDeadline() time.Time {
	started := in.report.started
	if started.IsZero() {
		return time.Time{}
	}
	return started.Add(executorDelay)
}

// lastCrash describes how the latest failed executor ended; empty if no pod of a
// failed executor is left.
func lastCrash(pods []*podview.Pod) string {
	var last metav1.Time
	text := ""
	for _, pod := range pods {
		if executorState(pod) != v1beta2.ExecutorStateFailed {
			continue
		}
		reason, message := podFailure(pod)
		end := executorEnd(pod)
		switch {
		case end != nil && (text == "" || last.Before(&end.FinishedAt)):
			last = end.FinishedAt
			text = reconcile.Join("; ", "the last one failed with "+describeEnd(end), reconcile.Join(": ", reason, message))
		case end == nil && text == "" && reason != "":
			text = "the last one: " + reconcile.Join(": ", reason, message)
		}
	}
	return text
}
