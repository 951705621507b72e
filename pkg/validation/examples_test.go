// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// Whatever is shown to users is accepted, can be submitted and gives no cause to
// complain.
func TestExamples(t *testing.T) {
	for _, pattern := range []string{
		"../../examples/*.yaml",
		"../apis/sparkoperator.k8s.io/v1beta2/testdata/usual.yaml",
		"../apis/sparkoperator.k8s.io/v1beta2/testdata/scheduled.yaml",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, document := range bytes.Split(text, []byte("\n---\n")) {
				checkExample(t, filepath.Base(file), document)
			}
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := bytes.Cut(readme, []byte("```yaml\n"))
	block, _, ended := bytes.Cut(block, []byte("```\n"))
	if !found || !ended {
		t.Fatal("README.md shows no manifest")
	}
	checkExample(t, "README.md", block)
}

func checkExample(t *testing.T, file string, document []byte) {
	t.Helper()
	app := &v1beta2.SparkApplication{}
	if err := yaml.Unmarshal(document, &app.TypeMeta); err != nil {
		t.Fatal(err)
	}
	switch app.Kind {
	case "SparkApplication":
		if err := yaml.UnmarshalStrict(document, app); err != nil {
			t.Fatal(err)
		}
		if errs := validation.ValidateSparkApplication(app); len(errs) > 0 {
			t.Errorf("%s: %s: %v", file, app.Name, errs)
		}
	case "ScheduledSparkApplication":
		scheduled := &v1beta2.ScheduledSparkApplication{}
		if err := yaml.UnmarshalStrict(document, scheduled); err != nil {
			t.Fatal(err)
		}
		if errs := validation.ValidateScheduledSparkApplication(scheduled); len(errs) > 0 {
			t.Errorf("%s: %s: %v", file, scheduled.Name, errs)
		}
		app.Name, app.Namespace, app.Spec = scheduled.Name, scheduled.Namespace, scheduled.Spec.Template
	default:
		return // what an example needs beside the application
	}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	run, err := translate.Build(app, translate.Params{
		SubmissionID: "3e1f7a4c-2f66-4f0e-9d8e-6f1f3a0c9b57", Master: "k8s://https://10.96.0.1:443", SubmitTime: time.Unix(0, 0),
		ArchiveDriverLog: true, // the example says which value of the chart it needs
	})
	if err != nil {
		t.Errorf("%s: %s: %v", file, app.Name, err)
		return
	}
	if len(run.Warnings) > 0 {
		t.Errorf("%s: %s: %q", file, app.Name, run.Warnings)
	}
}
