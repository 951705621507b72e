// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// FuzzDecide decides on applications and pods in any condition, also in impossible ones,
// and concludes from any outcome.
func FuzzDecide(f *testing.F) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		seed := make([]byte, 400)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &choices{data: data}
		in := g.input()
		before := in.app.DeepCopy()
		p := decide(in)
		if again := decide(in); again != p {
			t.Errorf("decided twice, differently: %+v, then %+v", p, again)
		}
		if p.requeueAfter < 0 || p.requeueAfter > maxDelay {
			t.Errorf("looks again after %v", p.requeueAfter)
		}
		if known := slices.Contains(anyState, in.state()); known != (p.row != nil) {
			t.Fatalf("state %q is known: %t, has a row: %t", in.state(), known, p.row != nil)
		}
		if p.row != nil && p.row.to == stay && p.requeueAfter == 0 && !slices.Contains(terminal, in.state()) && in.state() != stateSuspended {
			t.Errorf("waits for ever in %q", in.state())
		}
		out := g.outcome(p)
		status := conclude(in, p, out, int(g.number(5)))
		if !reflect.DeepEqual(before, in.app) {
			t.Error("the application was changed")
		}
		checkTransition(t, in, &out, status)
	})
}

// checkTransition checks what holds for every step.
func checkTransition(t *testing.T, in *input, out *outcome, status *v1beta2.SparkApplicationStatus) {
	t.Helper()
	from, to := in.state(), stateOf(status)
	if to != from && !slices.Contains(anyState, to) {
		t.Errorf("%q leads to %q", from, to)
	}
	if slices.Contains(terminal, from) && to != from && (to != stateInvalidating || !in.specChanged()) {
		t.Errorf("leaves its final state %q for %q", from, to)
	}
	if in.app.DeletionTimestamp != nil && to != from {
		t.Errorf("goes from %q to %q while it is deleted", from, to)
	}
	if suspended := ptr.Deref(in.app.Spec.Suspend, false); suspended && (to == stateSubmitted || to == stateRunning) && to != from {
		t.Errorf("goes from %q to %q although it is suspended", from, to)
	}
	old := &in.app.Status
	if sane(old) && !sane(status) {
		t.Errorf("counters %+v became %+v", tallyOf(old), tallyOf(status))
	}
	if len(status.Attempts) > maxAttempts && len(status.Attempts) > len(old.Attempts) {
		t.Errorf("%d attempts are kept", len(status.Attempts))
	}
	// What is written about the end of an attempt is never changed.
	for _, was := range old.Attempts {
		i := slices.IndexFunc(status.Attempts, func(a v1beta2.Attempt) bool { return a.SubmissionID == was.SubmissionID })
		if was.State == "" || i < 0 {
			continue
		}
		if is := status.Attempts[i]; is.State != was.State || is.Reason != was.Reason || !is.TerminationTime.Equal(was.TerminationTime) {
			t.Errorf("the record %+v became %+v", was, is)
		}
	}
	if out.submission == nil && status.SubmissionID != old.SubmissionID {
		t.Errorf("a submission %q that was never made", status.SubmissionID)
	}
	for _, condition := range status.Conditions {
		if len(condition.Message) > reconcile.MaxConditionMessage && !slices.Contains(old.Conditions, condition) {
			t.Errorf("message of %d bytes", len(condition.Message))
		}
	}
}

func sane(status *v1beta2.SparkApplicationStatus) bool {
	t := tallyOf(status)
	return t.forgiven >= 0 && t.infrastructure >= 0 && t.forgiven <= t.executions && status.SubmissionAttempts >= 0
}

// choices makes a situation from bytes. Where they end, everything is zero.
type choices struct{ data []byte }

func (g *choices) uint64() uint64 {
	var bytes [8]byte
	n := copy(bytes[:], g.data)
	g.data = g.data[n:]
	return binary.LittleEndian.Uint64(bytes[:])
}

// number is a number from 0 up to but without limit.
func (g *choices) number(limit int64) int64 {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	if limit <= 256 {
		return int64(b) % limit
	}
	return int64(g.uint64()>>1) % limit
}

func (g *choices) yes() bool { return g.number(2) == 1 }

func pick[T any](g *choices, list ...T) T { return list[g.number(int64(len(list)))] }

func maybe[T any](g *choices, value func() T) *T {
	if g.yes() {
		return nil
	}
	return ptr.To(value())
}

// time is around the present of the test, or far from it, or zero.
func (g *choices) time() metav1.Time {
	switch g.number(8) {
	case 0:
		return metav1.Time{}
	case 1:
		return metav1.NewTime(testStart.Add(time.Duration(g.number(1<<40)-1<<39) * time.Second / 1000))
	default:
		return metav1.NewTime(testStart.Add(time.Duration(g.number(7200)-3600) * time.Second))
	}
}

func (g *choices) seconds() int64 {
	return pick[int64](g, 0, 1, 5, 60, 3600, -1, 1<<62, g.number(100_000))
}

