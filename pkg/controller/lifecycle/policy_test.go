// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"math"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

func TestRetryAfterFailure(t *testing.T) {
	end := metav1.NewTime(testStart)
	for name, test := range map[string]struct {
		policy     v1beta2.RestartPolicyType
		retries    *int32
		interval   *int64
		executions int32
		want       bool
		delay      time.Duration
	}{
		"never":                        {policy: v1beta2.RestartPolicyNever, retries: ptr.To[int32](3), executions: 1},
		"unknown policy":               {policy: "Sometimes", retries: ptr.To[int32](3), executions: 1},
		"no limit given means none":    {policy: v1beta2.RestartPolicyOnFailure, executions: 1},
		"zero retries":                 {policy: v1beta2.RestartPolicyOnFailure, retries: ptr.To[int32](0), executions: 1},
		"first of one":                 {policy: v1beta2.RestartPolicyOnFailure, retries: ptr.To[int32](1), interval: ptr.To[int64](7), executions: 1, want: true, delay: 7 * time.Second},
		"one retry is two runs":        {policy: v1beta2.RestartPolicyOnFailure, retries: ptr.To[int32](1), executions: 2},
		"delay grows with the runs":    {policy: v1beta2.RestartPolicyOnFailure, retries: ptr.To[int32](9), interval: ptr.To[int64](7), executions: 3, want: true, delay: 21 * time.Second},
		"default interval":             {policy: v1beta2.RestartPolicyOnFailure, retries: ptr.To[int32](9), executions: 1, want: true, delay: 5 * time.Second},
		"always ignores limits":        {policy: v1beta2.RestartPolicyAlways, retries: ptr.To[int32](1), executions: 100, want: true, delay: 500 * time.Second},
		"a run that was never counted": {policy: v1beta2.RestartPolicyAlways, executions: 0, want: true, delay: 5 * time.Second},
		"no overflow":                  {policy: v1beta2.RestartPolicyAlways, interval: ptr.To[int64](math.MaxInt64), executions: 2, want: true, delay: maxDelay},
	} {
		t.Run(name, func(t *testing.T) {
			policy := v1beta2.RestartPolicy{Type: test.policy, OnFailureRetries: test.retries, OnFailureRetryInterval: test.interval}
			status := &v1beta2.SparkApplicationStatus{ExecutionAttempts: test.executions, SubmissionAttempts: 50, TerminationTime: end}
			got := retryAfterFailure(policy, status, testStart.Add(time.Hour))
			if got.allowed != test.want {
				t.Fatalf("allowed %t, want %t", got.allowed, test.want)
			}
			if got.allowed && got.due.Sub(testStart) != test.delay {
				t.Errorf("due after %v, want %v", got.due.Sub(testStart), test.delay)
			}
		})
	}
}

// TestLimitsAreSeparate: runs do not use up the retries of refused submissions,
// nor the other way round.
func TestLimitsAreSeparate(t *testing.T) {
	policy := v1beta2.RestartPolicy{
		Type:                       v1beta2.RestartPolicyOnFailure,
		OnFailureRetries:           ptr.To[int32](5),
		OnSubmissionFailureRetries: ptr.To[int32](1),
	}
	status := &v1beta2.SparkApplicationStatus{SubmissionAttempts: 5, ExecutionAttempts: 4, LastSubmissionAttemptTime: metav1.NewTime(testStart)}
	if got := retryAfterRefusal(policy, status, testStart); !got.allowed || got.due != testStart.Add(5*time.Second) {
		t.Errorf("after the first refusal %+v", got)
	}
	status.SubmissionAttempts++
	if retryAfterRefusal(policy, status, testStart).allowed {
		t.Error("a second retry of the submission")
	}
	if !retryAfterFailure(policy, status, testStart).allowed {
		t.Error("refused submissions were charged to the runs")
	}
	if got := retryAfterFailure(policy, status, testStart); got.due.Before(testStart) {
		t.Errorf("a run that ends now is due at %v", got.due)
	}
}

