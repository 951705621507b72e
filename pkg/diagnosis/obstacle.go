// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Obstacle is what keeps a pod from running.
type Obstacle struct {
	Reason string
	// Subject names what is affected and stays the same as long as the obstacle
	// does. Detail is what Kubernetes has to say; it is empty where Kubernetes says
	// it now and then only.
	Subject, Detail string
	// since is when the obstacle was first there; zero if unknown.
	since time.Time
	// NeedsAction is set if waiting does not help: a user must change something.
	NeedsAction bool
	// Due is when to sync again without an event; zero for no such time.
	Due time.Time
	// Failure is whose failure it is if the driver does not start for that; empty if
	// it is waited for as long as it takes.
	Failure v1beta2.FailureType
}

// Message is subject and detail in one line.
func (o *Obstacle) Message() string {
	return reconcile.Join(": ", o.Subject, o.Detail)
}

// UnschedulableDelay is how long a driver may wait for a node before the
// application counts as stalled. An autoscaler needs minutes for a new node.
const UnschedulableDelay = 5 * time.Minute

// StallsAt is when the obstacle makes the application a stalled one; false if it
// never does.
func (o *Obstacle) StallsAt() (time.Time, bool) {
	switch {
	case o.NeedsAction:
		return time.Time{}, true
	case o.Reason == ReasonUnschedulable:
		return o.since.Add(UnschedulableDelay), true
	}
	return time.Time{}, false
}

// Diagnose reads from a pod what keeps it from running; nil if nothing is known
// to. What a pod does not show is in its events, see EventObstacle.
func Diagnose(pod *podview.Pod, now time.Time) *Obstacle {
	if pod == nil || pod.DeletionTimestamp != nil {
		return nil
	}
	if o := diagnoseScheduling(pod, now); o != nil {
		return o
	}
	for i := range pod.Status.InitContainerStatuses {
		container := &pod.Status.InitContainerStatuses[i]
		if o := diagnoseInit(container); o != nil {
			return o
		}
		if o := diagnoseWaiting(container); o != nil {
			return o
		}
	}
	for i := range pod.Status.ContainerStatuses {
		if o := diagnoseWaiting(&pod.Status.ContainerStatuses[i]); o != nil {
			return o
		}
	}
	return nil
}

// schedulerDelay is how long a scheduler may take to process a pod before it counts
// as absent, and quietScheduler how long until the status names it. One that is there
// looks within moments and says what it found. The default scheduler, without which
// hardly anything runs, is given the time to restart.
const (
	schedulerDelay        = 15 * time.Second
	quietScheduler        = 3 * time.Second
	defaultSchedulerDelay = 2 * time.Minute
)

// diagnoseScheduler names the scheduler of a pod that no scheduler has processed.
func diagnoseScheduler(pod *podview.Pod, now time.Time) *Obstacle {
	wanted := pod.Spec.Wanted
	if wanted == nil || wanted.Scheduler == "" || len(pod.Status.ContainerStatuses) > 0 {
		return nil
	}
	quiet, late := pod.CreationTimestamp.Add(quietScheduler), pod.CreationTimestamp.Add(schedulerDelay)
	if wanted.Scheduler == corev1.DefaultSchedulerName {
		late = pod.CreationTimestamp.Add(defaultSchedulerDelay)
		quiet = late
	}
	switch {
	case now.Before(quiet):
		return &Obstacle{Reason: ReasonDriverPending, Due: quiet}
	case now.Before(late):
		return &Obstacle{Reason: ReasonDriverPending, Subject: WaitsFor(pod.Name, wanted.Scheduler), Due: late}
	}
	return &Obstacle{
		Reason: ReasonNoScheduler, Subject: WaitsFor(pod.Name, wanted.Scheduler), NeedsAction: true,
		Detail: "no scheduler with this name has processed the pod; check that it is installed, that it runs, and that the name is correct",
	}
}

// WaitsFor says for which scheduler a pod waits.
func WaitsFor(pod, scheduler string) string {
	return "pod " + pod + " waits for scheduler " + scheduler
}

