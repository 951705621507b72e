// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// tally is the part of the status by which the restart policy counts runs.
type tally struct {
	executions, forgiven, infrastructure int32
}

func tallyOf(status *v1beta2.SparkApplicationStatus) tally {
	return tally{status.ExecutionAttempts, status.ForgivenAttempts, status.InfrastructureFailures}
}

func (t tally) store(status *v1beta2.SparkApplicationStatus) {
	status.ForgivenAttempts, status.InfrastructureFailures = t.forgiven, t.infrastructure
}

// charged is how many runs count against the limits of the restart policy.
func (t tally) charged() int32 { return max(t.executions-t.forgiven, 0) }

// afterFailure is the tally once the current run has failed. Decisions in the
// state in which a failure is seen and in the state that waits for the retry rest
// on the same numbers, because this is the only place where they are made.
func (t tally) afterFailure(policy v1beta2.RestartPolicy, f failure) tally {
	t = t.afterRun(policy, f.ran)
	if f.kind != v1beta2.FailureTypeInfrastructure {
		t.infrastructure = 0
		return t
	}
	t.infrastructure++
	// Beyond its own retries such a failure counts like any other.
	if p := policy.InfrastructureFailures; p != nil && t.infrastructure <= infrastructureRetries(p) {
		t.forgiven = min(t.forgiven+1, t.executions)
	}
	return t
}

// afterSuccess is the tally once the current run has succeeded.
func (t tally) afterSuccess(policy v1beta2.RestartPolicy, ran time.Duration) tally {
	t = t.afterRun(policy, ran)
	t.infrastructure = 0
	if policy.Backoff != nil {
		t.forgiven = t.executions // delays that double do so from failure to failure
	}
	return t
}

// afterRun forgives all runs before the current one if that was long enough.
func (t tally) afterRun(policy v1beta2.RestartPolicy, ran time.Duration) tally {
	if policy.Backoff == nil || policy.Backoff.ResetAfterSeconds == nil {
		return t
	}
	if ran >= bounded(ptr.Deref(policy.Backoff.ResetAfterSeconds, 0), 1) {
		t.forgiven, t.infrastructure = max(t.executions-1, 0), 0
	}
	return t
}
