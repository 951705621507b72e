// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// A submission is refused for what the application itself sets. What a default property
// of an operator may provide is a warning, and what spark-submit decides is nothing.
func TestSubmissionIsRefusedForWhatTheApplicationSets(t *testing.T) {
	for name, test := range map[string]struct {
		edit             func(*application)
		refused, warning string
	}{
		"sound":               {func(*application) {}, "", ""},
		"memory":              {func(app *application) { app.Spec.Driver.Memory = ptr.To("2Gi") }, `spec.driver.memory: "2Gi": use a whole number with a unit`, ""},
		"memory of sparkConf": {conf("spark.executor.memory", "1x"), `spec.sparkConf[spark.executor.memory]: "1x"`, ""},
		"class":               {func(app *application) { app.Spec.MainClass = nil }, "spec.mainClass: set the class to run", ""},
		"label of Spark":      {func(app *application) { app.Spec.Driver.Labels = labels("spark-role", "x") }, "spec.driver.labels[spark-role]", ""},
		"no image":            {func(app *application) { app.Spec.Image = nil }, "", "the submission will be refused: spec.image: set it"},
		"system property":     {conf("spark.driver.memoryOverhead", "${system:x}"), "native submission has no Java system properties", ""},
		"no effect":           {func(app *application) { app.Spec.FailureRetries = ptr.To[int32](3) }, "", "spec.failureRetries has no effect"},
		"spark-submit in a Job": {func(app *application) {
			app.Spec.Driver.Memory = ptr.To("2Gi")
			app.Annotations = labels(v1beta2.AnnotationSubmitter, v1beta2.SubmitterSparkSubmit)
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApplication(test.edit)
			refused, warnings := validation.Submission(app)
			if (refused == "") != (test.refused == "") || !strings.Contains(refused, test.refused) || strings.Contains(refused, "\n") {
				t.Errorf("refused %q, want %q", refused, test.refused)
			}
			if all := strings.Join(warnings, "\n"); !strings.Contains(all, test.warning) {
				t.Errorf("warnings %q, want %q", all, test.warning)
			}
			if all := strings.Join(validation.Warnings(app), "\n"); !strings.Contains(all, test.refused) || !strings.Contains(all, test.warning) {
				t.Errorf("all texts %q", all)
			}
			schedule := &v1beta2.ScheduledSparkApplication{ObjectMeta: app.ObjectMeta}
			schedule.Spec.Schedule, schedule.Spec.Template = "@daily", app.Spec
			if refused, _ := validation.SubmissionOfRun(schedule); test.refused != "" && refused == "" {
				t.Error("the runs of a schedule are not refused")
			}
		})
	}
}
