// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApplicationStateType is a state of the lifecycle. No other value is ever
// published: clients treat unknown states as failures.
type ApplicationStateType string

// States of an application. Only COMPLETED and FAILED are final.
const (
	ApplicationStateNew              ApplicationStateType = ""
	ApplicationStateSubmitted        ApplicationStateType = "SUBMITTED"
	ApplicationStateRunning          ApplicationStateType = "RUNNING"
	ApplicationStateCompleted        ApplicationStateType = "COMPLETED"
	ApplicationStateFailed           ApplicationStateType = "FAILED"
	ApplicationStateFailedSubmission ApplicationStateType = "SUBMISSION_FAILED"
	ApplicationStatePendingRerun     ApplicationStateType = "PENDING_RERUN"
	ApplicationStateInvalidating     ApplicationStateType = "INVALIDATING"
	ApplicationStateSucceeding       ApplicationStateType = "SUCCEEDING"
	ApplicationStateFailing          ApplicationStateType = "FAILING"
	ApplicationStateSuspending       ApplicationStateType = "SUSPENDING"
	ApplicationStateSuspended        ApplicationStateType = "SUSPENDED"
	ApplicationStateResuming         ApplicationStateType = "RESUMING"
	ApplicationStateUnknown          ApplicationStateType = "UNKNOWN"
)

// ApplicationState is the state and, after a failure, why.
type ApplicationState struct {
	State ApplicationStateType `json:"state"`
	// +optional
	ErrorMessage string `json:"errorMessage,omitempty"`
	// LastTransitionTime is when the application came into this state.
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
}

// DriverState is the state of a driver pod.
type DriverState string

// States of a driver.
const (
	DriverStatePending   DriverState = "PENDING"
	DriverStateRunning   DriverState = "RUNNING"
	DriverStateCompleted DriverState = "COMPLETED"
	DriverStateFailed    DriverState = "FAILED"
	DriverStateUnknown   DriverState = "UNKNOWN"
)

// ExecutorState is the state of an executor pod.
type ExecutorState string

// States of an executor.
const (
	ExecutorStatePending   ExecutorState = "PENDING"
	ExecutorStateRunning   ExecutorState = "RUNNING"
	ExecutorStateCompleted ExecutorState = "COMPLETED"
	ExecutorStateFailed    ExecutorState = "FAILED"
	ExecutorStateUnknown   ExecutorState = "UNKNOWN"
)

// SparkApplicationStatus is what the operator knows of an application.
type SparkApplicationStatus struct {
	// SparkApplicationID is Spark's own id of the current run (label
	// spark-app-selector).
	// +optional
	SparkApplicationID string `json:"sparkApplicationId,omitempty"`
	// SubmissionID identifies the current submission; the label
	// sparkoperator.k8s.io/submission-id of its pods.
	// +optional
	SubmissionID string `json:"submissionID,omitempty"`
	// LastSubmissionAttemptTime is when the current submission started.
	// +optional
	// +nullable
	LastSubmissionAttemptTime metav1.Time `json:"lastSubmissionAttemptTime,omitempty"`
	// TerminationTime is when the driver ended.
	// +optional
	// +nullable
	TerminationTime metav1.Time `json:"terminationTime,omitempty"`
	// DriverInfo describes the driver of the current run.
	DriverInfo DriverInfo `json:"driverInfo"`
	// AppState is the state of the application.
	// +optional
	AppState ApplicationState `json:"applicationState,omitempty"`
	// ExecutorState maps names of executor pods to their states; bounded by the
	// operator's --max-tracked-executor-per-app.
	// +optional
	// +mapType=atomic
	ExecutorState map[string]ExecutorState `json:"executorState,omitempty"`
	// ExecutorCounts are the executors of the current run by state.
	// +optional
	ExecutorCounts *ExecutorCounts `json:"executorCounts,omitempty"`
	// ExecutionAttempts counts the runs started.
	// +optional
	ExecutionAttempts int32 `json:"executionAttempts,omitempty"`
	// SubmissionAttempts counts the submissions tried.
	// +optional
	SubmissionAttempts int32 `json:"submissionAttempts,omitempty"`
	// ForgivenAttempts is how many of the executionAttempts the restart policy does
	// not count: failures of the infrastructure, and those before a run that was long
	// enough (restartPolicy.backoff.resetAfterSeconds).
	// +optional
	ForgivenAttempts int32 `json:"forgivenAttempts,omitempty"`
	// InfrastructureFailures counts the failures of the infrastructure since the last
	// run that ended otherwise.
	// +optional
	InfrastructureFailures int32 `json:"infrastructureFailures,omitempty"`

	// ObservedGeneration is the metadata.generation this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// ObservedSpecHash is the hash of those parts of the spec whose change needs a
	// new run, as last submitted. Empty: unknown, never a reason to run again.
	// +optional
	ObservedSpecHash string `json:"observedSpecHash,omitempty"`
	// Conditions say in standard form how far the application is and what stands in
	// its way.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Attempts are the latest submissions, oldest first, bounded in number.
	// +optional
	// +listType=atomic
	Attempts []Attempt `json:"attempts,omitempty"`
}