func TestTimeToLiveOf(t *testing.T) {
	for name, test := range map[string]struct {
		spec      *int64
		byDefault time.Duration
		running   bool
		want      time.Duration
		limited   bool
	}{
		"nothing set":                    {},
		"default":                        {byDefault: time.Minute, want: time.Minute, limited: true},
		"spec wins":                      {spec: ptr.To[int64](5), byDefault: time.Minute, want: 5 * time.Second, limited: true},
		"zero is at once":                {spec: ptr.To[int64](0), want: 0, limited: true},
		"negative is at once":            {spec: ptr.To[int64](-5), byDefault: time.Minute, want: 0, limited: true},
		"no overflow":                    {spec: ptr.To[int64](math.MaxInt64), want: maxDelay, limited: true},
		"no end, no expiry":              {spec: ptr.To[int64](5), byDefault: time.Minute, running: true},
		"default of zero keeps for ever": {byDefault: 0},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApplication("pi")
			app.Spec.TimeToLiveSeconds = test.spec
			if !test.running {
				app.Status.TerminationTime = metav1.NewTime(testStart)
			}
			expires, limited := timeToLive(app, test.byDefault)
			if limited != test.limited || limited && expires.Sub(testStart) != test.want {
				t.Errorf("expires %v after the end, limited %t", expires.Sub(testStart), limited)
			}
		})
	}
}

func executorPod(name, id string, phase corev1.PodPhase) *podview.Pod {
	return &podview.Pod{Name: name, Labels: podview.Labels{ExecutorID: id}, Status: podview.Status{Phase: phase}}
}

func TestExecutorStates(t *testing.T) {
	const (
		pending, running, completed, failed, unknown = v1beta2.ExecutorStatePending, v1beta2.ExecutorStateRunning,
			v1beta2.ExecutorStateCompleted, v1beta2.ExecutorStateFailed, v1beta2.ExecutorStateUnknown
	)
	type executors = map[string]v1beta2.ExecutorState
	for name, test := range map[string]struct {
		known executors
		pods  []*podview.Pod
		app   v1beta2.ApplicationStateType
		limit int
		want  executors
	}{
		"none": {app: StateRunning, limit: 10},
		"phases": {
			pods: []*podview.Pod{executorPod("e1", "1", corev1.PodPending), executorPod("e2", "2", corev1.PodRunning), executorPod("e3", "3", corev1.PodSucceeded), executorPod("e4", "4", corev1.PodFailed), executorPod("e5", "5", corev1.PodUnknown)},
			app:  StateRunning, limit: 10,
			want: executors{"e1": pending, "e2": running, "e3": completed, "e4": failed, "e5": unknown},
		},
		"numbers above the limit": {
			pods: []*podview.Pod{executorPod("e1", "1", corev1.PodRunning), executorPod("e3", "3", corev1.PodRunning), executorPod("ex", "x", corev1.PodRunning)},
			app:  StateRunning, limit: 2,
			want: executors{"e1": running, "ex": running},
		},
		"vanished while running":  {known: executors{"e1": running, "e2": failed, "e3": completed}, app: StateRunning, limit: 10, want: executors{"e1": unknown, "e2": failed, "e3": completed}},
		"vanished before success": {known: executors{"e1": running, "e2": unknown, "e3": failed}, app: StateCompleted, limit: 10, want: executors{"e1": completed, "e2": completed, "e3": failed}},
		"vanished before failure": {known: executors{"e1": running, "e2": completed}, app: StateFailed, limit: 10, want: executors{"e1": failed, "e2": completed}},
		"still there after success": {
			pods: []*podview.Pod{executorPod("e1", "1", corev1.PodRunning), executorPod("e2", "2", corev1.PodFailed)},
			app:  StateCompleted, limit: 10, want: executors{"e1": completed, "e2": failed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := executorStates(test.known, test.pods, test.app, test.limit)
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %v", got, test.want)
			}
			for name, state := range test.want {
				if got[name] != state {
					t.Errorf("%s is %s, want %s", name, got[name], state)
				}
			}
		})
	}
}

func TestExecutorWithSidecar(t *testing.T) {
	pod := executorPod("e1", "1", corev1.PodRunning)
	for _, container := range []string{v1beta2.ExecutorContainerName, v1beta2.ExecutorContainerNameAlternative} {
		pod.Status.ContainerStatuses = []podview.ContainerStatus{
			{Name: "proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			{Name: container, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}},
		}
		if got := diagnosis.ExecutorState(pod); got != v1beta2.ExecutorStateFailed {
			t.Errorf("%s: %s", container, got)
		}
	}
}

func TestSubmissionIDsFormAChain(t *testing.T) {
	first := NextSubmissionID("a", "")
	if first != NextSubmissionID("a", "") {
		t.Error("the same question, two answers")
	}
	if second := NextSubmissionID("a", first); second == first || second == NextSubmissionID("b", first) {
		t.Error("ids repeat")
	}
	if len(first) != 36 || first[14] != '5' {
		t.Errorf("%s is no name-based UUID", first)
	}
}
