// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

const submissionID = "3e1f7a4c-2f66-4f0e-9d8e-6f1f3a0c9b57"

func params() translate.Params {
	return translate.Params{
		SubmissionID: submissionID,
		Master:       "k8s://https://10.96.0.1:443",
		SubmitTime:   time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
}

// application returns a defaulted application that edit has changed.
func application(edit func(*v1beta2.SparkApplication)) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: "pi", Namespace: "jobs", UID: "0b0e6f0c-4c5e-4d0e-8a57-2f6b1f3f5a11"},
		Spec: v1beta2.SparkApplicationSpec{
			SparkVersion:        "4.1.4",
			Image:               ptr.To("spark:4.1.4"),
			MainClass:           ptr.To("org.example.Main"),
			MainApplicationFile: ptr.To("local:///opt/app.jar"),
		},
	}
	if edit != nil {
		edit(app)
	}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	return app
}

func build(t *testing.T, edit func(*v1beta2.SparkApplication)) *translate.Run {
	t.Helper()
	run, err := translate.Build(application(edit), params())
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return run
}

func TestBuildMinimal(t *testing.T) {
	run := build(t, nil)
	if run.Driver.Name != "pi-driver" {
		t.Errorf("driver pod is named %q", run.Driver.Name)
	}
	if len(run.Warnings) != 0 {
		t.Errorf("warnings: %q", run.Warnings)
	}
}

// Variables of Services reach containers only if the operator's flag or the template
// of the pod says so.
func TestServiceLinks(t *testing.T) {
	for _, test := range []struct {
		flag     bool
		template *bool
		want     *bool
	}{
		{false, nil, ptr.To(false)},
		{true, nil, nil},
		{false, ptr.To(true), ptr.To(true)},
		{true, ptr.To(false), ptr.To(false)},
	} {
		app := application(func(app *v1beta2.SparkApplication) {
			if test.template != nil {
				app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{EnableServiceLinks: test.template}}
				app.Spec.Executor.Template = app.Spec.Driver.Template
			}
		})
		p := params()
		p.ServiceLinks = test.flag
		run, err := translate.Build(app, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []*bool{run.Driver.Spec.EnableServiceLinks, run.ExecutorTemplate.Spec.EnableServiceLinks} {
			if !ptr.Equal(got, test.want) {
				t.Errorf("flag %t, template %v: %v, want %v", test.flag, test.template, got, test.want)
			}
		}
	}
}
