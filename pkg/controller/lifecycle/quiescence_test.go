// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// answers are what the world may answer to the actions of a row, over and over.
var answers = map[string]Outcome{
	"well":            {},
	"refused":         {Refusal: "quota exceeded", RefusalReason: ReasonQuotaExceeded},
	"waits":           {Err: reconcile.WaitFor(ReasonCacheBehind, "behind")},
	"fails":           {Err: errors.New("the server is busy")},
	"release fails":   {Err: errors.New("the server is busy"), ReleaseFailed: true},
	"node lost":       {NodeLoss: "node a is gone"},
	"UI fails":        {UI: &UIResult{err: errors.New("the server is busy")}},
	"UI works":        {UI: &UIResult{}},
	"cause in events": {Events: &DriverEvents{&diagnosis.Obstacle{Reason: diagnosis.ReasonVolumeFailed, Subject: "a volume cannot be mounted", Detail: "secret \"a\" not found", NeedsAction: true}}},
	"events are fine": {Events: &DriverEvents{}},
	"log":             {LogTail: "the last words"},
	"job runs":        {Pending: &Pending{Reason: ReasonSubmitterRunning, Message: "job a runs spark-submit"}},
}

// observations are driver pods that situations does not know.
func observations() map[string]*podview.Pod {
	pod := func(edit func(*corev1.Pod)) *podview.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: "pi-driver", Namespace: "ns", UID: "u", CreationTimestamp: metav1.NewTime(testStart),
			Labels: map[string]string{v1beta2.LabelSubmissionID: "current"},
		}}
		pod.Status.Phase = corev1.PodPending
		edit(pod)
		return podview.Of(pod)
	}
	condition := func(kind corev1.PodConditionType, status corev1.ConditionStatus, reason string) func(*corev1.Pod) {
		return func(pod *corev1.Pod) {
			pod.Status.Conditions = []corev1.PodCondition{{Type: kind, Status: status, Reason: reason, Message: "for a reason", LastTransitionTime: metav1.NewTime(testStart)}}
		}
	}
	deleted := func(pod *corev1.Pod) {
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds, pod.Spec.NodeName = ptr.To(metav1.NewTime(testStart)), ptr.To[int64](30), "a"
	}
	all := map[string]*podview.Pod{
		"bare":          pod(func(pod *corev1.Pod) { pod.Labels, pod.Status = nil, corev1.PodStatus{} }),
		"unschedulable": pod(condition(corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable)),
		"gated":         pod(condition(corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonSchedulingGated)),
		"silent":        pod(condition(corev1.PodScheduled, corev1.ConditionTrue, "")),
		"no image":      pod(waiting("ImagePullBackOff", "")),
		"no secret":     pod(waiting("CreateContainerConfigError", `secret "a" not found`)),
		"pending, gone": pod(deleted),
		"disrupted": pod(func(pod *corev1.Pod) {
			condition(corev1.DisruptionTarget, corev1.ConditionTrue, "PreemptionByScheduler")(pod)
			pod.Status.Phase = corev1.PodRunning
		}),
		"pending, disrupted": pod(condition(corev1.DisruptionTarget, corev1.ConditionTrue, "PreemptionByScheduler")),
	}
	for _, phase := range []corev1.PodPhase{corev1.PodRunning, corev1.PodUnknown} {
		all["stuck "+string(phase)] = pod(func(pod *corev1.Pod) { deleted(pod); pod.Status.Phase = phase })
	}
	all["ahead"] = startedDriver(pod(func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning }))
	all["ahead"].Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(testStart.Add(48 * time.Hour))
	return all
}

// allSituations yields those of situations with further driver pods.
func allSituations(yield func(name string, in *Input) bool) {
	odd := observations()
	for name, in := range situations {
		if in.State() != StateNew {
			in.App.Status.AppState.LastTransitionTime = ptr.To(metav1.NewTime(testStart))
		}
		in.App.CreationTimestamp = metav1.NewTime(testStart)
		if !yield(name, in) {
			return
		}
		if in.Driver == nil || in.Report.State != v1beta2.DriverStatePending {
			continue // one of the kinds of observation is enough to build on
		}
		for kind, pod := range odd {
			other := *in
			other.App, other.Driver = in.App.DeepCopy(), pod
			if !yield(name+"/"+kind, &other) {
				return
			}
		}
	}
}

