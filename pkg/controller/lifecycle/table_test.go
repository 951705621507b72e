// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

const statesFile = "../../../docs/states.md"

// TestTableIsDocumented prints the state table to docs/states.md.
func TestTableIsDocumented(t *testing.T) {
	var text bytes.Buffer
	text.WriteString(`# States of a SparkApplication

A test writes this page from the state table of the controller (` + "`pkg/controller/lifecycle/table.go`" + `). Each sync executes the first row
that applies. Events cause most syncs. "Next sync" is when the operator syncs the application without an event.

| State | When | Do | New state | Status | Next sync |
|---|---|---|---|---|---|
`)
	for i := range table {
		row := &table[i]
		var do []string
		for _, a := range row.Do {
			do = append(do, string(a))
		}
		status, wait := "", ""
		if row.set != nil {
			status = row.set.text
		}
		if row.wait != nil {
			wait = row.wait.text
		}
		to := "(same)"
		if row.to != stay {
			to = stateName(row.to)
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s |\n", stateNames(row.from), row.when.text, strings.Join(do, "; "), to, status, wait)
	}
	text.WriteString(`
What the table does not show:

- A submission that cannot succeed leads to SUBMISSION_FAILED instead of SUBMITTED: the API server refused it, or its objects cannot
  be built. A transient error is not an attempt; the operator tries the same submission again.
- "SUBMITTED, no driver yet" appears in the status as SUBMITTED with an empty status.driverInfo.podName. An application has this state
  while its submission takes long, waits, or is refused for a transient reason (see [retries.md](retries.md#refusals-that-the-operator-waits-for)).
  The state in a status is never empty: an application without a state has no status.
- If the objects of an ended run cannot be deleted yet, the status shows SUCCEEDING or FAILING first.
- If an action of a row fails, the state does not change. The operator tries again with growing delays, up to one minute. From the
  third failure, the condition Stalled shows the error.
- For every row, the operator syncs the application again when the time limit of its state expires.

## How long a state may take

An application that exceeds the time limit of its state gets the condition Stalled, with the reason Stuck if no more specific reason is
known. The limit does not end a run; use ` + "`spec.timeouts`" + ` for that.

| State | Time limit | From |
|---|---|---|
`)
	for _, b := range bounds {
		from := "the start of the state"
		switch {
		case b.afterRetry:
			from = "the time of the retry, or the start of the state if no retry is planned"
		case b.state == StateNew:
			from = "the creation of the object"
		}
		fmt.Fprintf(&text, "| %s | %d min | %s |\n", stateName(b.state), b.limit/time.Minute, from)
	}
	text.WriteString(`
RUNNING and SUSPENDED have no time limit. A running Job with spark-submit and the grace period of deleted driver pods extend the limit.

## Edits of the spec

| Field | Effect |
|---|---|
`)
	fields := slices.Clone(specFields)
	slices.SortFunc(fields, func(a, b specField) int { return strings.Compare(a.path, b.path) })
	for _, field := range fields {
		fmt.Fprintf(&text, "| %s | %s |\n", field.path, map[effect]string{
			rerun:        "new run",
			atOnce:       "immediate, without a new run",
			newExecutors: "new run; with the feature gate PartialRestart, applies to the next run",
			noEffect:     "none",
		}[field.effect])
	}

	document.Compare(t, statesFile, text.String())
}

func stateName(state v1beta2.ApplicationStateType) string {
	if state == StateNew {
		return "New"
	}
	return string(state)
}

func stateNames(from []v1beta2.ApplicationStateType) string {
	if len(from) == len(AnyState) {
		return "any"
	}
	names := make([]string, 0, len(from))
	for _, state := range from {
		names = append(names, stateName(state))
	}
	return strings.Join(names, ", ")
}

// TestEveryRowThatWaitsLooksAgain: a row that neither writes a state nor looks
// again would leave an application where it is for ever.
func TestEveryRowThatWaitsLooksAgain(t *testing.T) {
	for i := range table {
		row := &table[i]
		if row.wait != nil || row.to != stay {
			continue
		}
		onlyTheUserCan := reflect.DeepEqual(row.from, Terminal) || reflect.DeepEqual(row.from, states(StateSuspended))
		if !onlyTheUserCan || len(row.Do) > 0 {
			t.Errorf("row %d (%s, %s) waits without looking again", i, stateNames(row.from), row.when.text)
		}
	}
}

// situations yields inputs that cover every state with every kind of observation.
func situations(yield func(name string, in *Input) bool) {
	const current = "current"
	driver := func(id string, phase corev1.PodPhase, end *int32, deleted bool) *podview.Pod {
		pod := &podview.Pod{Name: "pi-driver", Namespace: "ns", Labels: podview.Labels{SubmissionID: id}}
		pod.Status.Phase = phase
		if end != nil {
			pod.Status.ContainerStatuses = []podview.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: *end}}}}
		}
		if deleted {
			pod.DeletionTimestamp = ptr.To(metav1.NewTime(testStart))
		}
		return pod
	}
	pods := map[string]Observed{
		"absent":      {},
		"pending":     {Driver: driver(current, corev1.PodPending, nil, false)},
		"running":     {Driver: driver(current, corev1.PodRunning, nil, false)},
		"started":     {Driver: startedDriver(driver(current, corev1.PodRunning, nil, false))},
		"terminating": {Driver: driver(current, corev1.PodRunning, nil, true)},
		"sidecar":     {Driver: driver(current, corev1.PodRunning, ptr.To[int32](0), false)},
		"succeeded":   {Driver: driver(current, corev1.PodSucceeded, ptr.To[int32](0), false)},
		"failed":      {Driver: driver(current, corev1.PodFailed, ptr.To[int32](1), false)},
		"evicted":     {Driver: driver(current, corev1.PodFailed, nil, false)},
		"unknown":     {Driver: driver(current, corev1.PodUnknown, nil, false)},
		"leftover":    {Leftovers: []*podview.Pod{driver("other", corev1.PodRunning, nil, false)}},
		"unpublished": {Unpublished: driver("next", corev1.PodPending, nil, false)},
		"unreadable":  {Unreadable: "spec.driver: wrong type"},
		"executor":    {Executors: []*podview.Pod{executorPod("pi-exec-1", "1", corev1.PodRunning)}},
	}
	policies := map[string]v1beta2.RestartPolicy{
		"never":  {Type: v1beta2.RestartPolicyNever},
		"once":   {Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnSubmissionFailureRetries: ptr.To[int32](1)},
		"always": {Type: v1beta2.RestartPolicyAlways},
	}
	for _, state := range AnyState {
		for podName, seen := range pods {
			for policyName, policy := range policies {
				for _, flags := range []struct {
					name                                                                                     string
					suspend, edited, deleted, expired, over, recent, limited, tidy, orphaned, held, archived bool
				}{
					{name: "plain"}, {name: "suspend", suspend: true}, {name: "edited", edited: true},
					{name: "deleted", deleted: true}, {name: "orphaned", deleted: true, orphaned: true}, {name: "held", deleted: true, held: true}, {name: "expired", expired: true}, {name: "retries used up", over: true},
					{name: "clean-up", tidy: true}, {name: "time-outs", limited: true}, {name: "time-outs in the future", limited: true, recent: true},
					{name: "recent", recent: true}, {name: "recent, expires", recent: true, expired: true},
					{name: "logs to archive", archived: true}, {name: "logs to archive, expires", archived: true, expired: true},
				} {
					app := newApplication("pi")
					app.UID = "7d2b4a0e-0000-4000-8000-000000000001"
					app.Generation = 1
					app.Spec.RestartPolicy = policy
					app.Status = v1beta2.SparkApplicationStatus{
						AppState:                  v1beta2.ApplicationState{State: state},
						SubmissionID:              current,
						LastSubmissionAttemptTime: metav1.NewTime(testStart),
						SubmissionAttempts:        1,
						ExecutionAttempts:         1,
						ObservedGeneration:        1,
						ObservedSpecHash:          "1-a",
						DriverInfo:                v1beta2.DriverInfo{PodName: "pi-driver"},
					}
					switch state {
					case StateNew:
						app.Status = v1beta2.SparkApplicationStatus{}
					case StateSubmitting:
						app.Status.AppState.State, app.Status.DriverInfo.PodName = StateSubmitted, ""
					}
					in := &Input{
						Observed: seen, App: app, Settings: &Settings{DriverGracePeriod: 10 * time.Second, MaxTrackedExecutors: 10},
						Now: testStart.Add(time.Hour), SpecHash: "1-a",
					}
					if flags.suspend {
						app.Spec.Suspend = ptr.To(true)
					}
					if flags.edited {
						app.Generation, in.SpecHash = 2, "1-b"
					}
					if flags.deleted {
						app.DeletionTimestamp = ptr.To(metav1.NewTime(testStart))
					}
					if flags.orphaned {
						app.Finalizers = []string{metav1.FinalizerOrphanDependents}
					}
					if flags.held {
						app.Finalizers = []string{"example.com/hold"}
					}
					if flags.expired {
						app.Spec.TimeToLiveSeconds = ptr.To[int64](1)
						app.Status.TerminationTime = metav1.NewTime(testStart)
					}
					if flags.over {
						app.Status.ExecutionAttempts, app.Status.SubmissionAttempts = 9, 18
					}
					if flags.recent {
						app.Status.LastSubmissionAttemptTime = metav1.NewTime(in.Now)
						app.Status.TerminationTime = metav1.NewTime(in.Now)
					} else if slices.Contains(Terminal, state) {
						app.Status.TerminationTime = metav1.NewTime(testStart)
					}
					if flags.tidy {
						app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: v1beta2.PodDeletionAlways, ExecutorPods: v1beta2.PodDeletionAlways}
					}
					if flags.limited {
						app.Spec.Timeouts = &v1beta2.Timeouts{DriverStartSeconds: ptr.To[int64](60), ExecutorsReadySeconds: ptr.To[int64](3600), RunSeconds: ptr.To[int64](7200)}
					}
					if flags.archived {
						in.Settings.LogArchive = LogArchive{Enabled: true, Default: true, Deadline: 10 * time.Minute}
						in.Driver = withLog(in.Driver)
						app.Status.TerminationTime = metav1.NewTime(in.Now.Add(-20 * time.Second))
					}
					in.Report = diagnosis.ReportDriver(in.Driver)
					if !yield(fmt.Sprintf("%s/%s/%s/%s", stateName(state), podName, policyName, flags.name), in) {
						return
					}
				}
			}
		}
	}
}

