// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// noEvent are events of kubeflow/spark-operator that do not exist here, and why.
var noEvent = map[string]string{
	"SparkApplicationWebhookFieldsUpdated": "an edit that needs no new run is no transition: status.observedGeneration shows that it was seen",
}

// kubeflowEvent is an event as kubeflow/spark-operator sends it.
type kubeflowEvent struct{ kind, format string }

func kubeflowEvents(t *testing.T) map[string]kubeflowEvent {
	t.Helper()
	content, err := os.ReadFile("testdata/kubeflow-events.tsv")
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]kubeflowEvent{}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 3 {
			events[fields[0]] = kubeflowEvent{fields[1], fields[2]}
		}
	}
	if len(events) != 22 {
		t.Fatalf("%d events, want 22", len(events))
	}
	return events
}

// TestEventsOfKubeflow: each transition sends the event of kubeflow/spark-operator once,
// with its reason, type and text, and with the pod that it is about.
func TestEventsOfKubeflow(t *testing.T) {
	const app, driver, executor, cause = "pi", "pi-driver", "pi-exec-1", "the cause"
	status := func(state v1beta2.ApplicationStateType, id string, executors ...v1beta2.ExecutorState) *v1beta2.SparkApplicationStatus {
		s := &v1beta2.SparkApplicationStatus{SubmissionID: id, AppState: v1beta2.ApplicationState{State: state}}
		if id != "" {
			s.DriverInfo.PodName = driver
		}
		if state == StateFailed || state == StateRefused {
			s.AppState.ErrorMessage = cause
		}
		for _, state := range executors {
			s.ExecutorState = map[string]v1beta2.ExecutorState{executor: state}
		}
		return s
	}
	live := func(in *Input) {
		in.Driver = &podview.Pod{Namespace: "jobs", Name: driver}
	}
	executorPod := func(in *Input) {
		live(in)
		in.Executors = []*podview.Pod{{Namespace: "jobs", Name: executor, Status: podview.Status{Message: "message"}}}
	}
	missing := kubeflowEvents(t)
	for reason := range noEvent {
		delete(missing, reason)
	}
	running := status(StateRunning, "a")
	for reason, test := range map[string]struct {
		before, after *v1beta2.SparkApplicationStatus
		edit          func(*Input)
		arguments     []any
		related       string
	}{
		"SparkApplicationAdded":            {status(StateNew, ""), status(StateRefused, "a"), nil, []any{app}, ""},
		"SparkApplicationSubmitted":        {status(StateNew, ""), status(StateSubmitted, "a"), nil, []any{app}, driver},
		"SparkApplicationSubmissionFailed": {status(StateNew, ""), status(StateRefused, "a"), nil, []any{app, cause}, ""},
		"SparkApplicationCompleted":        {running, status(StateCompleted, "a"), live, []any{app}, driver},
		"SparkApplicationFailed":           {running, status(StateFailed, "a"), live, []any{app, cause}, driver},
		"SparkApplicationPendingRerun":     {status(StateFailing, "a"), status(StatePendingRerun, "a"), nil, []any{app}, ""},
		"SparkApplicationSuspending":       {running, status(StateSuspending, "a"), live, []any{app}, ""},
		"SparkApplicationSuspended":        {status(StateSuspending, "a"), status(StateSuspended, "a"), nil, []any{app}, ""},
		"SparkApplicationResuming":         {status(StateSuspended, "a"), status(StateResuming, "a"), nil, []any{app}, ""},
		"SparkDriverNotFound":              {running, status(StateFailing, "a"), nil, []any{driver, 10 * time.Second}, driver},
		"SparkDriverPending":               {running, status(StateSubmitted, "a"), live, []any{driver}, driver},
		"SparkDriverRunning":               {status(StateSubmitted, "a"), running, live, []any{driver}, driver},
		"SparkDriverCompleted":             {running, status(StateSucceeding, "a"), live, []any{driver}, driver},
		"SparkDriverFailed":                {running, status(StateFailing, "a"), live, []any{driver}, driver},
		"SparkDriverUnknown":               {running, status(StateUnknown, "a"), live, []any{driver}, driver},
		"SparkExecutorPending":             {running, status(StateRunning, "a", v1beta2.ExecutorStatePending), executorPod, []any{executor}, executor},
		"SparkExecutorRunning":             {running, status(StateRunning, "a", v1beta2.ExecutorStateRunning), executorPod, []any{executor}, executor},
		"SparkExecutorCompleted":           {running, status(StateRunning, "a", v1beta2.ExecutorStateCompleted), executorPod, []any{executor}, executor},
		"SparkExecutorFailed": {
			running, status(StateRunning, "a", v1beta2.ExecutorStateFailed), executorPod,
			[]any{executor, -1, "Unknown (Container not Found)", "message"}, executor,
		},
		"SparkExecutorUnknown":             {running, status(StateRunning, "a", v1beta2.ExecutorStateUnknown), executorPod, []any{executor}, executor},
		"SparkApplicationSpecUpdateFailed": {running, status(StateInvalidating, "a"), nil, []any{app, "etcdserver: request timed out"}, ""},
	} {
		t.Run(reason, func(t *testing.T) {
			in := &Input{App: newApplication(app), Settings: &Settings{DriverGracePeriod: 10 * time.Second}, Now: testStart}
			in.App.Namespace, in.App.Status = "jobs", *test.before
			if test.edit != nil {
				test.edit(in)
			}
			events := TransitionEvents(in, &Outcome{}, test.after)
			if strings.HasSuffix(reason, "UpdateFailed") {
				events = UnwrittenEvents(in.App, test.after, errors.New("etcdserver: request timed out"))
			}
			want := kubeflowEvents(t)[reason]
			var found []reconcile.Event
			for _, event := range events {
				if event.Reason == reason {
					found = append(found, event)
				}
			}
			if len(found) != 1 || found[0].Type != want.kind || found[0].Note != fmt.Sprintf(want.format, test.arguments...) {
				t.Fatalf("events %+v, want one %s %q", events, want.kind, fmt.Sprintf(want.format, test.arguments...))
			}
			related := ""
			if pod, ok := found[0].Related.(*corev1.ObjectReference); ok {
				related = pod.Name
			}
			if related != test.related {
				t.Errorf("related to %q, want %q", related, test.related)
			}
			if again := TransitionEvents(&Input{App: withStatus(in.App, test.after), Settings: in.Settings, Observed: in.Observed}, &Outcome{}, test.after); len(again) > 0 {
				t.Errorf("without a transition: %+v", again)
			}
			delete(missing, reason)
		})
	}
	if len(missing) > 0 {
		t.Errorf("not compared: %v", missing)
	}
}

func withStatus(app *v1beta2.SparkApplication, status *v1beta2.SparkApplicationStatus) *v1beta2.SparkApplication {
	app = app.DeepCopy()
	app.Status = *status
	return app
}
