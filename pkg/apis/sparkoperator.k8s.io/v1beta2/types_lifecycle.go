// SPDX-License-Identifier: Apache-2.0

package v1beta2

// The types of this file extend the API of kubeflow/spark-operator. All of their
// fields are optional. An application that sets none behaves as with that operator.

// Backoff replaces the linear delays between the runs of an application by delays
// that double. The first delay is initialSeconds, and the longest is maxSeconds.
// +kubebuilder:validation:XValidation:rule=`!has(self.initialSeconds) || self.initialSeconds <= (has(self.maxSeconds) ? self.maxSeconds : 300)`,message=`must not be greater than maxSeconds, which is 300 by default`,fieldPath=`.initialSeconds`
type Backoff struct {
	// First delay in seconds. Default: onFailureRetryInterval.
	// +optional
	// +kubebuilder:validation:Minimum=1
	InitialSeconds *int64 `json:"initialSeconds,omitempty"`
	// Longest delay in seconds. Default 300.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxSeconds *int64 `json:"maxSeconds,omitempty"`
	// Maximum percentage by which a delay is shortened at random, so that applications that failed together do not
	// restart together. 0 to 100. Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	JitterPercent *int32 `json:"jitterPercent,omitempty"`
	// Seconds that a driver must run to reset the count of failures, so that retries and delays start over. Default: no
	// reset.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ResetAfterSeconds *int64 `json:"resetAfterSeconds,omitempty"`
}

// InfrastructureFailurePolicy defines how often an application runs again after
// failures that it did not cause: its driver was evicted or preempted, its node was
// lost, or its image could not be pulled. These retries apply with every type of the
// restart policy, also Never, and do not use up its other retries.
type InfrastructureFailurePolicy struct {
	// Number of consecutive infrastructure failures that are retried without using up a retry of the application. Any
	// other end of a run resets the count. Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries *int32 `json:"retries,omitempty"`
	// Delay in seconds before a retry after an infrastructure failure. Default 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	IntervalSeconds *int64 `json:"intervalSeconds,omitempty"`
}

// Timeouts limit the duration of the phases of a run. When a timeout expires, the
// operator stops the run, the run has failed, and the restart policy decides what
// follows. There are no default timeouts.
type Timeouts struct {
	// Seconds from the submission until the driver must be running. Default: no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	DriverStartSeconds *int64 `json:"driverStartSeconds,omitempty"`
	// Seconds from the start of the driver until all initial executors must be running. Default: no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ExecutorsReadySeconds *int64 `json:"executorsReadySeconds,omitempty"`
	// Seconds that the driver may run. Default: no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	RunSeconds *int64 `json:"runSeconds,omitempty"`
}

// CleanupPolicy defines which pods of an application are deleted at its end, when no
// further run follows. The exit code and the log tail stay in status.attempts.
type CleanupPolicy struct {
	// When to delete the driver pod and its log: Never, OnSuccess or Always. Default Never: the pod exists as long as the
	// application.
	// +optional
	DriverPod PodDeletion `json:"driverPod,omitempty"`
	// When to delete pods of ended executors that Spark has not deleted, because deleteOnTermination is false: Never,
	// OnSuccess or Always. Default Never. Executors that are still running are always deleted.
	// +optional
	ExecutorPods PodDeletion `json:"executorPods,omitempty"`
}

// LogArchive defines which logs of an application outlive its pods.
type LogArchive struct {
	// Whether the log archiver copies the log of the driver to its bucket. Default: that of the operator.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
	// Whether the log archiver also copies the logs of failed executors. Spark then keeps the pods of executors that have
	// ended, unless executor.deleteOnTermination is true. Default false.
	// +optional
	FailedExecutors *bool `json:"failedExecutors,omitempty"`
}

// PodDeletion defines after which end of an application pods are deleted.
// +kubebuilder:validation:Enum={Never,OnSuccess,Always}
type PodDeletion string

// Values of PodDeletion.
const (
	PodDeletionNever     PodDeletion = "Never"
	PodDeletionOnSuccess PodDeletion = "OnSuccess"
	PodDeletionAlways    PodDeletion = "Always"
)

// FailureType is the kind of cause of a failed attempt.
type FailureType string

// Types of failures.
const (
	// FailureTypeApplication is a failure of the application itself: an exit code, too
	// little memory, a timeout, a missing Secret.
	FailureTypeApplication FailureType = "Application"
	// FailureTypeInfrastructure is a failure that the application did not cause: an
	// eviction, a preemption, a lost node, or an image that could not be pulled.
	FailureTypeInfrastructure FailureType = "Infrastructure"
)

// ExecutorCounts are the executors of the current run by state, including those
// that status.executorState does not name.
type ExecutorCounts struct {
	// Executors that are not running yet.
	// +optional
	Pending int32 `json:"pending,omitempty"`
	// Executors that are running.
	// +optional
	Running int32 `json:"running,omitempty"`
	// Executors that ended with success.
	// +optional
	Completed int32 `json:"completed,omitempty"`
	// Executors that failed.
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// Executors whose state is not known.
	// +optional
	Unknown int32 `json:"unknown,omitempty"`
}
