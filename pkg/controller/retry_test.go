// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	ofApplication    = v1beta2.FailureTypeApplication
	ofInfrastructure = v1beta2.FailureTypeInfrastructure
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
		id = nextSubmissionID("uid", id)
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
		"the application's own":             {before: tally{executions: 3}, f: failure{kind: ofApplication}, want: tally{executions: 3}},
		"own failure starts the row over":   {before: tally{3, 2, 2}, f: failure{kind: ofApplication}, want: tally{3, 2, 0}},
		"without policy only seen":          {before: tally{executions: 1}, f: failure{kind: ofInfrastructure}, want: tally{1, 0, 1}},
		"not charged":                       {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{executions: 1}, f: failure{kind: ofInfrastructure}, want: tally{1, 1, 1}},
		"the last that is not charged":      {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{3, 1, 1}, f: failure{kind: ofInfrastructure}, want: tally{3, 2, 2}},
		"beyond its own retries":            {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{3, 2, 2}, f: failure{kind: ofInfrastructure}, want: tally{3, 2, 3}},
		"ran long enough":                   {policy: v1beta2.RestartPolicy{Backoff: reset}, before: tally{executions: 4}, f: failure{kind: ofApplication, ran: time.Minute}, want: tally{4, 3, 0}},
		"not long enough":                   {policy: v1beta2.RestartPolicy{Backoff: reset}, before: tally{executions: 4}, f: failure{kind: ofApplication, ran: time.Minute - 1}, want: tally{executions: 4}},
		"ran long enough, then evicted":     {policy: v1beta2.RestartPolicy{Backoff: reset, InfrastructureFailures: twice}, before: tally{4, 0, 2}, f: failure{kind: ofInfrastructure, ran: time.Hour}, want: tally{4, 4, 1}},
		"never forgives what was not begun": {policy: v1beta2.RestartPolicy{InfrastructureFailures: twice}, before: tally{1, 1, 0}, f: failure{kind: ofInfrastructure}, want: tally{1, 1, 1}},
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

func TestFailureType(t *testing.T) {
	disrupted := []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"}}
	exit := func(code int32, reason string) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}}}
	}
	for name, test := range map[string]struct {
		status corev1.PodStatus
		want   v1beta2.FailureType
	}{
		"exit code":                  {corev1.PodStatus{ContainerStatuses: exit(1, "Error")}, ofApplication},
		"killed by a signal":         {corev1.PodStatus{ContainerStatuses: exit(143, "Error")}, ofApplication},
		"evicted, stopped":           {corev1.PodStatus{ContainerStatuses: exit(143, "Error"), Conditions: disrupted}, ofInfrastructure},
		"evicted, killed":            {corev1.PodStatus{ContainerStatuses: exit(137, "Error"), Conditions: disrupted}, ofInfrastructure},
		"too little memory":          {corev1.PodStatus{ContainerStatuses: exit(137, "OOMKilled")}, ofApplication},
		"too little memory, evicted": {corev1.PodStatus{ContainerStatuses: exit(137, "OOMKilled"), Conditions: disrupted}, ofApplication},
		"disruption called off":      {corev1.PodStatus{ContainerStatuses: exit(1, "Error"), Conditions: []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionFalse}}}, ofApplication},
		"node pressure":              {corev1.PodStatus{Reason: "Evicted", ContainerStatuses: exit(137, "Error")}, ofInfrastructure},
		"node shut down":             {corev1.PodStatus{Reason: "Terminated"}, ofInfrastructure},
		"not admitted":               {corev1.PodStatus{Reason: "OutOfcpu"}, ofInfrastructure},
		"made room":                  {corev1.PodStatus{Reason: "Preempting"}, ofInfrastructure},
		"container lost":             {corev1.PodStatus{ContainerStatuses: exit(137, "ContainerStatusUnknown")}, ofInfrastructure},
		"too slow for its own limit": {corev1.PodStatus{Reason: "DeadlineExceeded"}, ofApplication},
		"init container":             {corev1.PodStatus{InitContainerStatuses: exit(1, "Error")}, ofApplication},
	} {
		t.Run(name, func(t *testing.T) {
			test.status.Phase = corev1.PodFailed
			pod := podview.Of(&corev1.Pod{Status: test.status})
			if got := failureType(pod, reportDriver(pod)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
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
			AppState: v1beta2.ApplicationState{State: live[random.IntN(len(live))]}, SubmissionID: fmt.Sprint("id", i),
			ExecutionAttempts: executions, ForgivenAttempts: random.Int32N(executions), InfrastructureFailures: random.Int32N(4),
			LastSubmissionAttemptTime: metav1.NewTime(testStart),
			DriverInfo:                v1beta2.DriverInfo{PodName: "pi-driver"},
		}
		in := &input{app: app, settings: &Settings{MaxTrackedExecutors: 10}, now: testStart.Add(time.Hour), specHash: "1-a"}
		if random.IntN(4) > 0 {
			in.driver = &podview.Pod{}
			in.driver.Status.Phase = corev1.PodFailed
			in.driver.Status.Reason = []string{"", "Evicted"}[random.IntN(2)]
			in.driver.Status.ContainerStatuses = []podview.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 1 + random.Int32N(3), StartedAt: metav1.NewTime(testStart), FinishedAt: metav1.NewTime(testStart.Add(time.Duration(random.IntN(30)) * time.Second)),
			}}}}
		} else if random.IntN(2) > 0 {
			c := reconcile.Conditions{List: &app.Status.Conditions, Now: testStart}
			c.SetTrue(v1beta2.ConditionDriverReady, reasonDriverDisrupted, "EvictionByEvictionAPI")
		}
		in.report = reportDriver(in.driver)
		p := decide(in)
		status := conclude(in, p, outcome{}, 0)
		later := *in
		later.app = app.DeepCopy()
		later.app.Status = *status
		later.app.Status.AppState.State = stateFailing
		retries := status.AppState.State == stateFailing
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