// withLog returns a driver pod whose log is to be archived.
func withLog(pod *podview.Pod) *podview.Pod {
	if pod == nil || !pod.Ended() {
		return pod
	}
	marked := *pod
	marked.Labels.Role, marked.Labels.LogArchive = v1beta2.SparkRoleDriver, true
	return &marked
}

// startedDriver gives a driver pod a container that runs.
func startedDriver(pod *podview.Pod) *podview.Pod {
	pod.Status.ContainerStatuses = []podview.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{
		Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(testStart)},
	}}}
	return pod
}

// TestEverySituationHasARow, that the decision depends on nothing else, and that
// an application which has ended is only moved by an edit of its spec.
func TestEverySituationHasARow(t *testing.T) {
	used := map[*Row]bool{}
	count := 0
	for name, in := range situations {
		count++
		before := in.App.DeepCopy()
		first, second := Decide(in), Decide(in)
		if first.Row == nil {
			t.Errorf("%s: no row", name)
			continue
		}
		used[first.Row] = true
		if first != second {
			t.Errorf("%s: decided twice, differently", name)
		}
		if !reflect.DeepEqual(before, in.App) {
			t.Errorf("%s: deciding changed the application", name)
		}
		if slices.Contains(Terminal, in.State()) && first.Row.to != stay && first.Row.to != StateInvalidating {
			t.Errorf("%s: leaves its final state for %s", name, first.Row.to)
		}
		if in.App.DeletionTimestamp != nil && slices.ContainsFunc(first.Row.Do, func(a Action) bool { return a == SubmitRun }) {
			t.Errorf("%s: submits an application that is being deleted", name)
		}
		suspended := in.App.Spec.Suspend != nil && *in.App.Spec.Suspend
		if suspended && slices.ContainsFunc(first.Row.Do, func(a Action) bool { return a == SubmitRun }) {
			t.Errorf("%s: submits a suspended application", name)
		}
		if first.Row.to == stay && first.requeueAfter == 0 && !slices.Contains(Terminal, in.State()) && in.State() != StateSuspended {
			t.Errorf("%s: waits for ever", name)
		}
		status := Conclude(in, first, Outcome{Submission: &Submission{ID: "next", SpecHash: in.SpecHash, Time: in.Now}}, 0)
		if !slices.Contains(AnyState, status.AppState.State) || status.AppState.State == StateSubmitting {
			t.Errorf("%s: leads to %q, which clients do not know", name, status.AppState.State)
		}
	}
	for i := range table {
		if row := &table[i]; !used[row] && row.when.text != invalid.text {
			t.Errorf("no situation selects row %d: %s, %s", i, stateNames(row.from), row.when.text)
		}
	}
	t.Logf("%d situations", count)
}

func TestUnknownStateIsLeftAlone(t *testing.T) {
	app := newApplication("pi")
	app.Status.AppState.State = "OF_A_LATER_VERSION"
	in := &Input{App: app, Settings: &Settings{}}
	p := Decide(in)
	if p.Row != nil || p.requeueAfter != 0 {
		t.Fatalf("plan %+v", p)
	}
	if status := Conclude(in, p, Outcome{}, 0); !reflect.DeepEqual(*status, app.Status) {
		t.Errorf("status %+v", status)
	}
}