// DriverInfo describes the driver of the current run.
type DriverInfo struct {
	// +optional
	WebUIServiceName string `json:"webUIServiceName,omitempty"`
	// WebUIAddress is <cluster IP>:<port> of the UI Service.
	// +optional
	WebUIAddress string `json:"webUIAddress,omitempty"`
	// +optional
	WebUIPort int32 `json:"webUIPort,omitempty"`
	// +optional
	WebUIIngressName string `json:"webUIIngressName,omitempty"`
	// WebUIIngressAddress is the URL of the UI through the Ingress.
	// +optional
	WebUIIngressAddress string `json:"webUIIngressAddress,omitempty"`
	// +optional
	PodName string `json:"podName,omitempty"`
}

// Attempt is the record of one submission: enough to explain its end after its
// pods are gone.
type Attempt struct {
	// SubmissionID of the attempt.
	SubmissionID string `json:"submissionID"`
	// SparkApplicationID of the attempt, if its driver pod was created.
	// +optional
	SparkApplicationID string `json:"sparkApplicationId,omitempty"`
	// DriverPodName of the attempt.
	// +optional
	DriverPodName string `json:"driverPodName,omitempty"`
	// State is COMPLETED, FAILED or SUBMISSION_FAILED once the attempt is over, and
	// empty before.
	// +optional
	State ApplicationStateType `json:"state,omitempty"`
	// SubmissionTime is when the attempt started.
	// +optional
	SubmissionTime *metav1.Time `json:"submissionTime,omitempty"`
	// StartTime is when the Spark container of the driver started.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// TerminationTime is when the attempt was seen to be over.
	// +optional
	TerminationTime *metav1.Time `json:"terminationTime,omitempty"`
	// ExitCode of the driver's Spark container.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// Reason is a short CamelCase word: why the attempt ended.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message explains the reason.
	// +optional
	Message string `json:"message,omitempty"`
	// FailureType says whose failure it was, if the attempt failed.
	// +optional
	FailureType FailureType `json:"failureType,omitempty"`
	// LogTail holds the last lines of the driver's log, if they were read.
	// +optional
	LogTail string `json:"logTail,omitempty"`
}

// Types of conditions in status.conditions.
const (
	// ConditionSubmitted is true once the driver pod of the current submission exists.
	ConditionSubmitted = "Submitted"
	// ConditionDriverReady is true while the driver's Spark container runs.
	ConditionDriverReady = "DriverReady"
	// ConditionExecutorsReady is true while enough executors run.
	ConditionExecutorsReady = "ExecutorsReady"
	// ConditionCompleted is true when the application ended well and false when it failed.
	ConditionCompleted = "Completed"
	// ConditionStalled is true while something that the operator cannot mend stands in
	// the way.
	ConditionStalled = "Stalled"
)
