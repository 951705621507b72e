// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// failure is how a run failed: what the restart policy and the record of the
// attempt have to know.
type failure struct {
	// kind is empty if the status does not say it.
	kind     v1beta2.FailureType
	exitCode *int32
	// reason is one CamelCase word; message is one line.
	reason, message string
	started         *metav1.Time
	ended           metav1.Time
	// ran is how long the driver ran, as far as that is known.
	ran time.Duration
}

// failure is the failure of the run that is under way, which there is: its driver
// is gone, has failed, or takes too long.
func (in *input) failure() failure {
	switch {
	case in.absent():
		return in.lostDriver()
	case in.report.state == v1beta2.DriverStateFailed:
		f := failure{
			kind:     failureType(in.driver, in.report),
			exitCode: in.report.exitCode,
			reason:   in.report.reason, message: in.report.message,
			started: in.report.started, ended: in.runEnd(),
		}
		f.ran = in.ranFor(f.ended)
		return f
	}
	if d := in.overdue(); d != nil {
		return in.overdueFailure(d)
	}
	return failure{}
}

// runEnd is the time at which the driver ended, as far as its pod shows. The clock
// of the node may be ahead of ours; retries and the time to live, which count from
// here, must not wait for it.
func (in *input) runEnd() metav1.Time {
	if finished := in.report.finished; finished != nil && finished.Time.Before(in.now) {
		return *finished
	}
	return metav1.NewTime(in.now)
}

// ranFor is how long the driver had run by then; 0 if it was not seen running.
func (in *input) ranFor(end metav1.Time) time.Duration {
	if started := in.report.started; started != nil {
		return max(end.Sub(started.Time), 0)
	}
	if attempt := currentAttempt(&in.app.Status); attempt != nil && attempt.StartTime != nil {
		return max(end.Sub(attempt.StartTime.Time), 0)
	}
	return 0
}

// lostDriver is the failure of a run whose driver pod is gone. What was to be seen
// of the pod while it was about to go is in the status.
func (in *input) lostDriver() failure {
	f := failure{
		kind:   v1beta2.FailureTypeApplication,
		reason: reasonDriverLost, message: "driver pod not found",
		ended: metav1.NewTime(in.now),
	}
	f.ran = in.ranFor(f.ended)
	ready := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionDriverReady)
	switch {
	case in.app.DeletionTimestamp != nil:
		f.message = "the driver pod went because the application is being deleted"
	case ready == nil:
	case ready.Reason == reasonDriverDisrupted:
		f.kind = v1beta2.FailureTypeInfrastructure
		f.message = reconcile.Join(": ", f.message, ready.Message)
	case ready.Reason == reasonNodeLost:
		f.kind, f.reason = v1beta2.FailureTypeInfrastructure, reasonNodeLost
		f.message = reconcile.Join(": ", "driver lost with its node", ready.Message)
	}
	return f
}

// recordedFailure is the failure that ended the current submission, as the status
// records it.
func recordedFailure(status *v1beta2.SparkApplicationStatus) failure {
	attempt := currentAttempt(status)
	if attempt == nil {
		return failure{}
	}
	return failure{kind: attempt.FailureType, exitCode: attempt.ExitCode}
}

// recordFailure writes a failure to the status and counts it.
func recordFailure(in *input, status *v1beta2.SparkApplicationStatus, f failure) {
	policy := in.app.Spec.RestartPolicy
	counted := tallyOf(status).afterFailure(policy, f)
	counted.store(status)
	verdict := retryAfter(policy, counted, f, spanOf(status, f.ended.Time), status.SubmissionID)
	status.AppState.ErrorMessage = reconcile.Join("; ", f.message, verdict.refusal)
	status.TerminationTime = f.ended
	ended := endAttempt(status, stateFailed, driverReport{exitCode: f.exitCode, started: f.started, reason: f.reason, message: f.message}, f.ended)
	if ended != nil {
		ended.FailureType = f.kind
	}
}

// failureType says whose failure ended a driver. A container that a disruption
// stopped has an exit code like any other, so the pod is asked first; only too
// little memory is the application's own in any case.
func failureType(pod *podview.Pod, report driverReport) v1beta2.FailureType {
	if report.reason == "OOMKilled" {
		return v1beta2.FailureTypeApplication
	}
	if disruption(pod) != nil || infrastructureReason(pod.Status.Reason) || infrastructureReason(report.reason) {
		return v1beta2.FailureTypeInfrastructure
	}
	return v1beta2.FailureTypeApplication
}

// disruption returns the condition by which the control plane or kubelet announces
// that it ends a pod for reasons that lie outside of it; nil if there is none.
func disruption(pod *podview.Pod) *corev1.PodCondition {
	condition := pod.Condition(corev1.DisruptionTarget)
	if condition == nil || condition.Status != corev1.ConditionTrue {
		return nil
	}
	return condition
}

// infrastructureReason reports whether a reason of a pod or container is a failure
// of what the pod runs on. The names are those that kubelet and the controllers of
// Kubernetes give to failed pods.
func infrastructureReason(reason string) bool {
	switch reason {
	case "Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", // while the pod ran
		"NodeAffinity", "NodeName", "NodePorts", "TaintToleration", "TopologyAffinityError", "UnexpectedAdmissionError", // kubelet did not admit it
		"ContainerStatusUnknown": // kubelet lost the container, as after a restart of the node
		return true
	}
	return strings.HasPrefix(reason, "OutOf") // kubelet's OutOfcpu, OutOfmemory, OutOfpods
}

// followStart records when the driver started, for the case that its pod is gone
// before its end is seen.
func followStart(in *input, status *v1beta2.SparkApplicationStatus) {
	if status.AppState.State != stateRunning || in.report.started.IsZero() {
		return
	}
	if attempt := currentAttempt(status); attempt != nil && attempt.State == "" && attempt.StartTime == nil {
		attempt.StartTime = in.report.started.DeepCopy()
	}
}

// followDisruption notes in the condition DriverReady that the driver is being
// disrupted. That outlives the pod, which may be gone before its end is seen.
func followDisruption(in *input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if in.driver == nil || !isLive(stateOf(status)) || status.SubmissionID != in.app.Status.SubmissionID {
		return
	}
	disrupted, ready := disruption(in.driver), meta.FindStatusCondition(status.Conditions, v1beta2.ConditionDriverReady)
	switch {
	case ready != nil && ready.Reason == reasonNodeLost:
		return
	case disrupted == nil:
		if ready != nil && ready.Reason == reasonDriverDisrupted {
			followState(status, "", c) // it was called off
		}
		return
	}
	value := metav1.ConditionUnknown
	if ready != nil {
		value = ready.Status
	}
	c.Set(v1beta2.ConditionDriverReady, value, reasonDriverDisrupted, reconcile.OneLine(reconcile.Join(": ", disrupted.Reason, disrupted.Message)))
}
