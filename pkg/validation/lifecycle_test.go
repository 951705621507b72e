// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

func TestValidateLifecycle(t *testing.T) {
	backoff := func(initial, longest int64, jitter int32, reset int64) func(*application) {
		return func(app *application) {
			app.Spec.RestartPolicy.Backoff = &v1beta2.Backoff{InitialSeconds: &initial, MaxSeconds: &longest, JitterPercent: &jitter, ResetAfterSeconds: &reset}
		}
	}
	for name, test := range map[string]struct {
		edit func(*application)
		want []string
	}{
		"empty": {func(app *application) {
			app.Spec.RestartPolicy = v1beta2.RestartPolicy{Backoff: &v1beta2.Backoff{}, InfrastructureFailures: &v1beta2.InfrastructureFailurePolicy{}}
			app.Spec.Timeouts, app.Spec.CleanupPolicy = &v1beta2.Timeouts{}, &v1beta2.CleanupPolicy{}
		}, nil},
		"back-off": {backoff(60, 60, 100, 1), nil},
		"back-off of all kinds": {backoff(0, 0, -1, 0), []string{
			"spec.restartPolicy.backoff.initialSeconds: Invalid value: 0: must be at least 1",
			"spec.restartPolicy.backoff.maxSeconds: Invalid value: 0: must be at least 1",
			"spec.restartPolicy.backoff.jitterPercent: Invalid value: -1: must be at least 0",
			"spec.restartPolicy.backoff.resetAfterSeconds: Invalid value: 0: must be at least 1",
		}},
		"too much jitter":   {backoff(1, 2, 101, 1), []string{"spec.restartPolicy.backoff.jitterPercent: Invalid value: 101: must be at most 100"}},
		"initial above max": {backoff(61, 60, 0, 1), []string{"spec.restartPolicy.backoff.initialSeconds: Invalid value: 61: must not be greater than maxSeconds, which is 60"}},
		"initial above the default of max": {func(app *application) {
			app.Spec.RestartPolicy.Backoff = &v1beta2.Backoff{InitialSeconds: ptr.To[int64](301)}
		}, []string{"must not be greater than maxSeconds, which is 300"}},
		"exit codes": {func(app *application) { app.Spec.RestartPolicy.NonRetryableExitCodes = []int32{1, 255, 1} }, nil},
		"exit codes that no failure has": {func(app *application) { app.Spec.RestartPolicy.NonRetryableExitCodes = []int32{0, 3, 256, -1} }, []string{
			"spec.restartPolicy.nonRetryableExitCodes[0]: Invalid value: 0: the exit code of a failure is from 1 to 255",
			"spec.restartPolicy.nonRetryableExitCodes[2]: Invalid value: 256",
			"spec.restartPolicy.nonRetryableExitCodes[3]: Invalid value: -1",
		}},
		"failures of the infrastructure": {func(app *application) {
			app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{Retries: ptr.To[int32](0), IntervalSeconds: ptr.To[int64](1)}
		}, nil},
		"negative retries": {func(app *application) {
			app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{Retries: ptr.To[int32](-1), IntervalSeconds: ptr.To[int64](0)}
		}, []string{
			"spec.restartPolicy.infrastructureFailures.retries: Invalid value: -1: must be at least 0",
			"spec.restartPolicy.infrastructureFailures.intervalSeconds: Invalid value: 0: must be at least 1",
		}},
		"timeouts": {func(app *application) {
			app.Spec.Timeouts = &v1beta2.Timeouts{DriverStartSeconds: ptr.To[int64](1), ExecutorsReadySeconds: ptr.To[int64](1), RunSeconds: ptr.To[int64](1)}
		}, nil},
		"timeouts of nothing": {func(app *application) {
			app.Spec.Timeouts = &v1beta2.Timeouts{DriverStartSeconds: ptr.To[int64](0), ExecutorsReadySeconds: ptr.To[int64](-1), RunSeconds: ptr.To[int64](0)}
		}, []string{
			"spec.timeouts.driverStartSeconds: Invalid value: 0: must be at least 1",
			"spec.timeouts.executorsReadySeconds: Invalid value: -1",
			"spec.timeouts.runSeconds: Invalid value: 0",
		}},
		"clean-up": {func(app *application) {
			app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: v1beta2.PodDeletionOnSuccess, ExecutorPods: v1beta2.PodDeletionAlways}
		}, nil},
		"clean-up of another kind": {func(app *application) {
			app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: "OnFailure", ExecutorPods: "always"}
		}, []string{
			`spec.cleanupPolicy.driverPod: Unsupported value: "OnFailure": supported values: "Never", "OnSuccess", "Always"`,
			`spec.cleanupPolicy.executorPods: Unsupported value: "always"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, validation.ValidateSparkApplication(newApplication(test.edit)), test.want...)
		})
	}
}
