// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// deadline is the end of the time that a run has for one of its phases, and what
// the failure is if the run misses it.
type deadline struct {
	at              time.Time
	kind            v1beta2.FailureType
	reason, message string
}

// deadlines returns those that the run under way has not met yet.
func (in *input) deadlines() []deadline {
	switch in.report.state {
	case v1beta2.DriverStatePending:
		return in.startDeadlines()
	case v1beta2.DriverStateRunning:
		return in.runDeadlines()
	default: // ended, or out of sight
		return nil
	}
}

// startDeadlines are those of a driver that does not run yet. Both count from its
// submission.
func (in *input) startDeadlines() []deadline {
	var list []deadline
	submitted := in.app.Status.LastSubmissionAttemptTime
	if submitted.IsZero() {
		return nil
	}
	if t := in.app.Spec.Timeouts; t != nil && t.DriverStartSeconds != nil {
		list = append(list, deadline{
			at: submitted.Add(bounded(*t.DriverStartSeconds, 1)), kind: v1beta2.FailureTypeApplication, reason: reasonDriverStartTimeout,
			message: fmt.Sprintf("driver did not start within %d s of its submission (timeouts.driverStartSeconds)", *t.DriverStartSeconds),
		})
	}
	limit := in.settings.DriverCannotStartTimeout
	if o := in.obstacle; o != nil && o.failure != "" && limit > 0 {
		list = append(list, deadline{
			at: submitted.Add(limit), kind: o.failure, reason: o.reason,
			message: "driver cannot start: " + in.wording(v1beta2.ConditionDriverReady, o),
		})
	}
	return list
}

// runDeadlines are those of a driver that runs. Both count from the start of its
// Spark container; as long as that is not known, there are none.
func (in *input) runDeadlines() []deadline {
	t, started := in.app.Spec.Timeouts, in.report.started
	if t == nil || started.IsZero() {
		return nil
	}
	var list []deadline
	if t.ExecutorsReadySeconds != nil && !in.executorsWereReady() {
		list = append(list, deadline{
			at: started.Add(bounded(*t.ExecutorsReadySeconds, 1)), kind: v1beta2.FailureTypeApplication, reason: reasonExecutorsReadyTimeout,
			message: fmt.Sprintf("%d of %d executors ran within %d s of the driver's start (timeouts.executorsReadySeconds)",
				in.startedExecutors(), startingExecutors(in.app), *t.ExecutorsReadySeconds),
		})
	}
	if t.RunSeconds != nil {
		list = append(list, deadline{
			at: started.Add(bounded(*t.RunSeconds, 1)), kind: v1beta2.FailureTypeApplication, reason: reasonRunTimeout,
			message: fmt.Sprintf("driver ran for %d s (timeouts.runSeconds)", *t.RunSeconds),
		})
	}
	return list
}

// overdue returns the first deadline that the run has missed; nil for none.
func (in *input) overdue() *deadline {
	var first *deadline
	for _, d := range in.deadlines() {
		if !in.now.Before(d.at) && (first == nil || d.at.Before(first.at)) {
			first = &d
		}
	}
	return first
}

// untilDeadline is the time to the next deadline, or until the driver should have
// gone that was deleted, at most limit.
func (in *input) untilDeadline(limit time.Duration) time.Duration {
	if pod := in.driver; pod != nil && pod.DeletionTimestamp != nil && !in.stuck(pod) {
		limit = min(limit, pod.DeletionTimestamp.Add(stuckAfter).Sub(in.now))
	}
	for _, d := range in.deadlines() {
		limit = min(limit, d.at.Sub(in.now))
	}
	return limit
}

// overdueFailure is the failure of a run that missed a deadline.
func (in *input) overdueFailure(d *deadline) failure {
	f := failure{kind: d.kind, reason: d.reason, message: d.message, started: in.report.started, ended: metav1.NewTime(in.now)}
	f.ran = in.ranFor(f.ended)
	return f
}

// executorsWereReady reports whether as many executors run as the application
// starts with, or did at an earlier time of this run.
func (in *input) executorsWereReady() bool {
	return hadExecutors(&in.app.Status) || in.startedExecutors() >= startingExecutors(in.app)
}

// hadExecutors reports whether the status says that enough executors run or ran.
func hadExecutors(status *v1beta2.SparkApplicationStatus) bool {
	ready := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionExecutorsReady)
	return ready != nil && (ready.Status == metav1.ConditionTrue || ready.Reason == reasonExecutorsLost)
}

// startedExecutors counts the executors that run or have ended well.
func (in *input) startedExecutors() int32 {
	var count int32
	for _, pod := range in.executors {
		switch executorState(pod) {
		case v1beta2.ExecutorStateRunning, v1beta2.ExecutorStateCompleted:
			count++
		default: // not there yet, or of no use
		}
	}
	return count
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
