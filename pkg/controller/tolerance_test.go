// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// TestTolerableFaults: what only admission refuses is submitted, with a warning.
func TestTolerableFaults(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("1st-app", func(app *v1beta2.SparkApplication) {
		app.Spec.Image = nil
		app.Spec.SparkConf = map[string]string{"spark.kubernetes.container.image": "spark:conf"}
	}))
	p := c.start()
	mustSettle(t, p, "1st-app")
	c.wantState("1st-app", lifecycle.StateSubmitted)
	if image := c.pod("1st-app-driver").Spec.Containers[0].Image; image != "spark:conf" {
		t.Errorf("image %q", image)
	}
	for _, want := range []string{`invalid SparkApplication name "1st-app"`, "use the image field on the CRD instead"} {
		if !slices.ContainsFunc(c.events, func(event string) bool {
			return strings.Contains(event, "SubmissionWarning") && strings.Contains(event, want)
		}) {
			t.Errorf("no warning %q among %q", want, c.events)
		}
	}
}

// TestRetriesUnderFixedNames: the driver pod of the failed run makes room for the
// next one, whoever fixed its name.
func TestRetriesUnderFixedNames(t *testing.T) {
	for place, fix := range map[string]func(*v1beta2.SparkApplication){
		"field": func(app *v1beta2.SparkApplication) { app.Spec.Driver.PodName = ptr.To("mine") },
		"property": func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.pod.name": "mine", "spark.kubernetes.executor.podNamePrefix": "mine"}
		},
	} {
		t.Run(place, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", onFailure(2, 10), fix))
			p := c.start()
			for attempt := 1; attempt <= 3; attempt++ {
				mustSettle(t, p, "pi")
				if app := c.wantState("pi", lifecycle.StateSubmitted); int(app.Status.ExecutionAttempts) != attempt || app.Status.DriverInfo.PodName != "mine" {
					t.Fatalf("status %+v, want attempt %d", app.Status, attempt)
				}
				c.driverPhase("mine", corev1.PodFailed)
				c.clock.Step(mustSettle(t, p, "pi"))
			}
			c.wantState("pi", lifecycle.StateFailed)
		})
	}
}

// TestDefaultConf: the operator's default properties beat built-in defaults and lose
// to what the application says.
func TestDefaultConf(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { app.Spec.Driver.Cores = ptr.To[int32](1) }))
	p := c.start(func(config *Config) {
		config.DefaultConf = map[string]string{"spark.driver.memory": "3g", "spark.driver.cores": "4"}
	})
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)
	requests := c.pod("pi-driver").Spec.Containers[0].Resources.Requests
	if memory, cpu := requests.Memory().Value()>>20, requests.Cpu().Value(); memory != 3072+384 || cpu != 1 {
		t.Errorf("the driver asks for %d MiB and %d CPUs", memory, cpu)
	}
	if app := c.application("pi"); app.Spec.Driver.Memory != nil || app.Spec.SparkConf != nil {
		t.Errorf("the spec was changed: %+v", app.Spec)
	}
}