func diagnoseScheduling(pod *podview.Pod, now time.Time) *Obstacle {
	condition := pod.Condition(corev1.PodScheduled)
	if condition == nil {
		return diagnoseScheduler(pod, now)
	}
	if condition.Status == corev1.ConditionTrue || pod.Spec.NodeName != "" {
		return nil
	}
	o := &Obstacle{Reason: ReasonUnschedulable, Subject: "pod " + pod.Name + " is unschedulable", Detail: reconcile.OneLine(condition.Message), since: condition.LastTransitionTime.Time}
	if condition.Reason == corev1.PodReasonSchedulingGated {
		o.Reason, o.Subject = ReasonSchedulingGated, "pod "+pod.Name+" has scheduling gates"
		if wanted := pod.Spec.Wanted; wanted != nil && wanted.Gates != "" {
			o.Subject += " " + wanted.Gates
		}
		if wanted := pod.Spec.Wanted; wanted != nil && strings.Contains(wanted.Gates, "kueue.x-k8s.io/") {
			o.Detail = reconcile.Join("; ", o.Detail, "Kueue removes its gate when it admits the pod; the Workload of the pod shows why it waits")
		}
	} else if wanted := pod.Spec.Wanted; wanted != nil {
		var selector, scheduler string
		if wanted.NodeSelector != "" && strings.Contains(o.Detail, "node affinity/selector") {
			selector = "node selector " + wanted.NodeSelector
		}
		if name := wanted.Scheduler; name != "" && name != corev1.DefaultSchedulerName {
			scheduler = "scheduler " + name
		}
		if notes := reconcile.Join("; ", selector, scheduler); notes != "" {
			o.Subject += " (" + notes + ")"
		}
	}
	if o.since.IsZero() {
		o.since = pod.CreationTimestamp.Time
	}
	return o
}

// diagnoseInit finds an init container that failed. One that is tried again has
// failed until it succeeds, whether it happens to run or to wait just now.
//
// A sidecar is restarted for as long as the pod lives. It stands in the way only if
// it fails again and again before it has started once.
func diagnoseInit(container *podview.ContainerStatus) *Obstacle {
	if container.Sidecar && (container.Started || container.RestartCount < MinCrashes) {
		return nil
	}
	end := container.State.Terminated
	if end == nil && container.RestartCount > 0 {
		end = container.LastTerminationState.Terminated
	}
	if end == nil || end.ExitCode == 0 {
		return nil
	}
	return &Obstacle{
		Reason:      ReasonInitFailed,
		Subject:     "init container " + container.Name + " failed",
		Detail:      describeEnd(end),
		NeedsAction: true,
	}
}

// diagnoseWaiting translates the reasons for which the kubelet keeps a container
// waiting. It alternates between words and texts for the same fault.
func diagnoseWaiting(container *podview.ContainerStatus) *Obstacle {
	waiting := container.State.Waiting
	if waiting == nil {
		return nil
	}
	o := &Obstacle{Detail: reconcile.OneLine(waiting.Message), NeedsAction: true, Failure: v1beta2.FailureTypeApplication}
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed":
		o.Reason = ReasonImagePullFailed
		o.Subject = fmt.Sprintf("image %s of container %s cannot be pulled", container.Image, container.Name)
		o.Detail = pullCause(o.Detail)
		if waiting.Reason != "ErrImageNeverPull" { // no attempt to pull
			o.Failure = v1beta2.FailureTypeInfrastructure
		}
	case "InvalidImageName":
		o.Reason = ReasonInvalidImageName
		o.Subject = fmt.Sprintf("invalid image reference %s of container %s", container.Image, container.Name)
	case "CreateContainerConfigError":
		o.Reason = ReasonContainerConfig
		o.Subject = fmt.Sprintf("container %s cannot be configured", container.Name)
	case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
		o.Reason = ReasonContainerCreation
		o.Subject = fmt.Sprintf("container %s cannot be created", container.Name)
	case "CreatePodSandboxError", "ConfigPodSandboxError", "SetupNetworkError":
		o.Reason = ReasonSandboxFailed
		o.Subject = "the sandbox of the pod cannot be created"
		o.Failure = "" // the node may recover
	default: // ContainerCreating, PodInitializing: on its way
		return nil
	}
	return o
}

// pullCause strips what the kubelet puts in front of the cause of a failed pull.
// A back-off of older kubelets names no cause; nothing is left of it.
func pullCause(message string) string {
	if rest, ok := strings.CutPrefix(message, "Back-off pulling image "); ok {
		_, cause, found := strings.Cut(rest, ": ")
		if !found {
			return ""
		}
		message = cause
	}
	message = strings.TrimPrefix(message, "ErrImagePull: ")
	if rest, ok := strings.CutPrefix(message, "rpc error: code = "); ok {
		if _, cause, found := strings.Cut(rest, " desc = "); found {
			message = cause
		}
	}
	return message
}

// pullUnderWay returns the event of the last pull of an image that began; nil for none.
// Done is set if it has ended.
func pullUnderWay(events []corev1.Event) (pulling *corev1.Event, done bool) {
	for i := range events {
		if events[i].Reason == "Pulling" && (pulling == nil || lastSeen(&events[i]).After(lastSeen(pulling))) {
			pulling = &events[i]
		}
	}
	for i := range events {
		switch events[i].Reason {
		case "Pulled", "Created", "Started", "Failed", "BackOff":
			done = done || pulling != nil && !lastSeen(&events[i]).Before(lastSeen(pulling))
		}
	}
	return pulling, done
}
