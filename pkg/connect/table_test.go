// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/connect/activity"
	"github.com/spark-operator/spark-operator/pkg/connect/probe"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

const statesFile = "../../docs/connect-states.md"

// TestTableIsDocumented prints the state table to docs/connect-states.md.
func TestTableIsDocumented(t *testing.T) {
	var text bytes.Buffer
	text.WriteString(`# States of a SparkConnect

A test writes this page from the state table of the controller (` + "`pkg/connect/table.go`" + `). Each sync executes the first row that
applies. Events cause most syncs. "Next sync" is when the operator syncs the object without an event. [connect.md](connect.md) describes
the fields.

The states of the API are those in ` + "`status.state`" + `. The words after a comma distinguish states with the same name: a stopped server has
` + "`status.stopReason`" + `, one that waits for its restart has ` + "`status.nextRestartTime`" + `, and one without a server pod lacks
` + "`status.server.podUID`" + `.

| State | When | Do | New state | Status | Next sync |
|---|---|---|---|---|---|
`)
	for i := range table {
		row := &table[i]
		var from, do []string
		for _, p := range row.from {
			from = append(from, string(p))
		}
		states := strings.Join(from, "; ")
		if len(from) == len(anyPhase) {
			states = "any"
		}
		for _, a := range row.do {
			do = append(do, string(a))
		}
		status, wait := "", ""
		if row.set != nil {
			status = row.set.text
		}
		if row.wait != nil {
			wait = row.wait.text
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s |\n", states, row.when.text, strings.Join(do, "; "), row.to, status, wait)
	}
	text.WriteString(`
What the table does not show:

- A start that cannot succeed leads to Failed: the objects cannot be built, the API server refuses them as invalid, or admission refuses
  them for a minute. While a quota has no room, a ServiceAccount is missing or another object has a name that the server needs, the state is
  "Provisioning, no server pod", the condition ServerPodReady shows the cause, and the operator tries again at least once a minute.
- If any other action of a row fails, the state does not change, and the operator tries again with growing delays, up to one minute.
- If the Service cannot be written, a server that was ready becomes NotReady.
`)
	document.Compare(t, statesFile, text.String())
}

// observations are the inputs that the table distinguishes, in all combinations that can
// occur and some that cannot.
func observations(yield func(*input)) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	owner := func() *podview.Connect { return &podview.Connect{Name: "lab", UID: "lab-uid"} }
	pods := map[string]func() *podview.Pod{
		"none": func() *podview.Pod { return nil },
		"foreign": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "other", Connect: &podview.Connect{Name: "lab"}}
		},
		"pending": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodPending}}
		},
		"running": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodRunning}}
		},
		"ready": func() *podview.Pod {
			pod := &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodRunning}}
			pod.Connect.Ready, pod.Connect.IP, pod.Connect.UIPort, pod.Labels.SparkApplicationSelector = true, "10.1.2.3", 4040, "spark-1"
			pod.Annotations = podview.Annotations{{Key: v1beta2.AnnotationSpecHash, Value: "old"}}
			return pod
		},
		"failed": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodFailed}}
		},
		"succeeded": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodSucceeded}}
		},
		"unknown": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodUnknown}}
		},
		"terminating": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodRunning}, DeletionTimestamp: &metav1.Time{Time: now}}
		},
		"stuck": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodRunning}, Spec: podview.Spec{NodeName: "node-1"}, DeletionTimestamp: &metav1.Time{Time: now.Add(-time.Minute)}}
		},
		"starting": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "pod", Connect: owner(), Status: podview.Status{Phase: corev1.PodPending}, Spec: podview.Spec{NodeName: "node-1"}}
		},
		"another": func() *podview.Pod {
			return &podview.Pod{Name: "lab-server", UID: "newer", Connect: owner(), Status: podview.Status{Phase: corev1.PodRunning}}
		},
	}
	statuses := []v1alpha1.SparkConnectStatus{
		{},
		{State: "Unheard"},
		{State: provisioning, ObservedGeneration: 1},
		{State: provisioning, ObservedGeneration: 1, Server: v1alpha1.ServerStatus{PodUID: "pod"}},
		{State: ready, ObservedGeneration: 1, Server: v1alpha1.ServerStatus{PodUID: "pod"}},
		{State: ready}, // of kubeflow/spark-operator
		{State: notReady, ObservedGeneration: 1, Server: v1alpha1.ServerStatus{PodUID: "pod"}},
		{State: notReady, ObservedGeneration: 1, NextRestartTime: &metav1.Time{Time: now.Add(-time.Second)}, Restarts: 3},
		{State: notReady, ObservedGeneration: 1, NextRestartTime: &metav1.Time{Time: now.Add(time.Second)}, Restarts: 1 << 30},
		{State: notReady, ObservedGeneration: 1, StopReason: v1alpha1.StopReasonUserRequest, StoppedAt: &metav1.Time{Time: now.Add(-time.Hour)}},
		{State: notReady, ObservedGeneration: 1, StopReason: v1alpha1.StopReasonMaxAge, StoppedAt: &metav1.Time{Time: now}},
		{State: notReady, ObservedGeneration: 1, StopReason: v1alpha1.StopReasonIdle, StoppedAt: &metav1.Time{Time: now}},
		{State: failed, ObservedGeneration: 1, StoppedAt: &metav1.Time{Time: now.Add(-time.Minute)}},
		{State: failed},
	}
	track := func(last, at time.Duration, failures int) *probe.View {
		view := &probe.View{Track: activity.Track{LastActivity: now.Add(-last), At: now.Add(-at), Failures: failures, Known: true}}
		if failures > 0 {
			view.Failure = &probe.Failure{Reason: probe.Unreachable, Message: "timeout"}
		}
		return view
	}
	views := []*probe.View{
		nil, {}, track(30*time.Second, 30*time.Second, 0), track(time.Hour, 40*time.Second, 0), track(time.Hour, time.Second, 0), track(time.Hour, time.Second, tolerated),
	}
	specs := []func(*v1alpha1.SparkConnect){
		func(*v1alpha1.SparkConnect) {},
		func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.MaxAge = &metav1.Duration{Duration: time.Minute} },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.OnStop = v1alpha1.StopDelete },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.TimeToLiveSeconds = ptr.To[int64](60) },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.TimeToLiveSeconds = ptr.To[int64](1 << 62) },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.MaxRestarts = ptr.To[int32](0) },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.UpdatePolicy = v1alpha1.UpdateRecreate },
		func(connect *v1alpha1.SparkConnect) { connect.Spec.Image = nil },
		func(connect *v1alpha1.SparkConnect) { connect.Generation = 2 },
		func(connect *v1alpha1.SparkConnect) {
			connect.Annotations = map[string]string{v1alpha1.AnnotationWake: "1"}
		},
		func(connect *v1alpha1.SparkConnect) { connect.DeletionTimestamp = &metav1.Time{Time: now} },
		func(connect *v1alpha1.SparkConnect) {
			connect.Spec.IdleTimeout = &metav1.Duration{Duration: time.Minute}
		},
		func(connect *v1alpha1.SparkConnect) {
			connect.Spec.IdleTimeout = &metav1.Duration{Duration: time.Second}
		},
	}
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		pod := pods[name]
		for _, status := range statuses {
			for _, spec := range specs {
				object := connect(spec)
				object.UID = "lab-uid"
				object.Status = *status.DeepCopy()
				in := &input{connect: object, pod: pod(), now: now, hash: "new", hide: func(text string) string { return text }}
				if in.pod != nil {
					in.report, in.obstacle = diagnosis.ReportDriver(in.pod), diagnosis.Diagnose(in.pod, now)
				}
				for _, view := range views {
					if one := *in; one.connect.Spec.IdleTimeout != nil || view == nil {
						one.probed = view
						yield(&one)
					}
				}
			}
		}
	}
}

