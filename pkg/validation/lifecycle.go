// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// The limits below are in the CRD as well, except for those that compare two
// fields. They are repeated here because an object may reach the operator past the
// schema: stored before the CRD had the limits, or checked by a client without it.

// defaultMaxSeconds is the longest delay of a back-off that gives none.
const defaultMaxSeconds int64 = 300

// validateRestartPolicy checks the restart policy.
func (v *validator) validateRestartPolicy() {
	policy, at := v.spec.RestartPolicy, v.root.Child("restartPolicy")
	switch policy.Type {
	case "", v1beta2.RestartPolicyNever, v1beta2.RestartPolicyOnFailure, v1beta2.RestartPolicyAlways:
	default:
		v.fail(field.NotSupported(at.Child("type"), policy.Type, []v1beta2.RestartPolicyType{
			v1beta2.RestartPolicyNever, v1beta2.RestartPolicyOnFailure, v1beta2.RestartPolicyAlways,
		}))
	}
	atLeast(v, at.Child("onSubmissionFailureRetries"), policy.OnSubmissionFailureRetries, 0)
	atLeast(v, at.Child("onFailureRetries"), policy.OnFailureRetries, 0)
	atLeast(v, at.Child("onSubmissionFailureRetryInterval"), policy.OnSubmissionFailureRetryInterval, 1)
	atLeast(v, at.Child("onFailureRetryInterval"), policy.OnFailureRetryInterval, 1)
	for i, code := range policy.NonRetryableExitCodes {
		if code < 1 || code > 255 {
			v.fail(field.Invalid(at.Child("nonRetryableExitCodes").Index(i), code, "the exit code of a failure is from 1 to 255"))
		}
	}
	if p := policy.InfrastructureFailures; p != nil {
		at := at.Child("infrastructureFailures")
		atLeast(v, at.Child("retries"), p.Retries, 0)
		atLeast(v, at.Child("intervalSeconds"), p.IntervalSeconds, 1)
	}
	v.validateBackoff()
}

func (v *validator) validateBackoff() {
	b, at := v.spec.RestartPolicy.Backoff, v.root.Child("restartPolicy", "backoff")
	if b == nil {
		return
	}
	atLeast(v, at.Child("initialSeconds"), b.InitialSeconds, 1)
	atLeast(v, at.Child("maxSeconds"), b.MaxSeconds, 1)
	atLeast(v, at.Child("jitterPercent"), b.JitterPercent, 0)
	atLeast(v, at.Child("resetAfterSeconds"), b.ResetAfterSeconds, 1)
	if percent := ptr.Deref(b.JitterPercent, 0); percent > 100 {
		v.fail(field.Invalid(at.Child("jitterPercent"), percent, "must be at most 100"))
	}
	if initial, longest := ptr.Deref(b.InitialSeconds, 0), ptr.Deref(b.MaxSeconds, defaultMaxSeconds); initial > longest && longest > 0 {
		v.fail(field.Invalid(at.Child("initialSeconds"), initial, fmt.Sprintf("must not be greater than maxSeconds, which is %d", longest)))
	}
}

func (v *validator) validateTimeouts() {
	t, at := v.spec.Timeouts, v.root.Child("timeouts")
	if t == nil {
		return
	}
	atLeast(v, at.Child("driverStartSeconds"), t.DriverStartSeconds, 1)
	atLeast(v, at.Child("executorsReadySeconds"), t.ExecutorsReadySeconds, 1)
	atLeast(v, at.Child("runSeconds"), t.RunSeconds, 1)
}

func (v *validator) validateCleanupPolicy() {
	policy, at := v.spec.CleanupPolicy, v.root.Child("cleanupPolicy")
	if policy == nil {
		return
	}
	known := []v1beta2.PodDeletion{v1beta2.PodDeletionNever, v1beta2.PodDeletionOnSuccess, v1beta2.PodDeletionAlways}
	for _, pods := range []struct {
		name  string
		value v1beta2.PodDeletion
	}{
		{"driverPod", policy.DriverPod},
		{"executorPods", policy.ExecutorPods},
	} {
		switch pods.value {
		case "", v1beta2.PodDeletionNever, v1beta2.PodDeletionOnSuccess, v1beta2.PodDeletionAlways:
		default:
			v.fail(field.NotSupported(at.Child(pods.name), pods.value, known))
		}
	}
}

// atLeast refuses a number that is given and too small.
func atLeast[T int32 | int64](v *validator, at *field.Path, value *T, least T) {
	if value != nil && *value < least {
		v.fail(field.Invalid(at, *value, fmt.Sprintf("must be at least %d", least)))
	}
}
