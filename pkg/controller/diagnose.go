// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// obstacle is what keeps a pod from running.
type obstacle struct {
	reason string
	// subject names what is affected and stays the same as long as the obstacle
	// does. Detail is what Kubernetes has to say; it is empty where Kubernetes says
	// it now and then only.
	subject, detail string
	// since is when the obstacle was first there; zero if unknown.
	since time.Time
	// needsAction is set if waiting does not help: a user must change something.
	needsAction bool
	// due is when to sync again without an event; zero for no such time.
	due time.Time
	// failure is whose failure it is if the driver does not start for that; empty if
	// it is waited for as long as it takes.
	failure v1beta2.FailureType
}

func (o *obstacle) message() string {
	return reconcile.Join(": ", o.subject, o.detail)
}

// unschedulableDelay is how long a driver may wait for a node before the
// application counts as stalled. An autoscaler needs minutes for a new node.
const unschedulableDelay = 5 * time.Minute

// stallsAt is when the obstacle makes the application a stalled one; false if it
// never does.
func (o *obstacle) stallsAt() (time.Time, bool) {
	switch {
	case o.needsAction:
		return time.Time{}, true
	case o.reason == reasonUnschedulable:
		return o.since.Add(unschedulableDelay), true
	}
	return time.Time{}, false
}

// diagnose reads from a pod what keeps it from running; nil if nothing is known
// to. What a pod does not show is in its events, see eventObstacle.
func diagnose(pod *podview.Pod, now time.Time) *obstacle {
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
func diagnoseScheduler(pod *podview.Pod, now time.Time) *obstacle {
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
		return &obstacle{reason: reasonDriverPending, due: quiet}
	case now.Before(late):
		return &obstacle{reason: reasonDriverPending, subject: waitsFor(pod.Name, wanted.Scheduler), due: late}
	}
	return &obstacle{
		reason: reasonNoScheduler, subject: waitsFor(pod.Name, wanted.Scheduler), needsAction: true,
		detail: "no scheduler with this name has processed the pod; check that it is installed, that it runs, and that the name is correct",
	}
}

func waitsFor(pod, scheduler string) string {
	return "pod " + pod + " waits for scheduler " + scheduler
}

