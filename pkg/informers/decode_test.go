// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"strings"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestTimesThatTheAPIServerAccepts: a status with a time that Go does not read is read
// all the same. An empty one would have the application run again.
func TestTimesThatTheAPIServerAccepts(t *testing.T) {
	submitted := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-03-01T12:00:00Z":      submitted,
		"2026-03-01t12:00:00z":      submitted,
		"2026-03-01t13:00:00+01:00": submitted,
		"2026-03-01T12:00:00.000z":  submitted,
		"2026-03-01T12:00:00x5Z":    {},
		"2026-03-01T12:00:00+99:99": {},
	} {
		data := `{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplication","metadata":{"name":"pi","annotations":{"note":"2026-03-01t12:00:00z"}},` +
			`"spec":{"type":"Scala"},"status":{"submissionID":"s","lastSubmissionAttemptTime":"` + text + `","applicationState":{"state":"RUNNING"},` +
			`"conditions":[{"type":"Stalled","status":"False","lastTransitionTime":"` + text + `","reason":"R","message":"2026-03-01t no time"}]}}`
		app, ok := decodeTolerantly([]byte(data), "SparkApplication", nil).(*v1beta2.SparkApplication)
		if !ok {
			t.Fatalf("%s: not decoded", text)
		}
		if fault, stub := DecodeError(app); stub {
			t.Errorf("%s: %s", text, fault)
		}
		status := &app.Status
		if status.AppState.State != v1beta2.ApplicationStateRunning || status.SubmissionID != "s" || !status.LastSubmissionAttemptTime.Time.Equal(want) {
			t.Errorf("%s: status %+v", text, status)
		}
		if app.Annotations["note"] != "2026-03-01t12:00:00z" || len(status.Conditions) != 1 || status.Conditions[0].Message != "2026-03-01t no time" {
			t.Errorf("%s: other texts have changed: %+v", text, app)
		}
	}
}

// A server whose spec does not fit the Go types is kept as a stub that can be stopped and
// deleted.
func TestServerThatDoesNotFitIsAStub(t *testing.T) {
	const text = `{"apiVersion":"sparkoperator.k8s.io/v1alpha1","kind":"SparkConnect","metadata":{"name":"lab","uid":"u"},` +
		`"spec":{"suspend":true,"timeToLiveSeconds":60,"server":{"template":{"spec":{"containers":7}}}},"status":{"state":"Ready"}}`
	connect, ok := decodeTolerantly([]byte(text), "SparkConnect", nil).(*v1alpha1.SparkConnect)
	if !ok {
		t.Fatal("no server")
	}
	fault, stub := DecodeError(connect)
	if !stub || !strings.Contains(fault, "spec.server.template.spec.containers") || connect.Status.State != v1alpha1.SparkConnectStateReady ||
		connect.Spec.Suspend == nil || !*connect.Spec.Suspend || connect.Spec.TimeToLiveSeconds == nil {
		t.Errorf("%q, %t: %+v", fault, stub, connect)
	}
}
