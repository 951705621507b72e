// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

const (
	executorArchiveLabel = "spark.kubernetes.executor.label." + v1beta2.LabelLogArchive
	driverArchiveLabel   = "spark.kubernetes.driver.label." + v1beta2.LabelLogArchive
	deleteOnTermination  = "spark.kubernetes.executor.deleteOnTermination"
)

// TestArchivedPodsAreMarked: the label is on the pods whose logs are archived, and on no
// others. A failed executor stays until its log is read, unless the application says
// otherwise. The operator writes no annotation of the archive: they are the answers of the
// log archiver.
func TestArchivedPodsAreMarked(t *testing.T) {
	for name, test := range map[string]struct {
		edit              func(*v1beta2.SparkApplication)
		driver, executors bool
		want              map[string]string
		warnings          []string
	}{
		"neither": {
			want: map[string]string{driverArchiveLabel: absent, executorArchiveLabel: absent, deleteOnTermination: absent},
		},
		"the field without a log archiver": {
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.LogArchive = &v1beta2.LogArchive{Enabled: ptr.To(true), FailedExecutors: ptr.To(true)}
			},
			want:     map[string]string{driverArchiveLabel: absent, executorArchiveLabel: absent, deleteOnTermination: absent},
			warnings: []string{"spec.logArchive has no effect"},
		},
		"driver": {
			driver: true,
			want:   map[string]string{driverArchiveLabel: "true", executorArchiveLabel: absent, deleteOnTermination: absent},
		},
		"driver and executors": {
			driver: true, executors: true,
			want: map[string]string{driverArchiveLabel: "true", executorArchiveLabel: "true", deleteOnTermination: "false"},
		},
		"the field of the user wins": {
			driver: true, executors: true,
			edit: func(app *v1beta2.SparkApplication) { app.Spec.Executor.DeleteOnTermination = ptr.To(true) },
			want: map[string]string{executorArchiveLabel: "true", deleteOnTermination: "true"},
		},
		"the property of the user wins": {
			driver: true, executors: true,
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.SparkConf = map[string]string{deleteOnTermination: "true"}
			},
			want: map[string]string{executorArchiveLabel: "true", deleteOnTermination: "true"},
		},
		"labels of the user do not switch it off": {
			driver: true, executors: true,
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Driver.Labels = map[string]string{v1beta2.LabelLogArchive: "false"}
				app.Spec.Executor.Labels = map[string]string{v1beta2.LabelLogArchive: "false"}
			},
			want: map[string]string{driverArchiveLabel: "true", executorArchiveLabel: "true"},
			warnings: []string{
				"spec.driver.labels: " + v1beta2.LabelLogArchive + " has no effect",
				"spec.executor.labels: " + v1beta2.LabelLogArchive + " has no effect",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := params()
			p.ArchiveDriverLog, p.ArchiveExecutorLogs = test.driver, test.executors
			app := application(test.edit)
			run, err := translate.Build(app, p)
			if err != nil {
				t.Fatal(err)
			}
			expectProperties(t, run, test.want)
			expectWarnings(t, run, test.warnings...)
			if label := run.Driver.Labels[v1beta2.LabelLogArchive]; (label == "true") != test.driver {
				t.Errorf("label of the driver %q", label)
			}
			for _, key := range []string{v1beta2.AnnotationLogURL, v1beta2.AnnotationLogArchiveError} {
				if value, set := run.Driver.Annotations[key]; set {
					t.Errorf("annotation %s of the driver: %q", key, value)
				}
			}
		})
	}
}
