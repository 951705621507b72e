// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// Warnings returns what an application says without effect, and why its submission
// would be refused although no rule of this package is broken: texts of one line. They
// are those of the events of a submission, for an operator with default flags whose
// executor pods pass through its webhook. The application is not changed.
func Warnings(app *v1beta2.SparkApplication) []string {
	if app.Annotations[v1beta2.AnnotationSubmitter] == v1beta2.SubmitterSparkSubmit {
		return nil // the image's spark-submit decides
	}
	defaulted := app.DeepCopy()
	v1beta2.SetObjectDefaults_SparkApplication(defaulted)
	run, err := translate.Preview(defaulted, nil)
	if err != nil {
		return []string{"the submission will be refused: " + err.Error()}
	}
	return run.Warnings
}

// ScheduleWarnings is to the runs of a schedule what [Warnings] is to applications.
func ScheduleWarnings(app *v1beta2.ScheduledSparkApplication) []string {
	run := &v1beta2.SparkApplication{Spec: app.Spec.Template}
	run.Namespace, run.Name = app.Namespace, app.Name
	warnings := Warnings(run)
	for i, text := range warnings {
		if rest, ok := strings.CutPrefix(text, "spec."); ok {
			warnings[i] = "spec.template." + rest
		}
	}
	return warnings
}
