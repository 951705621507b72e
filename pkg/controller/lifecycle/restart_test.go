// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

func TestBackoff(t *testing.T) {
	policy := v1beta2.RestartPolicy{
		Type:    v1beta2.RestartPolicyAlways,
		Backoff: &v1beta2.Backoff{InitialSeconds: ptr.To[int64](10), MaxSeconds: ptr.To[int64](60), JitterPercent: ptr.To[int32](0)},
	}
	delay := func(charged int32) time.Duration {
		return retryAfter(policy, tally{executions: charged + 3, forgiven: 3}, failure{}, span{testStart, testStart}, "id").due.Sub(testStart)
	}
	for charged, seconds := range map[int32]int{0: 10, 1: 10, 2: 20, 3: 40, 4: 60, 5: 60, math.MaxInt32 - 3: 60} {
		if got := delay(charged); got != time.Duration(seconds)*time.Second {
			t.Errorf("%d charged runs: %v, want %d s", charged, got, seconds)
		}
	}
	policy.Backoff = &v1beta2.Backoff{JitterPercent: ptr.To[int32](0)}
	if got := delay(1); got != 5*time.Second {
		t.Errorf("first delay by default %v", got)
	}
	policy.OnFailureRetryInterval = ptr.To[int64](100)
	if first, last := delay(1), delay(9); first != 100*time.Second || last != 300*time.Second {
		t.Errorf("first delay %v, longest %v", first, last)
	}
	policy.Backoff.InitialSeconds, policy.Backoff.MaxSeconds = ptr.To[int64](math.MaxInt64), ptr.To[int64](math.MaxInt64)
	if got := delay(1000); got != maxDelay {
		t.Errorf("overflow: %v", got)
	}
}

// TestJitter: delays of different submissions spread over the whole share, and
// that of one submission is always the same.
func TestJitter(t *testing.T) {
	policy := v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyAlways, Backoff: &v1beta2.Backoff{InitialSeconds: ptr.To[int64](100)}}
	id, shortest, longest := "", time.Hour, time.Duration(0)
	for range 1000 {
		id = NextSubmissionID("uid", id)
		first, second := exponential(policy, 1, id), exponential(policy, 1, id)
		if first != second {
			t.Fatalf("%s: %v, then %v", id, first, second)
		}
		shortest, longest = min(shortest, first), max(longest, first)
	}
	if shortest < 90*time.Second || shortest > 91*time.Second || longest > 100*time.Second || longest < 99*time.Second {
		t.Errorf("delays from %v to %v, want 90 s to 100 s", shortest, longest)
	}
}

