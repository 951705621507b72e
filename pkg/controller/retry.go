// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// retry is the verdict of the restart policy.
type retry struct {
	allowed bool
	// due is when the next attempt may start.
	due time.Time
}

// retryAfterSuccess is the verdict after a run that succeeded.
func retryAfterSuccess(policy v1beta2.RestartPolicy) retry {
	return retry{allowed: policy.Type == v1beta2.RestartPolicyAlways}
}

// retryAfterFailure is the verdict after a run that failed: N retries are N+1
// runs. The delay grows with the runs and counts from the end of the last one.
func retryAfterFailure(policy v1beta2.RestartPolicy, status *v1beta2.SparkApplicationStatus, now time.Time) retry {
	return linear(policy.Type, policy.OnFailureRetries, policy.OnFailureRetryInterval,
		status.ExecutionAttempts, endOf(status.TerminationTime, now))
}

// retryAfterRefusal is the verdict after a submission that was refused. Only
// refused submissions count, not those that led to a run, so both limits hold
// independently.
func retryAfterRefusal(policy v1beta2.RestartPolicy, status *v1beta2.SparkApplicationStatus, now time.Time) retry {
	return linear(policy.Type, policy.OnSubmissionFailureRetries, policy.OnSubmissionFailureRetryInterval,
		status.SubmissionAttempts-status.ExecutionAttempts, endOf(status.LastSubmissionAttemptTime, now))
}

// linear allows a retry while attempts do not exceed retries, interval × attempts
// seconds after the end of the last attempt.
func linear(policy v1beta2.RestartPolicyType, retries *int32, interval *int64, attempts int32, end time.Time) retry {
	switch policy {
	case v1beta2.RestartPolicyAlways:
	case v1beta2.RestartPolicyOnFailure:
		if retries == nil || attempts > *retries {
			return retry{}
		}
	default:
		return retry{}
	}
	seconds := v1beta2.DefaultRetryIntervalSeconds
	if interval != nil {
		seconds = *interval
	}
	return retry{allowed: true, due: end.Add(bounded(seconds, int64(max(attempts, 1))))}
}

// maxDelay bounds what a user can ask for, so that no product overflows.
const maxDelay = 365 * 24 * time.Hour

func bounded(seconds, factor int64) time.Duration {
	limit := int64(maxDelay / time.Second)
	if seconds > limit/factor {
		return maxDelay
	}
	return time.Duration(seconds*factor) * time.Second
}

// endOf is the time recorded in the status, or now if there is none.
func endOf(recorded metav1.Time, now time.Time) time.Time {
	if recorded.IsZero() {
		return now
	}
	return recorded.Time
}
