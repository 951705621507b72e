// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/connect/probe"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/validation"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

const (
	// confirmedFor is how old the probe may be on whose word a server is stopped.
	confirmedFor = 15 * time.Second
	// tolerated is how many probes in a row may fail before the status says so.
	tolerated = 3
	// activityDelay and sessionsDelay are how far status.lastActivityTime may be behind, and
	// how often a change of the open sessions is written at most: a probe as such causes no
	// write.
	activityDelay, sessionsDelay = 5 * time.Minute, time.Minute
)

// detectsIdleness reports whether the server pod is one that idleness stops: the one of the
// status, ready, with a valid spec.idleTimeout.
func (in *input) detectsIdleness() bool {
	limit := in.connect.Spec.IdleTimeout
	return limit != nil && limit.Duration >= validation.MinIdleTimeout &&
		in.own() && in.pod.DeletionTimestamp == nil && in.pod.Connect.Ready && !in.ended()
}

// idleAt is when the server will have been out of use for spec.idleTimeout; false if that is
// not known.
func (in *input) idleAt() (time.Time, bool) {
	if !in.detectsIdleness() || in.probed == nil || string(in.pod.UID) != in.connect.Status.Server.PodUID {
		return time.Time{}, false
	}
	return in.probed.Track.IdleAt(in.connect.Spec.IdleTimeout.Duration)
}

// confirmedIdle reports whether the server is idle by a probe that was made just now.
func (in *input) confirmedIdle() bool {
	_, known := in.idleAt()
	return known && in.probed.Track.Confirmed(in.connect.Spec.IdleTimeout.Duration, in.now, confirmedFor)
}

// target is where the server is probed; why says what keeps that from being known.
func (in *input) target(status *v1alpha1.SparkConnectStatus) (target probe.Target, why string) {
	pod := in.pod
	address := webui.Address(pod.Connect.IP, pod.Connect.UIPort)
	switch {
	case pod.Labels.SparkApplicationSelector == "":
		return target, "the server pod does not show the id of its application, as with servers that kubeflow/spark-operator started; delete the pod to replace it"
	case pod.Connect.UIPort == 0:
		return target, "the server pod has no port of a web UI; remove spark.ui.enabled from spec.sparkConf"
	case address == "":
		return target, "the server pod has no IP address that belongs to a pod"
	}
	target = probe.Target{
		Pod:         poller.Pod{UID: pod.UID, Address: address, ApplicationID: pod.Labels.SparkApplicationSelector},
		IdleTimeout: in.connect.Spec.IdleTimeout.Duration,
	}
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionServerPodReady); ready != nil {
		target.Since = ready.LastTransitionTime.Time
	}
	if last := status.LastActivityTime; last != nil && last.After(target.Since) {
		target.Since = last.Time
	}
	return target, ""
}

// follow lets the server be probed while idleness can stop it.
func (c *Controller) follow(in *input, status *v1alpha1.SparkConnectStatus) {
	key := cache.MetaObjectToName(in.connect)
	if phaseOf(status) == phaseReady && in.detectsIdleness() {
		if target, why := in.target(status); why == "" {
			c.prober.Follow(key, target)
			return
		}
	}
	c.prober.Forget(key)
}

// probed is called after each probe. A server is synced if the probe may change its status.
func (c *Controller) probed(p probe.Probed) {
	c.metrics.probed(&p)
	before, after := &p.Before.Track, &p.After.Track
	idleAt, known := after.IdleAt(p.IdleTimeout)
	switch {
	case known && !after.At.Before(idleAt): // it is idle now
	case known && (!before.Known || before.Failures > 0): // probes work, again
	case known && before.Reading.Connect.Open != after.Reading.Connect.Open:
	case after.Failures == tolerated:
	case after.Failures > tolerated && p.Before.Failure != nil && p.Before.Failure.Reason != p.After.Failure.Reason:
	default:
		return
	}
	c.queue.Add(p.Key)
}

// recordIdleness records what the probes show.
func recordIdleness(in *input, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
	if in.connect.Spec.IdleTimeout == nil {
		status.LastActivityTime = nil
	}
	if phaseOf(status) != phaseReady || !in.detectsIdleness() {
		status.OpenSessions = nil
		c.Remove(v1alpha1.ConditionIdleDetection)
		return
	}
	_, why := in.target(status)
	switch view := in.probed; {
	case why != "":
		c.SetFalse(v1alpha1.ConditionIdleDetection, probe.NoSignal, undetected(why))
	case view == nil: // it is going to be probed
	case view.Failure == nil && view.Track.Known:
		c.SetTrue(v1alpha1.ConditionIdleDetection, reasonProbed, "")
		if !in.publishAt().After(in.now) || !equality.Semantic.DeepEqual(status, &in.connect.Status) {
			in.publish(status)
		}
	case view.Failure != nil && view.Track.Failures >= tolerated:
		// The first message stays, but not that about an earlier address of the pod.
		before := c.Find(v1alpha1.ConditionIdleDetection)
		if before == nil || before.Status != metav1.ConditionFalse || before.Reason != view.Failure.Reason || view.Track.Failures == tolerated {
			c.SetFalse(v1alpha1.ConditionIdleDetection, view.Failure.Reason, undetected(view.Failure.Message))
		}
	}
}

func undetected(why string) string {
	return "idleness does not stop the server: " + reconcile.OneLine(why)
}

// publish writes what the latest probe showed to the status.
func (in *input) publish(status *v1alpha1.SparkConnectStatus) {
	status.OpenSessions = ptr.To(in.probed.Track.Reading.Connect.Open)
	if at := in.probed.Track.LastActivity.Truncate(time.Second); status.LastActivityTime == nil || at.After(status.LastActivityTime.Time) {
		status.LastActivityTime = ptr.To(metav1.NewTime(at))
	}
}

// publishAt is when what the latest probe showed is to be in the status, if nothing else is
// written before; later than the next sync if it is there.
func (in *input) publishAt() time.Time {
	status, track := &in.connect.Status, &in.probed.Track
	switch {
	case status.OpenSessions == nil, status.LastActivityTime == nil, track.LastActivity.Sub(status.LastActivityTime.Time) >= activityDelay:
		return in.now
	case *status.OpenSessions != track.Reading.Connect.Open:
		return status.LastUpdateTime.Add(sessionsDelay)
	}
	return in.now.Add(auditDelay)
}

// idleMessage says since when the server is idle, and what to do about it.
func (in *input) idleMessage() string {
	return fmt.Sprintf("the server was not in use since %s, for spec.idleTimeout, %v; a new value of the annotation %s starts it again",
		in.probed.Track.LastActivity.UTC().Format(time.RFC3339), in.connect.Spec.IdleTimeout.Duration, v1alpha1.AnnotationWake)
}
