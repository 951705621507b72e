// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// effect is a named change of the status besides the state.
type effect struct {
	text  string
	apply func(in *input, out *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions)
}

const (
	// stableAfter is how long a server has to be ready for its failures to be forgotten.
	stableAfter = 10 * time.Minute
	// firstDelay and longestDelay bound the time from the end of a server to its restart.
	firstDelay   = 10 * time.Second
	longestDelay = 5 * time.Minute
)

var (
	stopForUser = &effect{"record the stop", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		stop(in, status, c, v1alpha1.StopReasonUserRequest, "spec.suspend is true")
	}}
	stopForAge = &effect{"record the stop", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		stop(in, status, c, v1alpha1.StopReasonMaxAge, fmt.Sprintf("the server reached spec.maxAge, %v; a new value of the annotation %s starts it again",
			in.connect.Spec.MaxAge.Duration, v1alpha1.AnnotationWake))
	}}
	stopForIdleness = &effect{"record the stop", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		in.publish(status)
		stop(in, status, c, v1alpha1.StopReasonIdle, in.idleMessage())
	}}
	wake = &effect{"end the stop", func(_ *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		status.StopReason, status.StoppedAt, status.Restarts = "", nil, 0
		c.SetFalse(v1alpha1.ConditionSuspended, reasonStarted, "")
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonNotReady, "the server is started again")
	}}
	startOver = &effect{"forget the failures", func(_ *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		status.StoppedAt, status.NextRestartTime, status.Restarts = nil, nil, 0
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonNotReady, "the server is started with the new spec")
	}}
	restart = &effect{"", func(_ *input, _ *outcome, status *v1alpha1.SparkConnectStatus, _ reconcile.Conditions) {
		status.NextRestartTime = nil
	}}
	failInvalid = &effect{"record what is invalid", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		fail(in, status, c, reasonInvalidSpec, in.refusal())
	}}
	recordServer = &effect{"record the server", func(in *input, out *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		if out.pod == nil {
			return
		}
		status.Server = v1alpha1.ServerStatus{
			PodName: out.pod.Name, PodUID: string(out.pod.UID), PodIP: out.pod.Connect.IP, ServiceName: translate.ConnectServiceName(in.connect),
		}
		if out.created {
			status.Starts++
		}
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonNotReady, starting(out.pod.Name))
	}}
	recordReady = &effect{"record that it is ready", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		c.SetTrue(v1alpha1.ConditionServerPodReady, reasonReady, "Server pod is ready")
		if status.Restarts > 0 && in.stable() {
			status.Restarts = 0
		}
	}}
	forgetServer = &effect{"forget the server", func(_ *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		status.Server = v1alpha1.ServerStatus{}
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonNotReady, "the server pod is replaced")
	}}
	forgetLost = &effect{"forget the server", func(_ *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		name := status.Server.PodName
		status.Server = v1alpha1.ServerStatus{}
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonServerGone, "server pod "+name+" was deleted; another one is started")
	}}
	endServer = &effect{"record the end, and when the restart is due", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		status.Restarts = in.failures()
		status.Server = v1alpha1.ServerStatus{ServiceName: status.Server.ServiceName}
		if !serverEndedAndRestartAllowed.holds(in) {
			fail(in, status, c, reasonServerEnded, fmt.Sprintf("%s; spec.maxRestarts, %d, is used up; change the spec to start the server again",
				in.howItEnded(), ptr.Deref(in.connect.Spec.MaxRestarts, 0)))
			return
		}
		at := in.now.Add(restartDelay(status.Restarts))
		status.NextRestartTime = ptr.To(metav1.NewTime(at))
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonServerEnded, in.howItEnded()+"; it is started again at "+at.UTC().Format(time.RFC3339))
	}}
	explainServer = &effect{"record why it is not ready", func(in *input, out *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		reason, message := in.whyNotReady(out)
		before := c.Find(v1alpha1.ConditionServerPodReady)
		if before != nil && diagnosis.FromEvents(before.Reason) && reason == reasonNotReady && in.startsSilently() && !out.eventsRead {
			return // the events were not read this time; the last result holds
		}
		if before != nil && before.Status == metav1.ConditionFalse && before.Reason == reason && diagnosis.Rephrases(before.Message, reconcile.Truncate(message, reconcile.MaxConditionMessage)) {
			message = before.Message
		}
		c.SetFalse(v1alpha1.ConditionServerPodReady, reason, message)
	}}
	explainWait = &effect{"record what it waits for", func(in *input, _ *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
		if phase := phaseOf(status); phase == phaseStopped || phase == phaseFailed {
			return // why is more than what
		}
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonTerminating, "server pod "+in.pod.Name+" is being deleted")
	}}
	observe = &effect{"", func(*input, *outcome, *v1alpha1.SparkConnectStatus, reconcile.Conditions) {}}
)