func (g *choices) count() int32 { return pick[int32](g, 0, 1, 2, 3, 5, 10, 1000, -1, 1<<30) }

func (g *choices) id() string { return pick(g, "current", "next", "other", "") }

func (g *choices) text() string {
	return pick(g, "", "a message", "two\nlines", string(make([]byte, 3000)), "\xff\xfe", "ü: %s")
}

func (g *choices) word() string {
	return pick(g, "", "Error", "Completed", "OOMKilled", "Evicted", "NodeLost", "OutOfcpu", "ImagePullBackOff", "ErrImagePull",
		"CreateContainerConfigError", "ContainerCreating", reasonDriverDisrupted, reasonOldDriver, reasonInvalidSpec, reasonExecutorsLost, reasonVolumeFailed)
}

func (g *choices) input() *input {
	app := newApplication("pi")
	app.UID = "uid"
	app.Generation = g.number(3)
	app.Spec.RestartPolicy = g.policy()
	app.Spec.Suspend = maybe(g, g.yes)
	app.Spec.TimeToLiveSeconds = maybe(g, g.seconds)
	app.Spec.Executor.Instances = maybe(g, g.count)
	if g.yes() {
		app.Spec.Timeouts = &v1beta2.Timeouts{DriverStartSeconds: maybe(g, g.seconds), ExecutorsReadySeconds: maybe(g, g.seconds), RunSeconds: maybe(g, g.seconds)}
	}
	if g.yes() {
		app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: g.deletion(), ExecutorPods: g.deletion()}
	}
	if g.number(8) == 1 {
		app.DeletionTimestamp = ptr.To(g.time())
	}
	app.Status = g.status()
	in := &input{
		app: app, now: testStart, specHash: pick(g, "1-a", "1-b"), watches: &driverWatches{},
		settings: &Settings{
			DriverGracePeriod: pick(g, 0, 10*time.Second), MaxTrackedExecutors: int(g.number(3)),
			DefaultTimeToLive: pick(g, 0, time.Minute), DriverCannotStartTimeout: pick(g, 0, time.Minute), NodeLossGracePeriod: pick(g, 0, time.Minute),
		},
		validate: func(*v1beta2.SparkApplication) string { return "" },
	}
	if g.number(8) == 1 {
		in.validate = func(*v1beta2.SparkApplication) string { return "spec.mode: wrong" }
	}
	if g.number(8) == 1 {
		in.unreadable = "spec.driver: wrong type"
	}
	if g.yes() {
		in.driver = podview.Of(g.pod("pi-driver", v1beta2.DriverContainerName))
	}
	if g.number(4) == 1 {
		in.unpublished = podview.Of(g.pod("pi-driver", v1beta2.DriverContainerName))
	}
	for range g.number(3) {
		in.leftovers = append(in.leftovers, podview.Of(g.pod("old-driver", v1beta2.DriverContainerName)))
	}
	for i := range g.number(4) {
		pod := g.pod(fmt.Sprint("pi-exec-", i), v1beta2.ExecutorContainerName)
		pod.Labels = map[string]string{v1beta2.LabelSparkExecutorID: pick(g, "1", "2", "x", "")}
		in.executors = append(in.executors, podview.Of(pod))
	}
	in.report = reportDriver(in.driver)
	if in.report.state == v1beta2.DriverStatePending {
		in.obstacle = diagnose(in.driver, in.now)
	}
	return in
}

func (g *choices) policy() v1beta2.RestartPolicy {
	policy := v1beta2.RestartPolicy{
		Type:             pick(g, v1beta2.RestartPolicyNever, v1beta2.RestartPolicyOnFailure, v1beta2.RestartPolicyAlways, "Sometimes", ""),
		OnFailureRetries: maybe(g, g.count), OnFailureRetryInterval: maybe(g, g.seconds),
		OnSubmissionFailureRetries: maybe(g, g.count), OnSubmissionFailureRetryInterval: maybe(g, g.seconds),
	}
	if g.yes() {
		policy.Backoff = &v1beta2.Backoff{InitialSeconds: maybe(g, g.seconds), MaxSeconds: maybe(g, g.seconds), JitterPercent: maybe(g, g.count), ResetAfterSeconds: maybe(g, g.seconds)}
	}
	if g.yes() {
		policy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{Retries: maybe(g, g.count), IntervalSeconds: maybe(g, g.seconds)}
	}
	for range g.number(3) {
		policy.NonRetryableExitCodes = append(policy.NonRetryableExitCodes, int32(g.number(4)))
	}
	return policy
}

func (g *choices) deletion() v1beta2.PodDeletion {
	return pick(g, "", v1beta2.PodDeletionNever, v1beta2.PodDeletionOnSuccess, v1beta2.PodDeletionAlways, "Sometimes")
}

