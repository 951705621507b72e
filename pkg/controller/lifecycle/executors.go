// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// countExecutors returns status.executorCounts: the executors that
// status.ExecutorState names, those among them that are gone included, and the
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
			add(settled(diagnosis.ExecutorState(pod), app))
		}
	}
	return counts
}

// executorsReady says whether as many executors run as the application starts
// with, and what is wrong if they do not.
func executorsReady(in *Input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	wanted := startingExecutors(in.App)
	counts := ptr.Deref(status.ExecutorCounts, v1beta2.ExecutorCounts{})
	if counts.Running >= wanted {
		c.SetTrue(v1beta2.ConditionExecutorsReady, reasonEnoughExecutors, "")
		return
	}
	o := in.missingExecutors(wanted, counts)
	if hadExecutors(&in.App.Status) {
		o.Reason = reasonExecutorsLost // a time-out of the start must not begin anew
	}
	c.SetFalse(v1beta2.ConditionExecutorsReady, o.Reason, in.wording(v1beta2.ConditionExecutorsReady, o))
}

// missingExecutors is why fewer executors run than wanted.
func (in *Input) missingExecutors(wanted int32, counts v1beta2.ExecutorCounts) *diagnosis.Obstacle {
	ended := counts.Failed
	dynamic := in.App.Spec.DynamicAllocation
	if (dynamic == nil || !dynamic.Enabled) && !hadExecutors(&in.App.Status) {
		// They disappeared before their end was observed, while they were needed. Later
		// the driver may have released them because its job is done.
		ended += counts.Unknown
	}
	if ended >= max(diagnosis.MinCrashes, wanted) {
		return &diagnosis.Obstacle{Reason: reasonExecutorsCrashing, Subject: "executors keep failing", Detail: in.Settings.Hide(diagnosis.LastCrash(in.Executors))}
	}
	o := &diagnosis.Obstacle{Reason: reasonTooFewExecutors, Subject: fmt.Sprintf("fewer executors are running than the application starts with (%d)", wanted)}
	if deadline := in.executorDeadline(); deadline.IsZero() || in.Now.Before(deadline) {
		return o
	}
	if counts.Running == 0 {
		o.Reason, o.Subject = reasonNoExecutors, fmt.Sprintf("no executor is running; the application starts with %d", wanted)
	}
	pending := false
	for _, pod := range in.Executors {
		if diagnosis.ExecutorState(pod) != v1beta2.ExecutorStatePending {
			continue
		}
		pending = true
		if cause := diagnosis.Diagnose(pod, in.Now); cause != nil && cause.Subject != "" {
			o.Subject = reconcile.Join("; ", o.Subject, "pod "+pod.Name+": "+cause.Subject)
			o.Detail = in.Settings.Hide(cause.Detail)
			return o
		}
	}
	if counts.Running == 0 {
		o.Detail = "their pods have not started yet"
		if !pending {
			o.Detail = "the driver has not created their pods; its log shows why (often a quota, or missing permissions of its service account)"
		}
	}
	return o
}

// executorStates returns status.ExecutorState after the executors were observed.
// Known executors stay listed when their pods are gone: as COMPLETED in an
// application that succeeds, because executors are removed before the driver
// ends; as UNKNOWN while it runs; as FAILED otherwise. Executors whose number is
// above limit, and those beyond so many, are left out, so that the status stays bounded.
func executorStates(known map[string]v1beta2.ExecutorState, pods []*podview.Pod, app v1beta2.ApplicationStateType, limit int) map[string]v1beta2.ExecutorState {
	states := maps.Clone(known)
	present := make(map[string]bool, len(pods))
	for _, pod := range pods {
		if number, err := strconv.Atoi(pod.Labels.ExecutorID); err == nil && number > limit {
			continue
		}
		if _, tracked := states[pod.Name]; !tracked && len(states) >= limit {
			continue
		}
		present[pod.Name] = true
		if states == nil {
			states = make(map[string]v1beta2.ExecutorState, len(pods))
		}
		states[pod.Name] = settled(diagnosis.ExecutorState(pod), app)
	}
	for name, state := range states {
		if present[name] || state == v1beta2.ExecutorStateCompleted || state == v1beta2.ExecutorStateFailed {
			continue
		}
		switch app {
		case v1beta2.ApplicationStateSucceeding, v1beta2.ApplicationStateCompleted:
			states[name] = v1beta2.ExecutorStateCompleted
		case v1beta2.ApplicationStateFailing, v1beta2.ApplicationStateFailed:
			states[name] = v1beta2.ExecutorStateFailed
		default:
			states[name] = v1beta2.ExecutorStateUnknown
		}
	}
	return states
}

// settled is the state of an executor whose pod still exists. In an application
// that completed it cannot do anything any more.
func settled(state v1beta2.ExecutorState, app v1beta2.ApplicationStateType) v1beta2.ExecutorState {
	if app == v1beta2.ApplicationStateCompleted && (state == v1beta2.ExecutorStateRunning || state == v1beta2.ExecutorStatePending) {
		return v1beta2.ExecutorStateCompleted
	}
	return state
}

// hadExecutors reports whether the status says that enough executors run or ran.
func hadExecutors(status *v1beta2.SparkApplicationStatus) bool {
	ready := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionExecutorsReady)
	return ready != nil && (ready.Status == metav1.ConditionTrue || ready.Reason == reasonExecutorsLost)
}

// startingExecutors is with how many executors an application starts, as far as
// they stay: with dynamic allocation that is the least that it keeps.
func startingExecutors(app *v1beta2.SparkApplication) int32 {
	spec, conf := &app.Spec, app.Spec.SparkConf
	dynamic := spec.DynamicAllocation != nil && spec.DynamicAllocation.Enabled
	switch {
	case dynamic && spec.DynamicAllocation.MinExecutors != nil:
		return *spec.DynamicAllocation.MinExecutors
	case dynamic || strings.EqualFold(strings.TrimSpace(conf[sparkconf.DynamicAllocationEnabled]), "true"):
		return numberOr(conf["spark.dynamicAllocation.minExecutors"], 0)
	case spec.Executor.Instances != nil:
		return *spec.Executor.Instances
	}
	return numberOr(conf[sparkconf.ExecutorInstances], 1)
}

// numberOr reads a number that a property gives; where it gives none that Spark
// could read, it is the other one.
func numberOr(text string, other int32) int32 {
	if number, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32); err == nil && number >= 0 {
		return int32(number)
	}
	return other
}

// startedExecutors counts the executors that run or have ended well.
func (in *Input) startedExecutors() int32 {
	var count int32
	for _, pod := range in.Executors {
		switch diagnosis.ExecutorState(pod) {
		case v1beta2.ExecutorStateRunning, v1beta2.ExecutorStateCompleted:
			count++
		default: // not there yet, or of no use
		}
	}
	return count
}

// executorsWereReady reports whether as many executors run as the application
// starts with, or did at an earlier time of this run.
func (in *Input) executorsWereReady() bool {
	return hadExecutors(&in.App.Status) || in.startedExecutors() >= startingExecutors(in.App)
}

// executorDeadline is when missing executors are looked into; zero if it is not
// known since when the driver runs.
func (in *Input) executorDeadline() time.Time {
	started := in.Report.Started
	if started.IsZero() {
		return time.Time{}
	}
	return started.Add(ExecutorDelay)
}
