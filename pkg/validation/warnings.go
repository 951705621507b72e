// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"errors"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// Submission returns why an application would be stored but never be submitted although
// no rule of this package is broken, and what it says without effect: texts of one line.
// They are those of a submission by an operator with default flags whose executor pods
// pass through its webhook. A refusal that default properties of an operator could avert
// is a warning. The application is not changed.
func Submission(app *v1beta2.SparkApplication) (refused string, warnings []string) {
	if app.Annotations[v1beta2.AnnotationSubmitter] == v1beta2.SubmitterSparkSubmit {
		return "", nil // the image's spark-submit decides
	}
	defaulted := app.DeepCopy()
	v1beta2.SetObjectDefaults_SparkApplication(defaulted)
	run, err := translate.Preview(defaulted, nil)
	if err == nil {
		return "", run.Warnings
	}
	return judgeRefusal("the submission will be refused: ", err)
}

// judgeRefusal makes a warning of a refusal that default properties of an operator could
// avert.
func judgeRefusal(prefix string, err error) (refused string, warnings []string) {
	text := prefix + strings.ReplaceAll(err.Error(), "\n", " ")
	if refusal := (*translate.Refusal)(nil); errors.As(err, &refusal) && !refusal.Given {
		return "", []string{text}
	}
	return text, nil
}

// SubmissionOfRun is to the runs of a schedule what [Submission] is to applications.
func SubmissionOfRun(app *v1beta2.ScheduledSparkApplication) (refused string, warnings []string) {
	run := &v1beta2.SparkApplication{Spec: app.Spec.Template}
	run.Namespace, run.Name = app.Namespace, app.Name
	refused, warnings = Submission(run)
	for i, text := range warnings {
		if rest, ok := strings.CutPrefix(text, "spec."); ok {
			warnings[i] = "spec.template." + rest
		}
	}
	return refused, warnings
}

// Warnings returns the texts of [Submission], the refusal among them.
func Warnings(app *v1beta2.SparkApplication) []string { return all(Submission(app)) }

// ScheduleWarnings returns the texts of [SubmissionOfRun], the refusal among them.
func ScheduleWarnings(app *v1beta2.ScheduledSparkApplication) []string {
	return all(SubmissionOfRun(app))
}

func all(refused string, warnings []string) []string {
	if refused != "" {
		warnings = append(warnings, refused)
	}
	return warnings
}