func (g *choices) status() v1beta2.SparkApplicationStatus {
	states := append(slices.Clone(anyState), "OF_A_LATER_VERSION")
	status := v1beta2.SparkApplicationStatus{
		AppState:     v1beta2.ApplicationState{State: pick(g, states...), ErrorMessage: g.text()},
		SubmissionID: g.id(), SparkApplicationID: g.id(),
		LastSubmissionAttemptTime: g.time(), TerminationTime: g.time(),
		ExecutionAttempts: g.count(), SubmissionAttempts: g.count(), ForgivenAttempts: g.count(), InfrastructureFailures: g.count(),
		ObservedGeneration: g.number(3), ObservedSpecHash: pick(g, "1-a", "1-b", "", "0-a", undecodableSpec),
		DriverInfo: v1beta2.DriverInfo{PodName: pick(g, "pi-driver", "")},
	}
	if g.yes() {
		status.AppState.LastTransitionTime = ptr.To(g.time())
	}
	count := g.number(14)
	for i := range count {
		id := fmt.Sprint("earlier-", i)
		if i == count-1 && g.yes() {
			id = status.SubmissionID
		}
		status.Attempts = append(status.Attempts, v1beta2.Attempt{
			SubmissionID: id, State: pick(g, "", stateFailed, stateCompleted, stateRefused), Reason: g.word(), ExitCode: maybe(g, g.count),
			FailureType: pick(g, "", ofApplication, ofInfrastructure, "Other"), StartTime: maybe(g, g.time), TerminationTime: maybe(g, g.time),
		})
	}
	for _, kind := range []string{v1beta2.ConditionSubmitted, v1beta2.ConditionDriverReady, v1beta2.ConditionExecutorsReady, v1beta2.ConditionCompleted, v1beta2.ConditionStalled, conditionUIReady} {
		if g.yes() {
			status.Conditions = append(status.Conditions, metav1.Condition{
				Type: kind, Status: pick(g, metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown), Reason: g.word(), Message: g.text(), LastTransitionTime: g.time(),
			})
		}
	}
	for i := range g.number(4) {
		if status.ExecutorState == nil {
			status.ExecutorState = map[string]v1beta2.ExecutorState{}
		}
		status.ExecutorState[fmt.Sprint("pi-exec-", i)] = pick(g, v1beta2.ExecutorStatePending, v1beta2.ExecutorStateRunning, v1beta2.ExecutorStateFailed, "Other")
	}
	return status
}

func (g *choices) pod(name, container string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", UID: types.UID(name), CreationTimestamp: g.time()}}
	if g.number(3) == 1 {
		pod.DeletionTimestamp = ptr.To(g.time())
		pod.DeletionGracePeriodSeconds = maybe(g, g.seconds)
	}
	pod.Spec.NodeName = pick(g, "", "n1")
	pod.Status.Phase = pick(g, "", corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown, "Other")
	pod.Status.Reason, pod.Status.Message = g.word(), g.text()
	for _, kind := range []corev1.PodConditionType{corev1.DisruptionTarget, corev1.PodScheduled} {
		if g.yes() {
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
				Type: kind, Status: pick(g, corev1.ConditionTrue, corev1.ConditionFalse), Reason: g.word(), Message: g.text(), LastTransitionTime: g.time(),
			})
		}
	}
	for _, into := range []*[]corev1.ContainerStatus{&pod.Status.InitContainerStatuses, &pod.Status.ContainerStatuses} {
		for range g.number(3) {
			status := corev1.ContainerStatus{Name: pick(g, container, "sidecar"), RestartCount: g.count()}
			switch g.number(4) {
			case 1:
				status.State.Waiting = &corev1.ContainerStateWaiting{Reason: g.word(), Message: g.text()}
			case 2:
				status.State.Running = &corev1.ContainerStateRunning{StartedAt: g.time()}
			case 3:
				status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: g.count(), Signal: g.count(), Reason: g.word(), Message: g.text(), StartedAt: g.time(), FinishedAt: g.time()}
			}
			*into = append(*into, status)
		}
	}
	return pod
}

// outcome is one that the actions of the row can have.
func (g *choices) outcome(p plan) outcome {
	out := outcome{nodeLoss: g.text(), logTail: g.text()}
	does := func(wanted action) bool {
		return p.row != nil && slices.ContainsFunc(p.row.do, func(a action) bool { return a.name == wanted.name })
	}
	submits := does(submitRun)
	if submits {
		out.submission = &submission{id: "next", sparkApplicationID: "spark-next", driverPodName: "pi-driver", specHash: pick(g, "1-a", "1-b"), time: testStart}
	}
	switch g.number(6) {
	case 1:
		out.err = errors.New("an\nerror " + g.text())
		out.submission = nil
	case 2:
		out.err, out.releaseFailed = errors.New("an error"), does(releaseRun)
		out.submission = nil
	case 3:
		out.err = reconcile.WaitFor(reasonOldDriver, "wait")
		out.submission = nil
	case 4:
		if submits {
			out.refusal = "refused: " + g.text()
		}
	case 5:
		if submits {
			out.submission, out.pending = nil, &pending{reason: reasonSubmitterRunning, message: g.text()}
		}
	}
	return out
}
