// SPDX-License-Identifier: Apache-2.0

package v1beta2

// The types of this file extend the established API. All of their fields are
// optional, and an application that sets none behaves as it always did.

// Backoff replaces the linear delays between the runs of an application by delays
// that double: initialSeconds, twice that, and so on up to maxSeconds.
type Backoff struct {
	// InitialSeconds is the first delay. Default: onFailureRetryInterval, which is 5
	// seconds by default.
	// +optional
	// +kubebuilder:validation:Minimum=1
	InitialSeconds *int64 `json:"initialSeconds,omitempty"`
	// MaxSeconds is the longest delay. Default 300.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxSeconds *int64 `json:"maxSeconds,omitempty"`
	// JitterPercent shortens every delay by up to this share of it, so that
	// applications that failed together do not return together. Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	JitterPercent *int32 `json:"jitterPercent,omitempty"`
	// ResetAfterSeconds forgives all earlier failures to an application whose driver
	// ran for this long: retries and delays start over. Default: never.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ResetAfterSeconds *int64 `json:"resetAfterSeconds,omitempty"`
}

// InfrastructureFailurePolicy says how often an application runs again after
// failures that are not its own: its driver was evicted or preempted, its node was
// lost, its image could not be pulled. Such failures do not consume the retries of
// the restart policy, and these retries hold with every type of it, Never too.
type InfrastructureFailurePolicy struct {
	// Retries is how many failures in a row are made up for. A failure of the
	// application's own starts the count over. Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries *int32 `json:"retries,omitempty"`
	// IntervalSeconds is the delay before such a retry. Default 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	IntervalSeconds *int64 `json:"intervalSeconds,omitempty"`
}

// Timeouts bound the phases of a run. A run that exceeds one is stopped and counts
// as failed, and the restart policy decides what follows. None has a default.
type Timeouts struct {
	// DriverStartSeconds is how long after its submission the driver may take to run.
	// +optional
	// +kubebuilder:validation:Minimum=1
	DriverStartSeconds *int64 `json:"driverStartSeconds,omitempty"`
	// ExecutorsReadySeconds is how long after the start of the driver its executors
	// may take until as many run as the application starts with.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ExecutorsReadySeconds *int64 `json:"executorsReadySeconds,omitempty"`
	// RunSeconds is how long the driver may run.
	// +optional
	// +kubebuilder:validation:Minimum=1
	RunSeconds *int64 `json:"runSeconds,omitempty"`
}

// CleanupPolicy says which pods of an application are deleted at its end, that is
// once no further run follows. What they had to say stays in status.attempts.
type CleanupPolicy struct {
	// DriverPod says when the driver pod is deleted. Default Never: it stays for as
	// long as the application does, so that its log can be read.
	// +optional
	DriverPod PodDeletion `json:"driverPod,omitempty"`
	// ExecutorPods says when executor pods are deleted that Spark left behind, as it
	// does with executor.deleteOnTermination false. Default Never. Executors that
	// still run are deleted in any case.
	// +optional
	ExecutorPods PodDeletion `json:"executorPods,omitempty"`
}

// PodDeletion says after which end pods are deleted.
// +kubebuilder:validation:Enum={Never,OnSuccess,Always}
type PodDeletion string

// Values of PodDeletion.
const (
	PodDeletionNever     PodDeletion = "Never"
	PodDeletionOnSuccess PodDeletion = "OnSuccess"
	PodDeletionAlways    PodDeletion = "Always"
)

// FailureType says whose failure ended an attempt.
type FailureType string

// Types of failures.
const (
	// FailureTypeApplication is a failure of the application itself: an exit code, too
	// little memory, a time-out, a missing Secret.
	FailureTypeApplication FailureType = "Application"
	// FailureTypeInfrastructure is a failure of what it runs on: eviction, preemption,
	// a lost node, an image that could not be pulled.
	FailureTypeInfrastructure FailureType = "Infrastructure"
)

// ExecutorCounts are the executors of the current run by state, including those
// that status.executorState does not name.
type ExecutorCounts struct {
	// +optional
	Pending int32 `json:"pending,omitempty"`
	// +optional
	Running int32 `json:"running,omitempty"`
	// +optional
	Completed int32 `json:"completed,omitempty"`
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// +optional
	Unknown int32 `json:"unknown,omitempty"`
}