// evict lets the driver end as the eviction API ends it.
func evict(c *cluster, name string) {
	c.driverPhase(name, corev1.PodFailed)
	c.editPod(name, func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses[0].State.Terminated.ExitCode = 143
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting"}}
	})
}

// TestInfrastructureFailures: an application that may not be retried survives two
// evictions, and not its own failure.
func TestInfrastructureFailures(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{IntervalSeconds: ptr.To[int64](7)}
	}))
	p := c.start()
	for n := int32(1); n <= 2; n++ {
		mustSettle(t, p, "pi")
		c.wantState("pi", stateSubmitted)
		evict(c, "pi-driver")
		after := mustSettle(t, p, "pi")
		app := c.wantState("pi", stateFailing)
		if after != 7*time.Second {
			t.Errorf("next look after %v", after)
		}
		if s := app.Status; s.ExecutionAttempts != n || s.ForgivenAttempts != n || s.InfrastructureFailures != n || s.Attempts[n-1].FailureType != ofInfrastructure {
			t.Errorf("status %+v", s)
		}
		c.clock.Step(after)
	}
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	app := c.wantState("pi", stateFailed)
	if s := app.Status; s.ExecutionAttempts != 3 || s.ForgivenAttempts != 2 || s.InfrastructureFailures != 0 || s.Attempts[2].FailureType != ofApplication {
		t.Errorf("status %+v", s)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"1"} })
	mustSettle(t, p, "pi")
	if s := c.wantState("pi", stateSubmitted).Status; s.ExecutionAttempts != 1 || s.ForgivenAttempts != 0 {
		t.Errorf("an edit did not start over: %+v", s)
	}
}

// TestDrainedDriver: the pod of a driver that is drained may be gone before its
// end is seen. That it was disrupted is remembered.
func TestDrainedDriver(t *testing.T) {
	for _, disrupted := range []bool{true, false} {
		t.Run(fmt.Sprintf("disrupted %t", disrupted), func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", onFailure(1, 5), func(app *v1beta2.SparkApplication) {
				app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{}
			}))
			p := c.start()
			mustSettle(t, p, "pi")
			c.driverPhase("pi-driver", corev1.PodRunning)
			mustSettle(t, p, "pi")
			c.editPod("pi-driver", func(pod *corev1.Pod) {
				pod.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now().Add(30 * time.Second)))
				if disrupted {
					pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"}}
				}
			})
			mustSettle(t, p, "pi")
			c.wantState("pi", stateRunning)
			c.deletePod("pi-driver")
			p = c.start() // the memory is in the cluster
			mustSettle(t, p, "pi")
			app := c.wantState("pi", stateFailing)
			attempt := app.Status.Attempts[0]
			want, message := ofApplication, "driver pod not found"
			if disrupted {
				want, message = ofInfrastructure, "driver pod not found: EvictionByEvictionAPI"
			}
			if attempt.FailureType != want || attempt.Reason != reasonDriverLost || attempt.Message != message {
				t.Errorf("attempt %+v", attempt)
			}
			if charged := tallyOf(&app.Status).charged(); (charged == 0) != disrupted {
				t.Errorf("%d runs charged", charged)
			}
		})
	}
}