// step is one sync of an application that sees what in shows and to whose actions
// the world answers always the same. It changes in as the write of the status does
// and reports whether there was one.
func step(t *testing.T, in *Input, answer Outcome, failures int) bool {
	t.Helper()
	remembered := in.Watch
	in.Report, in.Obstacle, in.Watch = diagnosis.ReportDriver(in.Driver), nil, DriverWatch{}
	switch in.Report.State {
	case v1beta2.DriverStatePending:
		in.Obstacle = diagnosis.Diagnose(in.Driver, in.Now)
		in.Watch = remembered.Of(in.Driver.UID)
	case v1beta2.DriverStateRunning:
		in.Watch = remembered.Of(in.Driver.UID)
	default:
	}
	p := Decide(in)
	does := func(a Action) bool {
		for i := range p.Row.Do {
			if p.Row.Do[i] == a {
				return true
			}
		}
		return false
	}
	out := Outcome{Err: answer.Err, ReleaseFailed: answer.ReleaseFailed && does(ReleaseRun)}
	if answer.ReleaseFailed && !out.ReleaseFailed || len(p.Row.Do) == 0 {
		out.Err = nil
	}
	if does(SubmitRun) {
		out.Submission = &Submission{ID: NextSubmissionID(in.App.UID, in.App.Status.SubmissionID), SpecHash: in.SpecHash, Time: in.Now, DriverPodName: "pi-driver"}
		out.Refusal, out.RefusalReason, out.Pending = answer.Refusal, answer.RefusalReason, answer.Pending
	}
	if does(ReadDriverEvents) && in.StartsSilently() {
		out.Events = answer.Events
	}
	if does(EnsureUI) && in.UIDue() {
		out.UI = answer.UI
	}
	if does(ReadDriverLog) {
		out.LogTail = answer.LogTail
	}
	if does(ExamineNode) || in.stuckDriver() != nil && (does(DeleteDrivers) || does(DeleteOldDrivers)) {
		out.NodeLoss = answer.NodeLoss
	}
	status := Conclude(in, p, out, failures)
	if equality.Semantic.DeepEqual(&in.App.Status, status) {
		return false
	}
	if in.Rephrases(status) {
		in.Watch = in.Watch.Rephrased(in.Now)
	}
	if status.SubmissionID != in.App.Status.SubmissionID {
		in.Observed = Observed{Unreadable: in.Unreadable} // what was seen belongs to the run before
	}
	stored, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	in.App.Status = v1beta2.SparkApplicationStatus{}
	if err := json.Unmarshal(stored, &in.App.Status); err != nil {
		t.Fatal(err)
	}
	return true
}

// withAnswers reports whether a situation is tried with all answers; the others
// differ from these in what the answers do not meet.
func withAnswers(name string) bool {
	for _, flags := range []string{"/once/plain", "/once/edited", "/once/time-outs"} {
		if strings.Contains(name, flags) {
			return true
		}
	}
	return false
}

// TestStatusSettles: as long as nothing happens, nothing is written, whatever the
// state, the pods and the answers of the API server are; and as time goes by, what
// is written is bounded.
func TestStatusSettles(t *testing.T) {
	const (
		steps = 12
		looks = 12 // in about an hour
		// maxWrites without another state or another run in an hour.
		maxWrites = 6
	)
	for name, in := range allSituations {
		for kind, answer := range answers {
			if kind != "well" && !withAnswers(name) {
				continue
			}
			in := *in
			in.App, in.Watch = in.App.DeepCopy(), DriverWatch{}
			name := fmt.Sprintf("%s/%s", name, kind)

			written := 0
			for failures := range steps {
				if step(t, &in, answer, failures) {
					written++
				} else if failures > QuietFailures {
					break
				}
			}
			if before := in.App.Status.DeepCopy(); step(t, &in, answer, steps) {
				t.Fatalf("%s: written %d times and again\n%+v\n%+v", name, written, *before, in.App.Status)
			}

			written = 0
			for i := range looks {
				in.Now = in.Now.Add(time.Duration(min(i+1, 6)) * time.Minute)
				before := in.App.Status
				if step(t, &in, answer, steps+i) && before.AppState.State == in.App.Status.AppState.State && before.SubmissionID == in.App.Status.SubmissionID {
					written++
				}
			}
			if written > maxWrites {
				t.Fatalf("%s: written %d times in %d looks in %s: %+v", name, written, looks, in.State(), in.App.Status.Conditions)
			}
		}
	}
}