func stop(in *input, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions, reason v1alpha1.StopReason, message string) {
	status.StopReason, status.StoppedAt = reason, ptr.To(metav1.NewTime(in.now))
	status.ObservedWake = in.connect.Annotations[v1alpha1.AnnotationWake]
	status.NextRestartTime = nil
	status.Server = v1alpha1.ServerStatus{ServiceName: status.Server.ServiceName}
	c.SetTrue(v1alpha1.ConditionSuspended, string(reason), message)
	c.SetFalse(v1alpha1.ConditionServerPodReady, reasonStopped, message)
}

func fail(in *input, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions, reason, message string) {
	status.StoppedAt, status.NextRestartTime = ptr.To(metav1.NewTime(in.now)), nil
	c.SetFalse(v1alpha1.ConditionServerPodReady, reason, message)
}

// stable reports whether the server has been ready for so long that its failures do not
// count any more.
func (in *input) stable() bool {
	at := in.stableAt()
	return !at.IsZero() && !in.now.Before(at)
}

// stableAt is when that is so; zero while the server is not ready.
func (in *input) stableAt() time.Time {
	ready := meta.FindStatusCondition(in.connect.Status.Conditions, v1alpha1.ConditionServerPodReady)
	if ready == nil || ready.Status != metav1.ConditionTrue {
		return time.Time{}
	}
	return ready.LastTransitionTime.Add(stableAfter)
}

// failures is how often the server failed in a row, with the present failure unless the
// infrastructure caused it.
func (in *input) failures() int32 {
	before := in.connect.Status.Restarts
	if in.stable() {
		before = 0
	}
	if in.report.State == v1beta2.DriverStateFailed && diagnosis.FailureType(in.pod, in.report) == v1beta2.FailureTypeInfrastructure {
		return before
	}
	return before + 1
}

// restartDelay doubles with every failure in a row.
func restartDelay(failures int32) time.Duration {
	delay := firstDelay
	for range min(max(failures-1, 0), 10) {
		delay *= 2
	}
	return min(delay, longestDelay)
}

// howItEnded describes the end of the server.
func (in *input) howItEnded() string {
	if in.report.Message == "" {
		return "the server ended with exit code 0"
	}
	return in.report.Message
}

// whyNotReady is why the server pod, which exists, does not accept connections.
func (in *input) whyNotReady(out *outcome) (reason, message string) {
	obstacle := in.obstacle
	if obstacle == nil {
		obstacle = out.events.obstacle
	}
	switch {
	case in.pod.DeletionTimestamp != nil:
		message = "server pod " + in.pod.Name + " " + owned.Terminating(in.pod.GetObjectMeta())
		if disrupted := diagnosis.Disruption(in.pod); disrupted != nil {
			message = reconcile.Join(": ", message, disrupted.Reason, reconcile.OneLine(disrupted.Message))
		}
		return reasonTerminating, message
	case obstacle != nil && obstacle.Subject != "":
		return obstacle.Reason, obstacle.Message()
	case in.report.State == v1beta2.DriverStateRunning:
		return reasonNotReady, reconcile.Join(": ", "Server pod is not ready", reconcile.OneLine(in.pod.Connect.NotReady))
	}
	return reasonNotReady, starting(in.pod.Name)
}

func starting(pod string) string { return "Server pod is not ready: pod " + pod + " is starting" }
