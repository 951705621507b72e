// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/cron"
)

// ValidateScheduledSparkApplication returns all faults of a schedule and of the
// runs it would start, those of the schedule first. It is the measure for new
// schedules.
func ValidateScheduledSparkApplication(app *v1beta2.ScheduledSparkApplication) field.ErrorList {
	faults, tolerable := ValidateStoredScheduledSparkApplication(app)
	return joined(faults, tolerable)
}

// ValidateStoredScheduledSparkApplication is to schedules what
// [ValidateStoredSparkApplication] is to applications.
func ValidateStoredScheduledSparkApplication(app *v1beta2.ScheduledSparkApplication) (faults, tolerable field.ErrorList) {
	spec, at := &app.Spec, field.NewPath("spec")
	named, tolerable := validateName("ScheduledSparkApplication", app.Name)

	run := &v1beta2.SparkApplication{Spec: spec.Template}
	run.Namespace, run.Name = app.Namespace, app.Name
	ofRun, tolerableOfRun := validateSpec(run)
	for _, list := range []field.ErrorList{ofRun, tolerableOfRun} {
		for _, err := range list {
			if rest, ok := strings.CutPrefix(err.Field, "spec"); ok {
				err.Field = "spec.template" + rest
			}
		}
	}
	return joined(validateTimes(spec, at), named, validatePolicies(spec, at), ofRun), joined(tolerable, tolerableOfRun)
}

// validateTimes checks when runs are due. The texts are those that
// kubeflow/spark-operator writes to status.reason.
func validateTimes(spec *v1beta2.ScheduledSparkApplicationSpec, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	// Which zone Local is makes no difference to what is valid.
	if _, err := cron.LoadZone(spec.TimeZone, time.UTC); err != nil {
		errs = append(errs, field.Invalid(at.Child("timeZone"), spec.TimeZone, "Invalid timezone: "+err.Error()))
	}
	if _, err := cron.Parse(spec.Schedule, time.UTC, time.UTC); err != nil {
		errs = append(errs, field.Invalid(at.Child("schedule"), spec.Schedule, err.Error()))
	}
	if spread := spec.Spread; spread != nil && spread.Duration < 0 {
		errs = append(errs, field.Invalid(at.Child("spread"), spread.Duration.String(), "must not be negative"))
	}
	return errs
}

// validatePolicies checks which of the due runs are started and kept.
func validatePolicies(spec *v1beta2.ScheduledSparkApplicationSpec, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch policy := spec.ConcurrencyPolicy; policy {
	case "", v1beta2.ConcurrencyAllow, v1beta2.ConcurrencyForbid, v1beta2.ConcurrencyReplace:
	default:
		errs = append(errs, field.NotSupported(at.Child("concurrencyPolicy"), policy, []v1beta2.ConcurrencyPolicy{
			v1beta2.ConcurrencyAllow, v1beta2.ConcurrencyForbid, v1beta2.ConcurrencyReplace,
		}))
	}
	switch policy := spec.CatchUpPolicy; policy {
	case "", v1beta2.CatchUpSkip, v1beta2.CatchUpLast, v1beta2.CatchUpAll:
	default:
		errs = append(errs, field.NotSupported(at.Child("catchUpPolicy"), policy, []v1beta2.CatchUpPolicy{
			v1beta2.CatchUpSkip, v1beta2.CatchUpLast, v1beta2.CatchUpAll,
		}))
	}
	atLeast := func(name string, value *int32, least int32, text string) {
		if value != nil && *value < least {
			errs = append(errs, field.Invalid(at.Child(name), *value, text))
		}
	}
	atLeast("catchUpLimit", spec.CatchUpLimit, 1, "must be at least 1; remove it to use the default")
	atLeast("successfulRunHistoryLimit", spec.SuccessfulRunHistoryLimit, 0, "must not be negative; 0 keeps no run")
	atLeast("failedRunHistoryLimit", spec.FailedRunHistoryLimit, 0, "must not be negative; 0 keeps no run")
	if deadline := spec.StartingDeadlineSeconds; deadline != nil && *deadline < 1 {
		errs = append(errs, field.Invalid(at.Child("startingDeadlineSeconds"), *deadline, "must be at least 1; remove it to use the default"))
	}
	return errs
}
