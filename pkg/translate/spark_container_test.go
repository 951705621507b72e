// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// Whatever a template calls the Spark container, the typed fields of both roles
// meet it, other containers stay as they are, the pod that is built shows it, and
// Spark is given its name.
func TestNameOfSparkContainer(t *testing.T) {
	proxy := corev1.Container{Name: "proxy", Image: "proxy:1", Args: []string{"--listen", "8080"}}
	for name, test := range map[string]struct {
		property   string
		containers []corev1.Container
		want       string
		warning    string // with %s for the role
	}{
		"usual":                            {containers: []corev1.Container{proxy, {Name: "spark-kubernetes-%s"}}, want: "spark-kubernetes-%s"},
		"own name":                         {containers: []corev1.Container{{Name: "spark"}}, want: "spark"},
		"no name":                          {containers: []corev1.Container{{}, proxy}, want: "spark-kubernetes-%s"},
		"own name, first of several":       {containers: []corev1.Container{{Name: "spark"}, proxy}, want: "spark", warning: "spec.%s.template: no container is called spark-kubernetes-%s, so the first one, spark,"},
		"property":                         {property: "main", containers: []corev1.Container{proxy, {Name: "main"}}, want: "main"},
		"property, not the usual one":      {property: "main", containers: []corev1.Container{{Name: "spark-kubernetes-%s", Image: "i"}, {Name: "main"}}, want: "main"},
		"property, no such container":      {property: "main", containers: []corev1.Container{{Name: "spark"}, proxy}, want: "spark", warning: "spec.sparkConf: spark.kubernetes.%s.podTemplateContainerName: spec.%s.template does not have exactly one container called main"},
		"property, usual name not first":   {property: "main", containers: []corev1.Container{{Name: "spark"}, {Name: "spark-kubernetes-%s", Image: "i"}}, want: "spark", warning: "name one of spark, spark-kubernetes-%s"},
		"property, no containers":          {property: "main", want: "spark-kubernetes-%s", warning: "spec.%s.template has no containers; define the container main there"},
		"property with the usual name":     {property: "spark-kubernetes-%s", want: "spark-kubernetes-%s"},
		"property, first and only of name": {property: "proxy", containers: []corev1.Container{{Name: "proxy"}, {Name: "main", Image: "i"}}, want: "proxy"},
	} {
		for _, role := range []podspec.Role{podspec.Driver, podspec.Executor} {
			t.Run(name+", "+string(role), func(t *testing.T) {
				of := func(text string) string { return strings.ReplaceAll(text, "%s", string(role)) }
				template := &corev1.PodTemplateSpec{}
				for _, container := range test.containers {
					container.Name = of(container.Name)
					template.Spec.Containers = append(template.Spec.Containers, container)
				}
				run := build(t, func(app *v1beta2.SparkApplication) {
					app.Spec.SparkConf = map[string]string{}
					if test.property != "" {
						app.Spec.SparkConf[role.ContainerNameKey()] = of(test.property)
					}
					fields := &app.Spec.Driver.SparkPodSpec
					if role == podspec.Executor {
						fields = &app.Spec.Executor.SparkPodSpec
					}
					fields.Template = template
					fields.Env = []corev1.EnvVar{{Name: "TYPED", Value: "1"}}
				})
				pod := &run.Driver.Spec
				if role == podspec.Executor {
					pod = &run.ExecutorTemplate.Spec
				} else if got := podspec.BuiltContainer(pod, role); got != of(test.want) {
					t.Errorf("the pod shows the container %q, want %q", got, of(test.want))
				}
				if got := run.Properties[role.ContainerNameKey()]; got != of(test.want) {
					t.Errorf("property %q, want %q", got, of(test.want))
				}
				for i := range pod.Containers {
					container := &pod.Containers[i]
					typed := slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "TYPED" })
					if typed != (container.Name == of(test.want)) {
						t.Errorf("container %s has the typed variable: %t", container.Name, typed)
					}
					if container.Name == "proxy" && test.want != "proxy" {
						same(t, "other container", *container, proxy)
					}
				}
				found := slices.ContainsFunc(run.Warnings, func(w string) bool { return strings.Contains(w, of(test.warning)) })
				about := slices.ContainsFunc(run.Warnings, func(w string) bool {
					return strings.Contains(w, "the first one") || strings.Contains(w, "ContainerName")
				})
				if test.warning != "" && !found || test.warning == "" && about {
					t.Errorf("warnings %q, want %q", run.Warnings, of(test.warning))
				}
			})
		}
	}
}

// The real spark-submit and the driver choose the same container.
func TestNameOfSparkContainerInAJob(t *testing.T) {
	app := application(func(app *v1beta2.SparkApplication) {
		app.Spec.SparkConf = map[string]string{sparkconf.DriverPodTemplateContainerName: "main"}
		app.Spec.Driver.Env = []corev1.EnvVar{{Name: "TYPED", Value: "1"}}
		app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "proxy", Image: "proxy:1"}, {Name: "main"}},
		}}
	})
	run, err := translate.BuildJob(app, translate.JobParams{Params: params(), Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var pod *corev1.Pod
	for _, text := range run.Files.Data {
		if strings.Contains(text, "proxy:1") {
			if err := yaml.Unmarshal([]byte(text), &pod); err != nil {
				t.Fatal(err)
			}
		}
	}
	if pod == nil {
		t.Fatal("no template")
	}
	for _, container := range pod.Spec.Containers {
		if typed := len(container.Env) > 0; typed != (container.Name == "main") {
			t.Errorf("container %s has the typed variable: %t", container.Name, typed)
		}
	}
	if text := text(t, run.Files.Data); !strings.Contains(text, sparkconf.DriverPodTemplateContainerName+"=main") {
		t.Errorf("spark-submit is not given the name: %s", text)
	}
}