// TestEveryObservationHasARow: in each phase, whatever is observed, a row applies; it leads
// to a phase of the table, and it does nothing to a pod of others.
func TestEveryObservationHasARow(t *testing.T) {
	taken := map[*row]bool{}
	observations(func(in *input) {
		before := in.connect.DeepCopy()
		p := decide(in)
		if p.row == nil {
			if in.connect.Status.State != "Unheard" {
				t.Errorf("no row for %+v", in.connect.Status)
			}
			return
		}
		taken[p.row] = true
		if p.requeueAfter < 0 {
			t.Errorf("requeue after %v", p.requeueAfter)
		}
		if to := p.row.set; to == stopForIdleness && (in.probed == nil || in.probed.Failure != nil || in.now.Sub(in.probed.Track.At) > confirmedFor ||
			in.now.Sub(in.probed.Track.LastActivity) < in.connect.Spec.IdleTimeout.Duration || in.connect.Spec.IdleTimeout.Duration < time.Minute || !in.pod.Connect.Ready) {
			t.Errorf("stopped for idleness with probes %+v", in.probed)
		}
		if p.does(examineNode) && (!in.own() || in.pod.DeletionTimestamp == nil) {
			t.Errorf("%v deletes a pod by force that is not being deleted", p.row.when.text)
		}
		if p.does(deleteServer) && !in.own() {
			t.Errorf("%v deletes a pod of others", p.row.when.text)
		}
		for _, out := range []*outcome{{}, {err: errKilled}} {
			if p.does(startServer) && out.err == nil {
				out.pod, out.created = in.pod, true
				if !in.own() {
					out.pod = &podview.Pod{Name: "lab-server", UID: "pod", Connect: &podview.Connect{Name: "lab", UID: "lab-uid"}}
				}
			}
			status := conclude(in, p, out, 0)
			if to := phaseOf(status); !slices.Contains(anyPhase, to) {
				t.Errorf("%s: phase %q", p.row.when.text, to)
			} else if out.err == nil && p.row.to != stay && to != p.row.to {
				t.Errorf("%s: the status shows phase %q, the row leads to %q", p.row.when.text, to, p.row.to)
			}
			if in.connect.DeletionTimestamp == nil && status.State != ready && (status.OpenSessions != nil || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionIdleDetection) != nil) {
				t.Errorf("%s: state %s with open sessions or idle detection: %+v", p.row.when.text, status.State, status)
			}
			if in.connect.DeletionTimestamp == nil && (status.State == ready) != (status.Endpoint != "") {
				t.Errorf("%s: state %s with endpoint %q", p.row.when.text, status.State, status.Endpoint)
			}
			transitionEvents(in, out, status)
		}
		if fmt.Sprint(before.Status) != fmt.Sprint(in.connect.Status) {
			t.Errorf("%s changed its input", p.row.when.text)
		}
	})
	for i := range table {
		if !taken[&table[i]] {
			t.Errorf("no observation leads to row %d: %v, %s", i, table[i].from, table[i].when.text)
		}
	}
}

