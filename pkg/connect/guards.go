// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"time"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// guard is a named condition of the state table.
type guard struct {
	text  string
	holds func(in *input) bool
}

var (
	always   = guard{"", func(*input) bool { return true }}
	deleting = guard{"the object is being deleted", func(in *input) bool { return in.connect.DeletionTimestamp != nil }}

	suspendRequested = guard{"spec.suspend, not stopped for that yet", func(in *input) bool {
		return in.suspended() && in.connect.Status.StopReason != v1alpha1.StopReasonUserRequest
	}}
	tooOld = guard{"the server pod is as old as spec.maxAge", func(in *input) bool {
		end, limited := in.endOfAge()
		return limited && !in.now.Before(end)
	}}
	wakeRequested = guard{"spec.suspend was set to false; or the spec or the annotation wake changed", func(in *input) bool { return in.wakes() }}
	unwanted      = guard{"spec.onStop is Delete, or the time to live has expired", func(in *input) bool {
		reason := in.connect.Status.StopReason
		deleted := in.connect.Spec.OnStop == v1alpha1.StopDelete && (reason == v1alpha1.StopReasonMaxAge || reason == v1alpha1.StopReasonIdle)
		expires, limited := in.expiry()
		return !in.wakes() && (deleted || limited && !in.now.Before(expires))
	}}

	specChanged = guard{"the spec changed", func(in *input) bool { return in.connect.Generation != in.connect.Status.ObservedGeneration }}
	unusable    = guard{"the spec is invalid, and no server of kubeflow/spark-operator runs", func(in *input) bool { return !in.adopts() && in.refusal() != "" }}
	restartDue  = guard{"the restart is due", func(in *input) bool { return !in.now.Before(in.connect.Status.NextRestartTime.Time) }}

	serverLeft    = guard{"the server pod exists", func(in *input) bool { return in.own() }}
	serverRuns    = guard{"the server pod exists and has not ended", func(in *input) bool { return in.own() && !in.pod.Ended() }}
	oldServerLeft = guard{"a server pod exists that ended, is being deleted, or is to be replaced", func(in *input) bool {
		return in.own() && (in.pod.DeletionTimestamp != nil || in.ended() || in.replaces())
	}}
	serverStuck    = guard{"the server pod was deleted but does not terminate", func(in *input) bool { return in.stuck() }}
	serverReplaced = guard{"another server pod has the name", func(in *input) bool {
		return in.own() && string(in.pod.UID) != in.connect.Status.Server.PodUID
	}}
	serverAbsent = guard{"the server pod does not exist", func(in *input) bool { return !in.own() }}
	serverEnded  = guard{"the server ended", func(in *input) bool { return in.ended() }}

	serverEndedAndRestartAllowed = guard{"the server ended, spec.maxRestarts allows a restart", func(in *input) bool {
		limit := in.connect.Spec.MaxRestarts
		return in.ended() && (limit == nil || in.failures() <= *limit)
	}}
	replacementDue = guard{"the spec changed, and spec.updatePolicy is Recreate", func(in *input) bool { return in.replaces() }}
	idle           = guard{"no use for spec.idleTimeout, by a probe just now", func(in *input) bool { return in.confirmedIdle() }}
	idleBeforeNow  = guard{"no use for spec.idleTimeout", func(in *input) bool {
		at, known := in.idleAt()
		return known && !in.now.Before(at)
	}}
	serverReady = guard{"the server pod is ready", func(in *input) bool { return in.pod.DeletionTimestamp == nil && in.pod.Connect.Ready }}
)

func (in *input) suspended() bool { return ptr.Deref(in.connect.Spec.Suspend, false) }

// wakes reports whether a stopped server is to be started. What stopped it decides what
// starts it.
func (in *input) wakes() bool {
	status := &in.connect.Status
	switch {
	case phaseOf(status) != phaseStopped || in.suspended():
		return false
	case status.StopReason == v1alpha1.StopReasonUserRequest:
		return true
	}
	return in.connect.Annotations[v1alpha1.AnnotationWake] != status.ObservedWake || specChanged.holds(in)
}

// own reports whether there is a server pod that the object controls.
func (in *input) own() bool {
	return in.pod != nil && in.pod.Connect != nil && in.pod.Connect.UID == in.connect.UID
}

// adopts reports whether kubeflow/spark-operator built the server pod, which runs on.
func (in *input) adopts() bool {
	return in.own() && in.pod.Labels.SubmissionID == "" && in.pod.DeletionTimestamp == nil && !in.ended()
}

// ended reports whether the server ended by itself. A sidecar may keep its pod running. The
// kubelet reports the end of a deleted pod, too, before the pod goes: that is no failure.
func (in *input) ended() bool {
	if !in.own() || in.pod.DeletionTimestamp != nil {
		return false
	}
	switch in.report.State {
	case v1beta2.DriverStateCompleted, v1beta2.DriverStateFailed:
		return true
	case v1beta2.DriverStatePending, v1beta2.DriverStateRunning, v1beta2.DriverStateUnknown:
	}
	return false
}

// outdated reports whether the server pod was built from another spec; false if that is
// not known.
func (in *input) outdated() bool {
	hash := in.pod.Annotations.Get(v1beta2.AnnotationSpecHash)
	return hash != "" && hash != in.hash
}

func (in *input) replaces() bool {
	return in.own() && in.connect.Spec.UpdatePolicy == v1alpha1.UpdateRecreate && in.outdated() && in.refusal() == ""
}

// endOfAge is when the server becomes too old; false if it never does.
func (in *input) endOfAge() (time.Time, bool) {
	limit := in.connect.Spec.MaxAge
	if limit == nil || limit.Duration <= 0 || !in.own() || in.pod.DeletionTimestamp != nil {
		return time.Time{}, false
	}
	return in.pod.CreationTimestamp.Add(limit.Duration), true
}

// expiry is when the time to live of a stopped or failed server ends; false if it never does.
func (in *input) expiry() (time.Time, bool) {
	seconds, stopped := in.connect.Spec.TimeToLiveSeconds, in.connect.Status.StoppedAt
	if seconds == nil || stopped == nil || *seconds < 0 {
		return time.Time{}, false
	}
	const longest = int64(100 * 365 * 24 * time.Hour / time.Second)
	return stopped.Add(time.Duration(min(*seconds, longest)) * time.Second), true
}