func TestTally(t *testing.T) {
	reset := &v1beta2.Backoff{ResetAfterSeconds: ptr.To[int64](60)}
	twice := &v1beta2.InfrastructureFailurePolicy{Retries: ptr.To[int32](2)}
	for name, test := range map[string]struct {
		policy v1beta2.RestartPolicy
		before tally
		f      failure
		want   tally
	}{
		"the application's own":             {before: tally{executions: 3}, f: failure{kind: v1beta2.FailureTypeApplication}, want: tally{executions: 3}},
		"own failure starts the row over":   {before: tally{3, 2, 2}, f: failure{kind: v1beta2.FailureTypeApplication}, want: tally{3, 2, 0}},
		"without policy only seen":          {before: tally{executions: 1}, f: failure{kind: v1beta2.FailureTypeInfrastructure}, want: tally{1, 0, 1}},
		"not charged":                       {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{executions: 1}, f: failure{kind: v1beta2.FailureTypeInfrastructure}, want: tally{1, 1, 1}},
		"the last that is not charged":      {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{3, 1, 1}, f: failure{kind: v1beta2.FailureTypeInfrastructure}, want: tally{3, 2, 2}},
		"beyond its own retries":            {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{3, 2, 2}, f: failure{kind: v1beta2.FailureTypeInfrastructure}, want: tally{3, 2, 3}},
		"ran long enough":                   {policy: v1beta2.RestartPolicy{Backoff: reset}, before: tally{executions: 4}, f: failure{kind: v1beta2.FailureTypeApplication, ran: time.Minute}, want: tally{4, 3, 0}},
		"not long enough":                   {policy: v1beta2.RestartPolicy{Backoff: reset}, before: tally{executions: 4}, f: failure{kind: v1beta2.FailureTypeApplication, ran: time.Minute - 1}, want: tally{executions: 4}},
		"ran long enough, then evicted":     {policy: v1beta2.RestartPolicy{Backoff: reset, InfrastructureFailures: twice}, before: tally{4, 0, 2}, f: failure{kind: v1beta2.FailureTypeInfrastructure, ran: time.Hour}, want: tally{4, 4, 1}},
		"never forgives what was not begun": {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{1, 1, 0}, f: failure{kind: v1beta2.FailureTypeInfrastructure}, want: tally{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.before.afterFailure(test.policy, test.f); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
	if got := (tally{5, 1, 2}).afterSuccess(v1beta2.RestartPolicy{Backoff: reset}, time.Hour); got != (tally{5, 5, 0}) {
		t.Errorf("after a long run that succeeded %+v", got)
	}
	if got := (tally{5, 1, 2}).afterSuccess(v1beta2.RestartPolicy{Backoff: &v1beta2.Backoff{}}, time.Second); got != (tally{5, 5, 0}) {
		t.Errorf("after a run that succeeded %+v", got)
	}
	if got := (tally{5, 1, 2}).afterSuccess(v1beta2.RestartPolicy{}, time.Second); got != (tally{5, 1, 0}) {
		t.Errorf("after a run that succeeded, linear delays: %+v", got)
	}
}

// TestWaitingAgreesWithFailing: whether there is a retry is decided when the
// failure is seen, and again, from the status alone, while the retry is waited
// for. The answers must not differ, or runs would be lost or be too many.
func TestWaitingAgreesWithFailing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	retried := 0
	for i := range 20000 {
		app := newApplication("pi")
		app.UID = "7d2b4a0e-0000-4000-8000-000000000001"
		app.Spec.RestartPolicy = randomPolicy(random)
		executions := 1 + random.Int32N(6)
		app.Status = v1beta2.SparkApplicationStatus{
			AppState: v1beta2.ApplicationState{State: Live[random.IntN(len(Live))]}, SubmissionID: fmt.Sprint("id", i),
			ExecutionAttempts: executions, ForgivenAttempts: random.Int32N(executions), InfrastructureFailures: random.Int32N(4),
			LastSubmissionAttemptTime: metav1.NewTime(testStart),
			DriverInfo:                v1beta2.DriverInfo{PodName: "pi-driver"},
		}
		in := &Input{App: app, Settings: &Settings{MaxTrackedExecutors: 10}, Now: testStart.Add(time.Hour), SpecHash: "1-a"}
		if random.IntN(4) > 0 {
			in.Driver = &podview.Pod{}
			in.Driver.Status.Phase = corev1.PodFailed
			in.Driver.Status.Reason = []string{"", "Evicted"}[random.IntN(2)]
			in.Driver.Status.ContainerStatuses = []podview.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 1 + random.Int32N(3), StartedAt: metav1.NewTime(testStart), FinishedAt: metav1.NewTime(testStart.Add(time.Duration(random.IntN(30)) * time.Second)),
			}}}}
		} else if random.IntN(2) > 0 {
			c := reconcile.Conditions{List: &app.Status.Conditions, Now: testStart}
			c.SetTrue(v1beta2.ConditionDriverReady, reasonDriverDisrupted, "EvictionByEvictionAPI")
		}
		in.Report = diagnosis.ReportDriver(in.Driver)
		p := Decide(in)
		status := Conclude(in, p, Outcome{}, 0)
		later := *in
		later.App = app.DeepCopy()
		later.App.Status = *status
		later.App.Status.AppState.State = StateFailing
		retries := status.AppState.State == StateFailing
		if got := later.retry(); got.allowed != retries || retries && got.due.Before(status.TerminationTime.Time) {
			t.Fatalf("decided for %s, then allowed %t; policy %+v, before %+v, after %+v", status.AppState.State, got.allowed, app.Spec.RestartPolicy, tallyOf(&app.Status), tallyOf(status))
		}
		if retries {
			retried++
		}
		if status.ForgivenAttempts < 0 || status.ForgivenAttempts > status.ExecutionAttempts {
			t.Fatalf("%d of %d attempts forgiven", status.ForgivenAttempts, status.ExecutionAttempts)
		}
	}
	if retried < 1000 {
		t.Errorf("only %d retries", retried)
	}
}

func randomPolicy(random *rand.Rand) v1beta2.RestartPolicy {
	policy := v1beta2.RestartPolicy{
		Type:             []v1beta2.RestartPolicyType{v1beta2.RestartPolicyNever, v1beta2.RestartPolicyOnFailure, v1beta2.RestartPolicyAlways}[random.IntN(3)],
		OnFailureRetries: ptr.To(random.Int32N(4)),
	}
	if random.IntN(2) > 0 {
		policy.Backoff = &v1beta2.Backoff{ResetAfterSeconds: ptr.To(random.Int64N(30))}
	}
	if random.IntN(2) > 0 {
		policy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{Retries: ptr.To(random.Int32N(4))}
	}
	if random.IntN(3) > 0 {
		policy.NonRetryableExitCodes = []int32{2}
	}
	return policy
}

// TestLinearDelayCountsFromTheSubmission: the fields of kubeflow/spark-operator make a
// run wait for interval × runs since its submission, so one that was longer is
// followed at once, and the delay does not grow for ever.
func TestLinearDelayCountsFromTheSubmission(t *testing.T) {
	for name, test := range map[string]struct {
		interval   int64
		executions int32
		ran, want  time.Duration
	}{
		"63rd run of a stream, after a day": {10, 63, 24 * time.Hour, 0},
		"first run, at once":                {10, 1, 0, 10 * time.Second},
		"third run, after 12 s":             {10, 3, 12 * time.Second, 18 * time.Second},
		"as long as the delay":              {10, 2, 20 * time.Second, 0},
		"63rd run, at once: the cap":        {10, 63, 0, 10 * time.Minute},
		"an interval above the cap":         {3600, 5, time.Minute, 59 * time.Minute},
		"no time to wait":                   {0, 5, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			end := testStart.Add(test.ran)
			policy := v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyAlways, OnFailureRetryInterval: &test.interval}
			status := &v1beta2.SparkApplicationStatus{
				ExecutionAttempts: test.executions, LastSubmissionAttemptTime: metav1.NewTime(testStart), TerminationTime: metav1.NewTime(end),
			}
			if got := retryAfterFailure(policy, status, end); !got.allowed || got.due.Sub(end) != test.want {
				t.Errorf("%+v, want %v after the end", got, test.want)
			}
		})
	}
}