// FuzzDecide follows the table through changing observations: it always comes to rest.
func FuzzDecide(f *testing.F) {
	var all []*input
	observations(func(in *input) { all = append(all, in) })
	f.Add(uint16(0), uint16(1), uint16(2))
	f.Add(uint16(77), uint16(500), uint16(1400))
	f.Fuzz(func(t *testing.T, a, b, c uint16) {
		status := v1alpha1.SparkConnectStatus{}
		for _, n := range []uint16{a, b, c} {
			seen := all[int(n)%len(all)]
			for step := 0; ; step++ {
				if step == 20 {
					t.Fatalf("it does not come to rest: %+v", status)
				}
				object := seen.connect.DeepCopy()
				object.Status = *status.DeepCopy()
				in := *seen
				in.connect, in.refused = object, nil
				p := decide(&in)
				out := &outcome{}
				if p.does(startServer) {
					out.pod, out.created = &podview.Pod{Name: "lab-server", UID: "pod", Connect: &podview.Connect{Name: "lab", UID: "lab-uid"}}, true
					if in.own() { // which is then adopted, whatever its UID
						out.pod = in.pod
					}
				}
				next := conclude(&in, p, out, 0)
				if phaseOf(next) == phaseOf(&status) {
					break
				}
				if p.does(startServer) && !in.own() {
					status = *next
					break // the cache shows the pod later
				}
				status = *next
			}
		}
	})
}
