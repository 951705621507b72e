// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:metadata:annotations="api-approved.kubernetes.io=https://github.com/kubeflow/spark-operator/pull/1298"
// +kubebuilder:resource:scope=Namespaced,shortName=scheduledsparkapp,singular=scheduledsparkapplication
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:JSONPath=.spec.schedule,name=Schedule,type=string
// +kubebuilder:printcolumn:JSONPath=.spec.timeZone,name=TimeZone,type=string
// +kubebuilder:printcolumn:JSONPath=.spec.suspend,name=Suspend,type=string
// +kubebuilder:printcolumn:JSONPath=.status.lastRun,name=Last Run,type=date
// +kubebuilder:printcolumn:JSONPath=.status.lastRunName,name=Last Run Name,type=string
// +kubebuilder:printcolumn:JSONPath=.metadata.creationTimestamp,name=Age,type=date

// ScheduledSparkApplication runs a SparkApplication at scheduled times.
type ScheduledSparkApplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec ScheduledSparkApplicationSpec `json:"spec"`
	// +optional
	Status ScheduledSparkApplicationStatus `json:"status,omitempty,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// ScheduledSparkApplicationList is a list of ScheduledSparkApplications.
type ScheduledSparkApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ScheduledSparkApplication `json:"items"`
}

// ConcurrencyPolicy says what happens when a run is due while another is still going.
type ConcurrencyPolicy string

// Concurrency policies.
const (
	// ConcurrencyAllow lets runs overlap.
	ConcurrencyAllow ConcurrencyPolicy = "Allow"
	// ConcurrencyForbid skips the run that is due.
	ConcurrencyForbid ConcurrencyPolicy = "Forbid"
	// ConcurrencyReplace deletes the run that is going and starts the one that is due.
	ConcurrencyReplace ConcurrencyPolicy = "Replace"
)

// CatchUpPolicy says what becomes of runs that were missed: that could not start
// when they were due, because the operator was away or, with ConcurrencyForbid,
// because another run was going.
// +kubebuilder:validation:Enum=Skip;Last;All
type CatchUpPolicy string

// Catch-up policies.
const (
	// CatchUpSkip gives missed runs up.
	CatchUpSkip CatchUpPolicy = "Skip"
	// CatchUpLast starts the latest of the missed runs as soon as possible.
	CatchUpLast CatchUpPolicy = "Last"
	// CatchUpAll starts all missed runs as soon as possible, oldest first, but no
	// more than spec.catchUpLimit.
	CatchUpAll CatchUpPolicy = "All"
)

// ScheduledSparkApplicationSpec is when and what to run.
type ScheduledSparkApplicationSpec struct {
	// Schedule in cron notation with five fields, a descriptor such as @daily, or
	// @every with a duration. A time zone in front, as in "TZ=Asia/Tokyo 0 5 * * *",
	// takes precedence over TimeZone.
	Schedule string `json:"schedule"`
	// TimeZone is an IANA name such as Europe/Berlin. Default Local, the time zone of
	// the operator.
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Template is the spec of each run.
	Template SparkApplicationSpec `json:"template"`
	// Suspend stops new runs; those that are going continue.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// ConcurrencyPolicy is Allow, Forbid or Replace. Default Allow.
	// +optional
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`
	// SuccessfulRunHistoryLimit is how many successful runs are kept. Default 1.
	// +optional
	SuccessfulRunHistoryLimit *int32 `json:"successfulRunHistoryLimit,omitempty"`
	// FailedRunHistoryLimit is how many failed runs are kept. Default 1.
	// +optional
	FailedRunHistoryLimit *int32 `json:"failedRunHistoryLimit,omitempty"`

	// StartingDeadlineSeconds is how late a run may start; one that is later is
	// missed for good. Default 600 with catch-up policy Skip, else no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`
	// CatchUpPolicy is Skip, Last or All: what becomes of missed runs. Default Skip.
	// +optional
	CatchUpPolicy CatchUpPolicy `json:"catchUpPolicy,omitempty"`
	// CatchUpLimit is how many missed runs policy All starts at most, the latest
	// ones. Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	CatchUpLimit *int32 `json:"catchUpLimit,omitempty"`
	// Spread delays all runs of this schedule by the same part of this duration, so
	// that schedules with the same time do not all start at once. Default 0.
	// +optional
	Spread *metav1.Duration `json:"spread,omitempty"`
}

// ScheduleState is the state of a schedule.
type ScheduleState string

// States of a schedule.
const (
	ScheduleStateNew              ScheduleState = ""
	ScheduleStateValidating       ScheduleState = "Validating"
	ScheduleStateScheduled        ScheduleState = "Scheduled"
	ScheduleStateFailedValidation ScheduleState = "FailedValidation"
)

// ScheduledSparkApplicationStatus is what the operator knows of a schedule.
type ScheduledSparkApplicationStatus struct {
	// LastRun is when the last run was started. LastScheduleTime says for which time.
	// +optional
	// +nullable
	LastRun metav1.Time `json:"lastRun,omitempty"`
	// NextRun is when the next run is due; null while nothing is going to start.
	// +optional
	// +nullable
	NextRun metav1.Time `json:"nextRun,omitempty"`
	// LastRunName is the name of the SparkApplication of the last run.
	// +optional
	LastRunName string `json:"lastRunName,omitempty"`
	// PastSuccessfulRunNames are the successful runs kept, newest first.
	// +optional
	PastSuccessfulRunNames []string `json:"pastSuccessfulRunNames,omitempty"`
	// PastFailedRunNames are the failed runs kept, newest first.
	// +optional
	PastFailedRunNames []string `json:"pastFailedRunNames,omitempty"`
	// ScheduleState is the state of the schedule.
	// +optional
	ScheduleState ScheduleState `json:"scheduleState,omitempty"`
	// Reason says why the schedule is not valid.
	// +optional
	Reason string `json:"reason,omitempty"`

	// LastScheduleTime is the time of the schedule for which the last run was
	// started. It differs from LastRun by the delay, and a run asked for with the
	// annotation run-now leaves it as it is.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`
	// SettledTime is up to when all times of the schedule are settled: a run was
	// started, skipped or given up. None of them is looked at again, even if the
	// clock goes back.
	// +optional
	SettledTime *metav1.Time `json:"settledTime,omitempty"`
	// ObservedSchedule is the schedule and the time zone that runs are started by.
	// Empty while there is none, because it is suspended or not valid.
	// +optional
	ObservedSchedule string `json:"observedSchedule,omitempty"`
	// RunNow is what was made of the annotation sparkoperator.k8s.io/run-now.
	// +optional
	RunNow *RunNowStatus `json:"runNow,omitempty"`

	// ObservedGeneration is the metadata.generation this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions say in standard form whether the schedule is in force and kept.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RunNowStatus is what was made of the annotation sparkoperator.k8s.io/run-now.
type RunNowStatus struct {
	// Value of the annotation that was dealt with last. Any other value asks for
	// another run.
	Value string `json:"value"`
	// Count is how many values were dealt with.
	Count int64 `json:"count"`
}

// Types of conditions of a schedule, besides ConditionStalled.
const (
	// ConditionScheduled is true while runs are started by the schedule.
	ConditionScheduled = "Scheduled"
	// ConditionOnTime is true if the latest run that was due was started in time.
	ConditionOnTime = "OnTime"
)
