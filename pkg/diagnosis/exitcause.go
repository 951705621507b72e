// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// maxTerminationMessage bounds how much of a container's own last message is
// repeated.
const maxTerminationMessage = 512

// describeEnd describes how a container ended: exit code and reason in the words that
// clients look for, then what these mean and what the container left as its
// message.
func describeEnd(end *corev1.ContainerStateTerminated) string {
	return reconcile.Join("; ",
		fmt.Sprintf("ExitCode: %d, Reason: %s", end.ExitCode, end.Reason),
		explainEnd(end),
		reconcile.Truncate(reconcile.OneLine(end.Message), maxTerminationMessage))
}

// explainEnd says in a few words what exit code and reason mean; empty if they
// mean nothing in particular.
func explainEnd(end *corev1.ContainerStateTerminated) string {
	if end.Reason == "OOMKilled" {
		return "the container used more memory than its limit"
	}
	number := end.Signal
	if number == 0 && end.ExitCode > 128 && end.Reason != "StartError" && end.Reason != "ContainerCannotRun" {
		number = end.ExitCode - 128
	}
	switch name := signalName(number); {
	case name != "":
		return "ended by " + name
	case end.ExitCode == 126:
		return "the command cannot be executed"
	case end.ExitCode == 127:
		return "the command was not found"
	}
	return ""
}

// signalName names the signals of Linux that end processes; empty for others.
func signalName(number int32) string {
	switch number {
	case 1:
		return "SIGHUP"
	case 2:
		return "SIGINT"
	case 3:
		return "SIGQUIT"
	case 4:
		return "SIGILL"
	case 5:
		return "SIGTRAP"
	case 6:
		return "SIGABRT"
	case 7:
		return "SIGBUS"
	case 8:
		return "SIGFPE"
	case 9:
		return "SIGKILL"
	case 11:
		return "SIGSEGV"
	case 13:
		return "SIGPIPE"
	case 14:
		return "SIGALRM"
	case 15:
		return "SIGTERM"
	}
	return ""
}

// podFailure is why a pod as a whole ended: what the kubelet says of it, or the
// control plane before it ended it. Both are empty if neither says anything.
func podFailure(pod *podview.Pod) (reason, message string) {
	if pod.Status.Reason != "" {
		return pod.Status.Reason, reconcile.OneLine(pod.Status.Message)
	}
	if condition := Disruption(pod); condition != nil {
		return condition.Reason, reconcile.OneLine(condition.Message)
	}
	return "", ""
}

// describeOthers describes the other containers of a pod that failed, too; empty if
// none did. A driver may fail because its sidecar did.
func describeOthers(pod *podview.Pod) string {
	var failed []string
	spark := driverContainer(pod)
	for i := range pod.Status.ContainerStatuses {
		container := &pod.Status.ContainerStatuses[i]
		if end := container.State.Terminated; container != spark && end != nil && end.ExitCode != 0 {
			failed = append(failed, fmt.Sprintf("container %s failed with %s", container.Name, describeEnd(end)))
		}
	}
	return strings.Join(failed, "; ")
}

// FailureType says whose failure ended a driver. A container that a disruption
// stopped has an exit code like any other, so the pod is asked first; only too
// little memory is the application's own in any case.
func FailureType(pod *podview.Pod, report Report) v1beta2.FailureType {
	if report.Reason == "OOMKilled" {
		return v1beta2.FailureTypeApplication
	}
	if Disruption(pod) != nil || infrastructureReason(pod.Status.Reason) || infrastructureReason(report.Reason) {
		return v1beta2.FailureTypeInfrastructure
	}
	return v1beta2.FailureTypeApplication
}

// Disruption returns the condition by which the control plane or kubelet announces
// that it ends a pod for reasons that lie outside of it; nil if there is none.
func Disruption(pod *podview.Pod) *corev1.PodCondition {
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
