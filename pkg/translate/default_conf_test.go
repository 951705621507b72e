// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// TestTemplateBeatsDefaultConf: a default never overrides the user, who may have written
// a pod template.
func TestTemplateBeatsDefaultConf(t *testing.T) {
	p := params()
	p.DefaultConf = map[string]string{
		"spark.kubernetes.driver.label.team": "default", "spark.kubernetes.driver.annotation.note": "default",
		"spark.kubernetes.driver.label.other":                     "default",
		"spark.kubernetes.executor.label.team":                    "default",
		"spark.kubernetes.node.selector.disk":                     "default",
		"spark.kubernetes.node.selector.zone":                     "default",
		"spark.kubernetes.driver.schedulerName":                   "default",
		"spark.kubernetes.container.image":                        "default:1",
		"spark.kubernetes.authenticate.driver.serviceAccountName": "default-account",
	}
	app := application(func(app *v1beta2.SparkApplication) {
		app.Spec.Image = nil
		app.Spec.NodeSelector = map[string]string{"zone": "typed"}
		app.Spec.Driver.Template = &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"team": "mine"}, Annotations: map[string]string{"note": "mine"}},
			Spec: corev1.PodSpec{
				NodeSelector: map[string]string{"disk": "mine", "zone": "mine"}, SchedulerName: "mine", ServiceAccountName: "my-account",
				Containers: []corev1.Container{{Image: "mine:1"}},
			},
		}
	})
	run, err := translate.Build(app, p)
	if err != nil {
		t.Fatal(err)
	}
	pod := run.Driver
	for what, pair := range map[string][2]string{
		"label":           {pod.Labels["team"], "mine"},
		"other label":     {pod.Labels["other"], "default"},
		"annotation":      {pod.Annotations["note"], "mine"},
		"node selector":   {pod.Spec.NodeSelector["disk"], "mine"},
		"typed selector":  {pod.Spec.NodeSelector["zone"], "typed"},
		"scheduler":       {pod.Spec.SchedulerName, "mine"},
		"service account": {pod.Spec.ServiceAccountName, "my-account"},
		"image":           {pod.Spec.Containers[0].Image, "mine:1"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	expectProperties(t, run, map[string]string{
		"spark.kubernetes.executor.label.team": "default", "spark.kubernetes.executor.container.image": absent,
	})
}

// TestGivenPropertyBeatsTemplateAndDefault: where the user sets the property, too, Spark's
// own rule holds: it wins over the template.
func TestGivenPropertyBeatsTemplateAndDefault(t *testing.T) {
	p := params()
	p.DefaultConf = map[string]string{
		"spark.kubernetes.driver.label.team": "default", "spark.kubernetes.node.selector.disk": "default",
		"spark.kubernetes.container.image": "default:1",
	}
	app := application(func(app *v1beta2.SparkApplication) {
		app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.label.team": "property", "spark.kubernetes.node.selector.disk": "property"}
		app.Spec.Driver.Template = &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"team": "template"}},
			Spec: corev1.PodSpec{
				NodeSelector: map[string]string{"disk": "template"},
				Containers:   []corev1.Container{{Image: "template:1"}},
			},
		}
	})
	run, err := translate.Build(app, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := run.Driver.Labels["team"] + " " + run.Driver.Spec.NodeSelector["disk"] + " " + run.Driver.Spec.Containers[0].Image; got != "property property spark:4.1.4" {
		t.Errorf("label, selector and image %q", got)
	}
}

// TestSubmitterHasDefaults: the Job with spark-submit runs with the same account, image
// and secrets as the driver.
func TestSubmitterHasDefaults(t *testing.T) {
	p := translate.JobParams{Params: params()}
	p.DefaultConf = map[string]string{
		"spark.kubernetes.authenticate.driver.serviceAccountName": "default-account",
		"spark.kubernetes.container.image":                        "default:1",
		"spark.kubernetes.container.image.pullSecrets":            "one, two",
	}
	for _, own := range []bool{false, true} {
		run, err := translate.BuildJob(application(func(app *v1beta2.SparkApplication) {
			app.Spec.Image = nil
			if own {
				app.Spec.Image, app.Spec.Driver.ServiceAccount = ptr.To("mine:1"), ptr.To("my-account")
				app.Spec.ImagePullSecrets = []string{"mine"}
			}
		}), p)
		if err != nil {
			t.Fatal(err)
		}
		pod, want := run.Job.Spec.Template.Spec, []string{"default-account", "default:1", "one", "two"}
		if own {
			want = []string{"my-account", "mine:1", "mine"}
		}
		got := []string{pod.ServiceAccountName, pod.Containers[0].Image}
		for _, secret := range pod.ImagePullSecrets {
			got = append(got, secret.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