func diagnoseScheduling(pod *podview.Pod, now time.Time) *obstacle {
	condition := pod.Condition(corev1.PodScheduled)
	if condition == nil {
		return diagnoseScheduler(pod, now)
	}
	if condition.Status == corev1.ConditionTrue || pod.Spec.NodeName != "" {
		return nil
	}
	o := &obstacle{reason: reasonUnschedulable, subject: "pod " + pod.Name + " is unschedulable", detail: reconcile.OneLine(condition.Message), since: condition.LastTransitionTime.Time}
	if condition.Reason == corev1.PodReasonSchedulingGated {
		o.reason, o.subject = reasonSchedulingGated, "pod "+pod.Name+" has scheduling gates"
		if wanted := pod.Spec.Wanted; wanted != nil && wanted.Gates != "" {
			o.subject += " " + wanted.Gates
		}
		if wanted := pod.Spec.Wanted; wanted != nil && strings.Contains(wanted.Gates, "kueue.x-k8s.io/") {
			o.detail = reconcile.Join("; ", o.detail, "Kueue removes its gate when it admits the pod; the Workload of the pod shows why it waits")
		}
	} else if wanted := pod.Spec.Wanted; wanted != nil {
		var selector, scheduler string
		if wanted.NodeSelector != "" && strings.Contains(o.detail, "node affinity/selector") {
			selector = "node selector " + wanted.NodeSelector
		}
		if name := wanted.Scheduler; name != "" && name != corev1.DefaultSchedulerName {
			scheduler = "scheduler " + name
		}
		if notes := reconcile.Join("; ", selector, scheduler); notes != "" {
			o.subject += " (" + notes + ")"
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
func diagnoseInit(container *podview.ContainerStatus) *obstacle {
	if container.Sidecar && (container.Started || container.RestartCount < minCrashes) {
		return nil
	}
	end := container.State.Terminated
	if end == nil && container.RestartCount > 0 {
		end = container.LastTerminationState.Terminated
	}
	if end == nil || end.ExitCode == 0 {
		return nil
	}
	return &obstacle{
		reason:      reasonInitFailed,
		subject:     "init container " + container.Name + " failed",
		detail:      describeEnd(end),
		needsAction: true,
	}
}

// diagnoseWaiting translates the reasons for which the kubelet keeps a container
// waiting. It alternates between words and texts for the same fault.
func diagnoseWaiting(container *podview.ContainerStatus) *obstacle {
	waiting := container.State.Waiting
	if waiting == nil {
		return nil
	}
	o := &obstacle{detail: reconcile.OneLine(waiting.Message), needsAction: true, failure: v1beta2.FailureTypeApplication}
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed":
		o.reason = reasonImagePullFailed
		o.subject = fmt.Sprintf("image %s of container %s cannot be pulled", container.Image, container.Name)
		o.detail = pullCause(o.detail)
		if waiting.Reason != "ErrImageNeverPull" { // no attempt to pull
			o.failure = v1beta2.FailureTypeInfrastructure
		}
	case "InvalidImageName":
		o.reason = reasonInvalidImageName
		o.subject = fmt.Sprintf("invalid image reference %s of container %s", container.Image, container.Name)
	case "CreateContainerConfigError":
		o.reason = reasonContainerConfig
		o.subject = fmt.Sprintf("container %s cannot be configured", container.Name)
	case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
		o.reason = reasonContainerCreation
		o.subject = fmt.Sprintf("container %s cannot be created", container.Name)
	case "CreatePodSandboxError", "ConfigPodSandboxError", "SetupNetworkError":
		o.reason = reasonSandboxFailed
		o.subject = "the sandbox of the pod cannot be created"
		o.failure = "" // the node may recover
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

// eventObstacle reads from the events of a pod that has not started what keeps
// it from that: volumes and the sandbox, of which its status says nothing. Events
// from before the last progress are of the past.
func eventObstacle(pod *podview.Pod, events []corev1.Event) *obstacle {
	var progress, latest time.Time
	for i := range events {
		switch events[i].Reason {
		case "Pulling", "Pulled", "Created", "Started":
			progress = reconcile.Later(progress, lastSeen(&events[i]))
		case "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox":
			latest = reconcile.Later(latest, lastSeen(&events[i]))
		}
	}
	pulling, pulled := pullUnderWay(events)
	volumes := obstacle{reason: reasonVolumeFailed, subject: "a volume of pod " + pod.Name + " cannot be mounted", needsAction: true}
	sandbox := obstacle{reason: reasonSandboxFailed, subject: "the sandbox of pod " + pod.Name + " cannot be created", needsAction: true}
	var volumeCauses, sandboxCauses []string
	for i := range events {
		seen := lastSeen(&events[i])
		if !seen.After(progress) || latest.Sub(seen) > eventsOutdated {
			continue
		}
		switch events[i].Reason {
		case "FailedMount", "FailedAttachVolume", "FailedMapVolume":
			volumeCauses = append(volumeCauses, reconcile.OneLine(events[i].Message))
		case "FailedCreatePodSandBox":
			sandboxCauses = append(sandboxCauses, reconcile.OneLine(events[i].Message))
		}
	}
	switch {
	case len(volumeCauses) > 0:
		volumes.detail = causes(volumeCauses)
		return &volumes
	case len(sandboxCauses) > 0:
		sandbox.detail = causes(sandboxCauses[:1])
		return &sandbox
	case pulling != nil && !pulled:
		return &obstacle{
			reason: reasonImagePulling, subject: "the node is pulling an image of pod " + pod.Name, detail: reconcile.OneLine(pulling.Message),
			since: lastSeen(pulling),
		}
	}
	return nil
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

// eventsOutdated is how much older than the latest an event may be to count. The
// kubelet tries a volume again at least every two minutes.
const eventsOutdated = 5 * time.Minute

// causes joins the messages of events in an order that does not depend on when
// each was last seen. Summaries that only say which volumes are missing are left
// out where a cause is known.
func causes(messages []string) string {
	slices.Sort(messages)
	messages = slices.Compact(messages)
	summary := func(message string) bool { return strings.HasPrefix(message, "Unable to attach or mount volumes") }
	if slices.ContainsFunc(messages, func(message string) bool { return !summary(message) }) {
		messages = slices.DeleteFunc(messages, summary)
	}
	return strings.Join(messages[:min(len(messages), 3)], "; ")
}

// lastSeen is when an event last happened, in whichever form it was recorded.
func lastSeen(event *corev1.Event) time.Time {
	seen := reconcile.Later(event.LastTimestamp.Time, event.EventTime.Time)
	if event.Series != nil {
		seen = reconcile.Later(seen, event.Series.LastObservedTime.Time)
	}
	return seen
}

// rephrases reports whether a text says the same as another one in other words:
// with other numbers and ids, or in another order.
func rephrases(a, b string) bool {
	return a == b || slices.Equal(words(a), words(b))
}

// words are the different words of a text, sorted. Those that hold a digit are left
// out unless they are quoted, as names are.
func words(text string) []string {
	fields := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",.;", r) })
	fields = slices.DeleteFunc(fields, func(word string) bool {
		return !strings.HasPrefix(word, `"`) && strings.ContainsFunc(word, unicode.IsDigit)
	})
	slices.Sort(fields)
	return slices.Compact(fields)
}
