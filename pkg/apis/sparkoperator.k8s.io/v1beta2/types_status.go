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
	// State of the application. COMPLETED and FAILED are final.
	State ApplicationStateType `json:"state"`
	// Cause of a failure; empty if the application has not failed.
	// +optional
	ErrorMessage string `json:"errorMessage,omitempty"`
	// Time at which the application entered this state.
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
	// ID that Spark gave to the current run; value of the label spark-app-selector of its pods.
	// +optional
	SparkApplicationID string `json:"sparkApplicationId,omitempty"`
	// ID of the current submission; value of the label sparkoperator.k8s.io/submission-id of its pods.
	// +optional
	SubmissionID string `json:"submissionID,omitempty"`
	// Time at which the current submission was started; absent before the first one.
	// +optional
	// +nullable
	LastSubmissionAttemptTime metav1.Time `json:"lastSubmissionAttemptTime,omitempty,omitzero"`
	// Time at which the driver ended; absent before.
	// +optional
	// +nullable
	TerminationTime metav1.Time `json:"terminationTime,omitempty,omitzero"`
	// Driver pod and web UI of the current run.
	DriverInfo DriverInfo `json:"driverInfo"`
	// State of the application.
	// +optional
	AppState ApplicationState `json:"applicationState,omitempty"`
	// State of each executor pod of the current run, as a map from pod name to PENDING, RUNNING, COMPLETED, FAILED or
	// UNKNOWN. The operator's flag --max-tracked-executor-per-app limits the number of entries.
	// +optional
	// +mapType=atomic
	ExecutorState map[string]ExecutorState `json:"executorState,omitempty"`
	// Number of executors of the current run by state, including those that executorState leaves out.
	// +optional
	ExecutorCounts *ExecutorCounts `json:"executorCounts,omitempty"`
	// Number of runs started.
	// +optional
	ExecutionAttempts int32 `json:"executionAttempts,omitempty"`
	// Number of submissions tried.
	// +optional
	SubmissionAttempts int32 `json:"submissionAttempts,omitempty"`
	// Number of runs, out of executionAttempts, that do not count for the restart policy: infrastructure failures, and
	// runs before one that was longer than restartPolicy.backoff.resetAfterSeconds.
	// +optional
	ForgivenAttempts int32 `json:"forgivenAttempts,omitempty"`
	// Number of consecutive infrastructure failures.
	// +optional
	InfrastructureFailures int32 `json:"infrastructureFailures,omitempty"`
	// Progress of the current run, as its driver shows it, if spec.progress is set.
	// +optional
	Progress *Progress `json:"progress,omitempty"`
	// Hint on resource requests that are more than twice what the latest runs have used. The operator never applies it.
	// +optional
	Advice string `json:"advice,omitempty"`
	// Time of the next attempt, while the state is FAILING or SUBMISSION_FAILED and the restart policy allows one.
	// +optional
	NextRetryTime *metav1.Time `json:"nextRetryTime,omitempty"`

	// Generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Hash of those parts of the last submitted spec whose change requires a new run.
	// +optional
	ObservedSpecHash string `json:"observedSpecHash,omitempty"`
	// Standard conditions of the application: Submitted, DriverReady, ExecutorsReady, Completed, Stalled and UIReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Records of the latest submissions, oldest first.
	// +optional
	// +listType=atomic
	Attempts []Attempt `json:"attempts,omitempty"`
}

// DriverInfo describes the driver of the current run.
type DriverInfo struct {
	// Name of the Service of the Spark web UI.
	// +optional
	WebUIServiceName string `json:"webUIServiceName,omitempty"`
	// Cluster IP and port of the Service of the web UI, as IP:PORT.
	// +optional
	WebUIAddress string `json:"webUIAddress,omitempty"`
	// Port of the Service of the web UI.
	// +optional
	WebUIPort int32 `json:"webUIPort,omitempty"`
	// Name of the Ingress of the web UI.
	// +optional
	WebUIIngressName string `json:"webUIIngressName,omitempty"`
	// Name of the HTTPRoute of the web UI.
	// +optional
	WebUIRouteName string `json:"webUIRouteName,omitempty"`
	// URL of the web UI through the Ingress or the HTTPRoute.
	// +optional
	WebUIIngressAddress string `json:"webUIIngressAddress,omitempty"`
	// Name of the driver pod.
	// +optional
	PodName string `json:"podName,omitempty"`
}

// Attempt is the record of one submission: enough to explain its end after its
// pods are gone.
type Attempt struct {
	// ID of the submission.
	SubmissionID string `json:"submissionID"`
	// ID that Spark gave to the run; absent if no driver pod was created.
	// +optional
	SparkApplicationID string `json:"sparkApplicationId,omitempty"`
	// Name of the driver pod.
	// +optional
	DriverPodName string `json:"driverPodName,omitempty"`
	// How the attempt ended: COMPLETED, FAILED or SUBMISSION_FAILED. Absent before its end.
	// +optional
	State ApplicationStateType `json:"state,omitempty"`
	// Time at which the attempt was started.
	// +optional
	SubmissionTime *metav1.Time `json:"submissionTime,omitempty"`
	// Time at which the Spark container of the driver started.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// Time at which the operator observed the end of the attempt.
	// +optional
	TerminationTime *metav1.Time `json:"terminationTime,omitempty"`
	// Exit code of the Spark container of the driver.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// Why the attempt ended, as one word in CamelCase.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Explanation of the reason.
	// +optional
	Message string `json:"message,omitempty"`
	// Cause of a failure: Application, or Infrastructure for an eviction, a preemption, a lost node or an image that
	// could not be pulled.
	// +optional
	FailureType FailureType `json:"failureType,omitempty"`
	// Last lines of the log of the driver, if the attempt failed.
	// +optional
	LogTail string `json:"logTail,omitempty"`
	// What the pods of the run reserved.
	// +optional
	Usage *Usage `json:"usage,omitempty"`
	// URL at which the Spark history server shows the attempt, if the driver writes an event log. While the driver runs,
	// and shortly after, what the server shows may be incomplete.
	// +optional
	HistoryURL string `json:"historyURL,omitempty"`
	// URL of the archived log of the driver; absent until the log is archived.
	// +optional
	LogURL string `json:"logURL,omitempty"`
	// Peaks of the memory and the CPU that the run has used, as its driver showed them, if spec.progress is set.
	// +optional
	Peaks *Peaks `json:"peaks,omitempty"`
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
	// ConditionStalled is true while the application makes no progress and the operator
	// cannot fix the cause.
	ConditionStalled = "Stalled"
	// ConditionUIReady is true once Service and Ingress of the web UI and of the
	// driver's other ports exist as the spec asks for them.
	ConditionUIReady = "UIReady"
	// ConditionLogsArchived is true once the logs of the last run that are to be archived
	// are in the archive. It is absent without log archiver.
	ConditionLogsArchived = "LogsArchived"
)
