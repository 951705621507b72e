// SPDX-License-Identifier: Apache-2.0

package lifecycle

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
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
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
		before := in.App.DeepCopy()
		p := Decide(in)
		if again := Decide(in); again != p {
			t.Errorf("decided twice, differently: %+v, then %+v", p, again)
		}
		if p.requeueAfter < 0 || p.requeueAfter > maxDelay {
			t.Errorf("looks again after %v", p.requeueAfter)
		}
		if known := slices.Contains(AnyState, in.State()); known != (p.Row != nil) {
			t.Fatalf("state %q is known: %t, has a row: %t", in.State(), known, p.Row != nil)
		}
		if p.Row != nil && p.Row.to == stay && p.requeueAfter == 0 && !slices.Contains(Terminal, in.State()) && in.State() != StateSuspended {
			t.Errorf("waits for ever in %q", in.State())
		}
		out := g.outcome(p)
		status := Conclude(in, p, out, int(g.number(5)))
		if !reflect.DeepEqual(before, in.App) {
			t.Error("the application was changed")
		}
		checkTransition(t, in, &out, status)
	})
}

// checkTransition checks what holds for every step.
func checkTransition(t *testing.T, in *Input, out *Outcome, status *v1beta2.SparkApplicationStatus) {
	t.Helper()
	from, to := in.State(), StateOf(status)
	if to != from && !slices.Contains(AnyState, to) {
		t.Errorf("%q leads to %q", from, to)
	}
	if slices.Contains(Terminal, from) && to != from && (to != StateInvalidating || !in.specChanged()) {
		t.Errorf("leaves its final state %q for %q", from, to)
	}
	if in.App.DeletionTimestamp != nil && to != from {
		t.Errorf("goes from %q to %q while it is deleted", from, to)
	}
	if suspended := ptr.Deref(in.App.Spec.Suspend, false); suspended && (to == StateSubmitted || to == StateRunning) && to != from {
		t.Errorf("goes from %q to %q although it is suspended", from, to)
	}
	old := &in.App.Status
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
	if out.Submission == nil && status.SubmissionID != old.SubmissionID {
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
		"CreateContainerConfigError", "ContainerCreating", reasonDriverDisrupted, ReasonOldDriver, ReasonInvalidSpec, reasonExecutorsLost, diagnosis.ReasonVolumeFailed)
}

func (g *choices) input() *Input {
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
	in := &Input{
		App: app, Now: testStart, SpecHash: pick(g, "1-a", "1-b"),
		Settings: &Settings{
			DriverGracePeriod: pick(g, 0, 10*time.Second), MaxTrackedExecutors: int(g.number(3)),
			DefaultTimeToLive: pick(g, 0, time.Minute), DriverCannotStartTimeout: pick(g, 0, time.Minute),
		},
	}
	if g.number(8) == 1 {
		in.Refusal = "spec.mode: wrong"
	}
	if g.number(8) == 1 {
		in.Unreadable, in.Refusal = "spec.driver: wrong type", ""
	}
	if g.yes() {
		in.Driver = podview.Of(g.pod("pi-driver", v1beta2.DriverContainerName))
	}
	if g.number(4) == 1 {
		in.Unpublished = podview.Of(g.pod("pi-driver", v1beta2.DriverContainerName))
	}
	for range g.number(3) {
		in.Leftovers = append(in.Leftovers, podview.Of(g.pod("old-driver", v1beta2.DriverContainerName)))
	}
	for i := range g.number(4) {
		pod := g.pod(fmt.Sprint("pi-exec-", i), v1beta2.ExecutorContainerName)
		pod.Labels = map[string]string{v1beta2.LabelSparkExecutorID: pick(g, "1", "2", "x", "")}
		in.Executors = append(in.Executors, podview.Of(pod))
	}
	in.Report = diagnosis.ReportDriver(in.Driver)
	if in.Report.State == v1beta2.DriverStatePending {
		in.Obstacle = diagnosis.Diagnose(in.Driver, in.Now)
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
	states := append(slices.Clone(AnyState), "OF_A_LATER_VERSION")
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
			SubmissionID: id, State: pick(g, "", StateFailed, StateCompleted, StateRefused), Reason: g.word(), ExitCode: maybe(g, g.count),
			FailureType: pick(g, "", v1beta2.FailureTypeApplication, v1beta2.FailureTypeInfrastructure, "Other"), StartTime: maybe(g, g.time), TerminationTime: maybe(g, g.time),
		})
	}
	for _, kind := range []string{v1beta2.ConditionSubmitted, v1beta2.ConditionDriverReady, v1beta2.ConditionExecutorsReady, v1beta2.ConditionCompleted, v1beta2.ConditionStalled, v1beta2.ConditionUIReady} {
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
func (g *choices) outcome(p Plan) Outcome {
	out := Outcome{NodeLoss: g.text(), LogTail: g.text()}
	does := func(wanted Action) bool {
		return p.Row != nil && slices.ContainsFunc(p.Row.Do, func(a Action) bool { return a == wanted })
	}
	submits := does(SubmitRun)
	if submits {
		out.Submission = &Submission{ID: "next", SparkApplicationID: "spark-next", DriverPodName: "pi-driver", SpecHash: pick(g, "1-a", "1-b"), Time: testStart}
	}
	switch g.number(6) {
	case 1:
		out.Err = errors.New("an\nerror " + g.text())
		out.Submission = nil
	case 2:
		out.Err, out.ReleaseFailed = errors.New("an error"), does(ReleaseRun)
		out.Submission = nil
	case 3:
		out.Err = reconcile.WaitFor(ReasonOldDriver, "wait")
		out.Submission = nil
	case 4:
		if submits {
			out.Refusal = "refused: " + g.text()
		}
	case 5:
		if submits {
			out.Submission, out.Pending = nil, &Pending{Reason: ReasonSubmitterRunning, Message: g.text()}
		}
	}
	return out
}
