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

// ScheduledSparkApplicationSpec is when and what to run.
type ScheduledSparkApplicationSpec struct {
	// Schedule in cron notation with five fields, a descriptor such as @daily, or
	// @every with a duration.
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
	// LastRun is when the last run was started.
	// +optional
	// +nullable
	LastRun metav1.Time `json:"lastRun,omitempty"`
	// NextRun is when the next run is due.
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

	// ObservedGeneration is the metadata.generation this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
