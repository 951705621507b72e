// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// phase is a state by which the table works. The published states are fewer: clients of
// kubeflow/spark-operator know no others.
type phase string

const (
	phaseNew          phase = "(new)"
	phaseStarting     phase = "Provisioning, no server pod"
	phaseProvisioning phase = "Provisioning"
	phaseReady        phase = "Ready"
	phaseNotReady     phase = "NotReady"
	phaseBackingOff   phase = "NotReady, waits for its restart"
	phaseStopped      phase = "NotReady, stopped"
	phaseFailed       phase = "Failed"

	// stay is no phase: the row leaves it as it is.
	stay phase = "(same)"
)

func phases(list ...phase) []phase { return list }

var (
	anyPhase = phases(phaseNew, phaseStarting, phaseProvisioning, phaseReady, phaseNotReady, phaseBackingOff, phaseStopped, phaseFailed)
	// live are the phases in which there is a server pod.
	live = phases(phaseProvisioning, phaseReady, phaseNotReady)
	// toBeStarted are the phases in which the next thing is a start.
	toBeStarted = phases(phaseNew, phaseStarting)
)

// phaseOf reads the phase from a status. One of kubeflow/spark-operator has no UID of a
// pod: the start adopts the server that runs.
func phaseOf(status *v1alpha1.SparkConnectStatus) phase {
	switch status.State {
	case v1alpha1.SparkConnectStateNew:
		return phaseNew
	case v1alpha1.SparkConnectStateFailed:
		return phaseFailed
	case v1alpha1.SparkConnectStateProvisioning, v1alpha1.SparkConnectStateReady, v1alpha1.SparkConnectStateNotReady:
	default:
		return "" // no row applies to what this version does not know
	}
	switch {
	case status.StopReason != "":
		return phaseStopped
	case status.NextRestartTime != nil:
		return phaseBackingOff
	case status.Server.PodUID == "":
		return phaseStarting
	case status.State == v1alpha1.SparkConnectStateReady:
		return phaseReady
	case status.State == v1alpha1.SparkConnectStateNotReady:
		return phaseNotReady
	}
	return phaseProvisioning
}

// state is how a phase is published.
func (p phase) state() v1alpha1.SparkConnectState {
	switch p {
	case phaseStarting, phaseProvisioning:
		return v1alpha1.SparkConnectStateProvisioning
	case phaseReady:
		return v1alpha1.SparkConnectStateReady
	case phaseNotReady, phaseBackingOff, phaseStopped:
		return v1alpha1.SparkConnectStateNotReady
	case phaseFailed:
		return v1alpha1.SparkConnectStateFailed
	case phaseNew, stay:
	}
	return v1alpha1.SparkConnectStateNew
}
