// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
)

// TestRefusalComesWithItsWarnings: a refusal starts as clients expect, names the
// field and the remedy, and the warnings that explain it are events, too.
func TestRefusalComesWithItsWarnings(t *testing.T) {
	for _, submitter := range []string{v1beta2.SubmitterNative, v1beta2.SubmitterSparkSubmit} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
			app.Annotations = map[string]string{v1beta2.AnnotationSubmitter: submitter}
			app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypePython, nil
			app.Spec.MainApplicationFile = ptr.To("local:///opt/app/main")
			app.Spec.RetryInterval = ptr.To[int64](1)
			if submitter == v1beta2.SubmitterSparkSubmit {
				// The real client reads the class itself; this is refused before it starts.
				app.Spec.Driver.Secrets = []v1beta2.SecretInfo{{Name: "a.b", Path: "/x"}}
			}
		}))
		p := c.start()
		mustSettle(t, p, "pi")
		message := c.wantState("pi", lifecycle.StateFailed).Status.AppState.ErrorMessage
		if !strings.HasPrefix(message, run.RefusalPrefix+"spec.") {
			t.Errorf("%s: %s", submitter, message)
		}
		for _, text := range []string{"spec.type Python has no effect", "spec.retryInterval has no effect"} {
			if !slices.ContainsFunc(c.events, func(event string) bool {
				return strings.HasPrefix(event, "Warning SparkApplicationSubmissionWarning") && strings.Contains(event, text)
			}) {
				t.Errorf("%s: no event with %q among %q", submitter, text, c.events)
			}
		}
	}
}
