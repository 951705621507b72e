// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"testing"
	"time"

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
