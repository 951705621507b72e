// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SparkConnectState is the state of a server. No other value is ever published:
// clients wait for Ready, and take Failed for the end.
type SparkConnectState string

// States of a server.
const (
	// SparkConnectStateNew is that of an object that the operator has not processed.
	SparkConnectStateNew SparkConnectState = ""
	// SparkConnectStateProvisioning means that the server is being started.
	SparkConnectStateProvisioning SparkConnectState = "Provisioning"
	// SparkConnectStateReady means that the server accepts sessions.
	SparkConnectStateReady SparkConnectState = "Ready"
	// SparkConnectStateNotReady means that the server does not accept sessions any more:
	// it waits for its restart, or it is stopped.
	SparkConnectStateNotReady SparkConnectState = "NotReady"
	// SparkConnectStateFailed means that there is no server until the spec changes.
	SparkConnectStateFailed SparkConnectState = "Failed"
)

// StopReason is why a server was stopped.
type StopReason string

// Stop reasons.
const (
	// StopReasonUserRequest: spec.suspend is true.
	StopReasonUserRequest StopReason = "UserRequest"
	// StopReasonMaxAge: the server pod reached spec.maxAge.
	StopReasonMaxAge StopReason = "MaxAge"
	// StopReasonIdle: the server was out of use for spec.idleTimeout.
	StopReasonIdle StopReason = "Idle"
)

// SparkConnectStatus is what the operator knows of a server.
type SparkConnectStatus struct {
	// Standard conditions of the server: ServerPodReady, Suspended, UpToDate, IdleDetection and RouteReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// State of the server: Provisioning, Ready, NotReady or Failed.
	// +optional
	State SparkConnectState `json:"state,omitempty"`
	// The server pod and its Service.
	// +optional
	Server ServerStatus `json:"server,omitempty,omitzero"`
	// Number of executors in each phase of a pod, in lower case.
	// +optional
	Executors map[string]int `json:"executors,omitempty"`
	// Time at which the operator first processed this object.
	// +optional
	StartTime metav1.Time `json:"startTime,omitempty,omitzero"`
	// Time of the last change of this status.
	// +optional
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitempty,omitzero"`

	// Generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// URL that clients pass to SparkSession.builder.remote: that of spec.route while the route is ready, otherwise that of the
	// Service in the cluster. Absent if the server is not ready. With spec.authentication, replace the word TOKEN by the token.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
	// Number of server pods that were started for this object.
	// +optional
	Starts int64 `json:"starts,omitempty"`
	// Number of failures of the server since it was last ready for ten minutes.
	// +optional
	Restarts int32 `json:"restarts,omitempty"`
	// Time at which a server that failed is started again.
	// +optional
	NextRestartTime *metav1.Time `json:"nextRestartTime,omitempty"`
	// Why the server is stopped: UserRequest, MaxAge or Idle. Absent while the server is not stopped.
	// +optional
	StopReason StopReason `json:"stopReason,omitempty"`
	// Time at which the server was stopped, or at which its state became Failed.
	// +optional
	StoppedAt *metav1.Time `json:"stoppedAt,omitempty"`
	// Value of the annotation sparkoperator.k8s.io/wake when the server last stopped. Any other value starts the server.
	// +optional
	ObservedWake string `json:"observedWake,omitempty"`
	// Time at which the server was last seen in use, if spec.idleTimeout is set. While the server runs, it can be up to
	// five minutes behind.
	// +optional
	LastActivityTime *metav1.Time `json:"lastActivityTime,omitempty"`
	// Number of open sessions, if spec.idleTimeout is set and the server is ready. It may be a minute old.
	// +optional
	OpenSessions *int32 `json:"openSessions,omitempty"`
}

// ServerStatus is the server pod and its Service.
type ServerStatus struct {
	// Name of the server pod.
	// +optional
	PodName string `json:"podName,omitempty"`
	// IP address of the server pod.
	// +optional
	PodIP string `json:"podIp,omitempty"`
	// Name of the Service by which clients reach the server.
	// +optional
	ServiceName string `json:"serviceName,omitempty"`
	// UID of the server pod. Absent if there is none.
	// +optional
	PodUID string `json:"podUID,omitempty"`
}

// Types of conditions of a SparkConnect.
const (
	// ConditionServerPodReady is true while the server accepts sessions.
	ConditionServerPodReady = "ServerPodReady"
	// ConditionSuspended is true while the server is stopped, for the reason of
	// status.stopReason.
	ConditionSuspended = "Suspended"
	// ConditionUpToDate is false if the server pod was built from another spec.
	ConditionUpToDate = "UpToDate"
	// ConditionIdleDetection is true while the operator sees whether the server is in use,
	// and false if it cannot, so that the server is not stopped for idleness. It is absent
	// without spec.idleTimeout and while the server is not ready.
	ConditionIdleDetection = "IdleDetection"
	// ConditionRouteReady is true if the Ingress or route of spec.route exists, and a Gateway
	// has accepted the route. Absent without spec.route.
	ConditionRouteReady = "RouteReady"
)
