// SPDX-License-Identifier: Apache-2.0

package controller

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
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// answers are what the world may answer to the actions of a row, over and over.
var answers = map[string]outcome{
	"well":            {},
	"refused":         {refusal: "quota exceeded", refusalReason: reasonQuotaExceeded},
	"waits":           {err: reconcile.WaitFor(reasonCacheBehind, "behind")},
	"fails":           {err: errors.New("the server is busy")},
	"release fails":   {err: errors.New("the server is busy"), releaseFailed: true},
	"node lost":       {nodeLoss: "node a is gone"},
	"UI fails":        {ui: &uiResult{err: errors.New("the server is busy")}},
	"UI works":        {ui: &uiResult{}},
	"cause in events": {events: &driverEvents{&obstacle{reason: reasonVolumeFailed, subject: "a volume cannot be mounted", detail: "secret \"a\" not found", needsAction: true}}},
	"events are fine": {events: &driverEvents{}},
	"log":             {logTail: "the last words"},
	"job runs":        {pending: &pending{reason: reasonSubmitterRunning, message: "job a runs spark-submit"}},
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
func allSituations(yield func(name string, in *input) bool) {
	odd := observations()
	for name, in := range situations {
		if in.state() != stateNew {
			in.app.Status.AppState.LastTransitionTime = ptr.To(metav1.NewTime(testStart))
		}
		in.app.CreationTimestamp = metav1.NewTime(testStart)
		if !yield(name, in) {
			return
		}
		if in.driver == nil || in.report.state != v1beta2.DriverStatePending {
			continue // one of the kinds of observation is enough to build on
		}
		for kind, pod := range odd {
			other := *in
			other.app, other.driver = in.app.DeepCopy(), pod
			if !yield(name+"/"+kind, &other) {
				return
			}
		}
	}
}

// step is one sync of an application that sees what in shows and to whose actions
// the world answers always the same. It changes in as the write of the status does
// and reports whether there was one.
func step(t *testing.T, in *input, answer outcome, failures int) bool {
	t.Helper()
	in.report, in.obstacle, in.watch = reportDriver(in.driver), nil, driverWatch{}
	switch in.report.state {
	case v1beta2.DriverStatePending:
		in.obstacle = diagnose(in.driver, in.now)
		in.watch = in.watches.of(cache.MetaObjectToName(in.app), in.driver.UID)
	case v1beta2.DriverStateRunning:
		in.watch = in.watches.of(cache.MetaObjectToName(in.app), in.driver.UID)
	default:
	}
	p := decide(in)
	does := func(a action) bool {
		for i := range p.row.do {
			if p.row.do[i].name == a.name {
				return true
			}
		}
		return false
	}
	out := outcome{err: answer.err, releaseFailed: answer.releaseFailed && does(releaseRun)}
	if answer.releaseFailed && !out.releaseFailed || len(p.row.do) == 0 {
		out.err = nil
	}
	if does(submitRun) {
		out.submission = &submission{id: nextSubmissionID(in.app.UID, in.app.Status.SubmissionID), specHash: in.specHash, time: in.now, driverPodName: "pi-driver"}
		out.refusal, out.refusalReason, out.pending = answer.refusal, answer.refusalReason, answer.pending
	}
	if does(readDriverEvents) && in.startsSilently() {
		out.events = answer.events
	}
	if does(ensureUI) && in.uiDue() {
		out.ui = answer.ui
	}
	if does(readDriverLog) {
		out.logTail = answer.logTail
	}
	if does(examineNode) || in.stuckDriver() != nil && (does(deleteDrivers) || does(deleteOldDrivers)) {
		out.nodeLoss = answer.nodeLoss
	}
	status := conclude(in, p, out, failures)
	if equality.Semantic.DeepEqual(&in.app.Status, status) {
		return false
	}
	in.noteRephrasing(status)
	if status.SubmissionID != in.app.Status.SubmissionID {
		in.observed = observed{unreadable: in.unreadable} // what was seen belongs to the run before
	}
	stored, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	in.app.Status = v1beta2.SparkApplicationStatus{}
	if err := json.Unmarshal(stored, &in.app.Status); err != nil {
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
			in.app, in.watches = in.app.DeepCopy(), &driverWatches{}
			in.refused = nil
			name := fmt.Sprintf("%s/%s", name, kind)

			written := 0
			for failures := range steps {
				if step(t, &in, answer, failures) {
					written++
				} else if failures > quietFailures {
					break
				}
			}
			if before := in.app.Status.DeepCopy(); step(t, &in, answer, steps) {
				t.Fatalf("%s: written %d times and again\n%+v\n%+v", name, written, *before, in.app.Status)
			}

			written = 0
			for i := range looks {
				in.now = in.now.Add(time.Duration(min(i+1, 6)) * time.Minute)
				before := in.app.Status
				if step(t, &in, answer, steps+i) && before.AppState.State == in.app.Status.AppState.State && before.SubmissionID == in.app.Status.SubmissionID {
					written++
				}
			}
			if written > maxWrites {
				t.Fatalf("%s: written %d times in %d looks in %s: %+v", name, written, looks, in.state(), in.app.Status.Conditions)
			}
		}
	}
}
