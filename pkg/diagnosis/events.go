// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// FromEvents reports whether only [EventObstacle] finds obstacles with a reason: without a
// read of the events, the last result holds.
func FromEvents(reason string) bool {
	return reason == ReasonVolumeFailed || reason == ReasonSandboxFailed || reason == ReasonImagePulling
}

// EventObstacle reads from the events of a pod that has not started what keeps
// it from that: volumes and the sandbox, of which its status says nothing. Events
// from before the last progress are of the past.
func EventObstacle(pod *podview.Pod, events []corev1.Event) *Obstacle {
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
	volumes := Obstacle{Reason: ReasonVolumeFailed, Subject: "a volume of pod " + pod.Name + " cannot be mounted", NeedsAction: true}
	sandbox := Obstacle{Reason: ReasonSandboxFailed, Subject: "the sandbox of pod " + pod.Name + " cannot be created", NeedsAction: true}
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
		volumes.Detail = causes(volumeCauses)
		return &volumes
	case len(sandboxCauses) > 0:
		sandbox.Detail = causes(sandboxCauses[:1])
		return &sandbox
	case pulling != nil && !pulled:
		return &Obstacle{
			Reason: ReasonImagePulling, Subject: "the node is pulling an image of pod " + pod.Name, Detail: reconcile.OneLine(pulling.Message),
			since: lastSeen(pulling),
		}
	}
	return nil
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
