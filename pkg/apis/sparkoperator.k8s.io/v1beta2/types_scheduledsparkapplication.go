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
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || self.metadata.name.size() <= 63`,messageExpression=`'metadata.name: invalid ScheduledSparkApplication name "' + self.metadata.name + '": must be no more than 63 characters'`,optionalOldSelf=true
type ScheduledSparkApplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// When to run, and what.
	Spec ScheduledSparkApplicationSpec `json:"spec"`
	// State of the schedule, written by the operator.
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

// ConcurrencyPolicy defines what happens when a run is due while another run is active.
type ConcurrencyPolicy string

// Concurrency policies.
const (
	// ConcurrencyAllow lets runs overlap.
	ConcurrencyAllow ConcurrencyPolicy = "Allow"
	// ConcurrencyForbid skips the run that is due.
	ConcurrencyForbid ConcurrencyPolicy = "Forbid"
	// ConcurrencyReplace deletes the active run and starts the run that is due.
	ConcurrencyReplace ConcurrencyPolicy = "Replace"
)

// CatchUpPolicy defines what happens to missed runs. These could not start when they
// were due, because the operator was not running or, with ConcurrencyForbid, because
// another run was active.
// +kubebuilder:validation:Enum=Skip;Last;All
type CatchUpPolicy string

// Catch-up policies.
const (
	// CatchUpSkip starts no missed runs.
	CatchUpSkip CatchUpPolicy = "Skip"
	// CatchUpLast starts the latest of the missed runs as soon as possible.
	CatchUpLast CatchUpPolicy = "Last"
	// CatchUpAll starts all missed runs as soon as possible, oldest first, but no
	// more than spec.catchUpLimit.
	CatchUpAll CatchUpPolicy = "All"
)

// ScheduledSparkApplicationSpec is when and what to run.
type ScheduledSparkApplicationSpec struct {
	// Cron expression with five fields (minute, hour, day of month, month, day of week), a descriptor such as @daily,
	// or an interval such as "@every 90m". A time zone in front, as in "TZ=Asia/Tokyo 0 5 * * *", takes precedence over
	// timeZone.
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || self.matches('^(CRON_)?TZ=') || self.trim().startsWith('@') || self.matches('^[\\s\\v\\x{85}\\p{Z}]*[^\\s\\v\\x{85}\\p{Z}]+([\\s\\v\\x{85}\\p{Z}]+[^\\s\\v\\x{85}\\p{Z}]+){4}[\\s\\v\\x{85}\\p{Z}]*$')`,message=`expected exactly 5 fields, a descriptor such as @daily, or an interval such as @every 90m`
	Schedule string `json:"schedule"`
	// IANA name of the time zone of the schedule, such as Europe/Berlin. Default Local, the time zone of the operator.
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Spec of the SparkApplication that each run creates.
	Template SparkApplicationSpec `json:"template"`
	// Whether to start no further runs. Active runs continue. Default false.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// What to do when a run is due while another is active: Allow runs both, Forbid skips the new run, Replace deletes
	// the active run first. Default Allow.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self in ['', 'Allow', 'Forbid', 'Replace']`,message=`use Allow, Forbid or Replace`
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`
	// Number of successful runs to keep. Default 1.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self >= 0`,message=`must not be negative; 0 keeps no run`
	SuccessfulRunHistoryLimit *int32 `json:"successfulRunHistoryLimit,omitempty"`
	// Number of failed runs to keep. Default 1.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self >= 0`,message=`must not be negative; 0 keeps no run`
	FailedRunHistoryLimit *int32 `json:"failedRunHistoryLimit,omitempty"`

	// Maximum number of seconds by which a run may start late. Default 600 if catchUpPolicy is Skip; otherwise, no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	StartingDeadlineSeconds *int64 `json:"startingDeadlineSeconds,omitempty"`
	// What to do with missed runs, which could not start when they were due because the operator was not running or
	// because concurrencyPolicy is Forbid: Skip starts none of them, Last starts the latest, All starts all of them,
	// oldest first, up to catchUpLimit. Default Skip.
	// +optional
	CatchUpPolicy CatchUpPolicy `json:"catchUpPolicy,omitempty"`
	// Maximum number of missed runs that catchUpPolicy All starts. If more were missed, it starts the latest. 1 to 100.
	// Default 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	CatchUpLimit *int32 `json:"catchUpLimit,omitempty"`
	// Duration, such as 10m, over which schedules with the same minute are spread. The operator delays every run of this
	// schedule by the same part of the duration. Default 0s.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || self.matches('^[+-]?(0|([0-9]*[.]?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$') && (!self.startsWith('-') || self.matches('^[^1-9]*$'))`,message=`must be a duration such as 10m, and not negative`
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
	// Time at which the last run was started.
	// +optional
	// +nullable
	LastRun metav1.Time `json:"lastRun,omitempty,omitzero"`
	// Time at which the next run is due; absent while none is planned.
	// +optional
	// +nullable
	NextRun metav1.Time `json:"nextRun,omitempty,omitzero"`
	// Name of the SparkApplication of the last run.
	// +optional
	LastRunName string `json:"lastRunName,omitempty"`
	// Names of the successful runs that are kept, newest first.
	// +optional
	PastSuccessfulRunNames []string `json:"pastSuccessfulRunNames,omitempty"`
	// Names of the failed runs that are kept, newest first.
	// +optional
	PastFailedRunNames []string `json:"pastFailedRunNames,omitempty"`
	// State of the schedule: Scheduled, or FailedValidation if the spec is not valid.
	// +optional
	ScheduleState ScheduleState `json:"scheduleState,omitempty"`
	// Why the schedule is not valid.
	// +optional
	Reason string `json:"reason,omitempty"`

	// Time of the schedule for which the last run was started. A run requested by the annotation
	// sparkoperator.k8s.io/run-now does not change it.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`
	// Time up to which all scheduled times have been handled: each run was started, skipped or missed. These times are
	// not handled again, even if the clock is set back.
	// +optional
	SettledTime *metav1.Time `json:"settledTime,omitempty"`
	// Schedule and time zone by which runs are started. Empty while the schedule is suspended or not valid.
	// +optional
	ObservedSchedule string `json:"observedSchedule,omitempty"`
	// Runs requested by the annotation sparkoperator.k8s.io/run-now.
	// +optional
	RunNow *RunNowStatus `json:"runNow,omitempty"`

	// Generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Standard conditions of the schedule: Scheduled, OnTime and Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RunNowStatus shows which values of the annotation sparkoperator.k8s.io/run-now the
// operator has handled.
type RunNowStatus struct {
	// Latest value of the annotation that was handled. Any other value requests another run.
	Value string `json:"value"`
	// Number of values handled so far.
	Count int64 `json:"count"`
}

// Types of conditions of a schedule, besides ConditionStalled.
const (
	// ConditionScheduled is true while runs are started by the schedule.
	ConditionScheduled = "Scheduled"
	// ConditionOnTime is true if the latest run that was due was started in time.
	ConditionOnTime = "OnTime"
)