func TestExitCodeThatIsNotRetried(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyAlways, NonRetryableExitCodes: []int32{3, 1}}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	app := c.wantState("pi", stateFailed)
	want := "driver container failed with ExitCode: 1, Reason: Error; not retried: exit code 1 is in restartPolicy.nonRetryableExitCodes"
	if app.Status.AppState.ErrorMessage != want {
		t.Errorf("message %q", app.Status.AppState.ErrorMessage)
	}
}

// TestPolicyEditedWhileWaiting: the policy that counts is the one of now.
func TestPolicyEditedWhileWaiting(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(3, 60)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	c.wantState("pi", stateFailing)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.RestartPolicy.NonRetryableExitCodes = []int32{1} })
	mustSettle(t, p, "pi")
	app := c.wantState("pi", stateFailed)
	if message := app.Status.AppState.ErrorMessage; strings.Count(message, "not retried") != 1 {
		t.Errorf("message %q", message)
	}
}

// TestWithdrawnDisruptionIsNoCause: a later failure is not attributed to it.
func TestWithdrawnDisruptionIsNoCause(t *testing.T) {
	for _, phase := range []corev1.PodPhase{corev1.PodPending, corev1.PodRunning} {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start()
		mustSettle(t, p, "pi")
		c.driverPhase("pi-driver", phase)
		disrupt := func(status corev1.ConditionStatus) {
			c.editPod("pi-driver", func(pod *corev1.Pod) {
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: status, Reason: "EvictionByEvictionAPI"}}
			})
			mustSettle(t, p, "pi")
		}
		mustSettle(t, p, "pi")
		before := c.application("pi").Status.Conditions
		disrupt(corev1.ConditionTrue)
		disrupt(corev1.ConditionFalse)
		if after := c.application("pi").Status.Conditions; len(after) != len(before) || after[1].Reason != before[1].Reason {
			t.Errorf("conditions %+v, want %+v", after, before)
		}
		c.deletePod("pi-driver")
		c.clock.Step(time.Minute)
		mustSettle(t, p, "pi")
		app := c.wantState("pi", stateFailed)
		if attempt := app.Status.Attempts[0]; attempt.FailureType != ofApplication {
			t.Errorf("attempt %+v", attempt)
		}
	}
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

// TestNextRetryTime: the status says when the next attempt is due, as long as one is.
func TestNextRetryTime(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(1, 60)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.clock.Step(20 * time.Second)
	c.driverPhase("pi-driver", corev1.PodFailed)
	before := c.writes
	after := mustSettle(t, p, "pi")
	app := c.wantState("pi", stateFailing)
	if due := app.Status.NextRetryTime; due == nil || due.Sub(c.clock.Now()) != 40*time.Second || after != 40*time.Second {
		t.Errorf("due at %v, next look after %v", due, after)
	}
	if c.writes-before != 1 {
		t.Errorf("%d writes", c.writes-before)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
		spec.RestartPolicy.OnFailureRetryInterval = ptr.To[int64](90)
	})
	mustSettle(t, p, "pi")
	if due := c.wantState("pi", stateFailing).Status.NextRetryTime; due == nil || due.Sub(c.clock.Now()) != 70*time.Second {
		t.Errorf("after the edit due at %v", due)
	}
	c.clock.Step(70 * time.Second)
	mustSettle(t, p, "pi")
	if due := c.wantState("pi", stateSubmitted).Status.NextRetryTime; due != nil {
		t.Errorf("due at %v while it runs", due)
	}
}
