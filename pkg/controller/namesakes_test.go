// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// exportsMetrics lets the application need the ConfigMap pi-prom-conf.
func exportsMetrics(app *v1beta2.SparkApplication) {
	app.Spec.Monitoring = &v1beta2.MonitoringSpec{
		ExposeDriverMetrics: true, ExposeExecutorMetrics: true,
		Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/prometheus/jmx.jar"},
	}
}

// TestNamesOfAnEarlierApplication: what an application of the same name left behind and
// the garbage collector has not reached, or what is being deleted, is waited for; the
// message names what blocks the deletion.
func TestNamesOfAnEarlierApplication(t *testing.T) {
	everything := func(app *v1beta2.SparkApplication) {
		exportsMetrics(app)
		app.Spec.DriverPodDisruptionBudget = ptr.To(true)
	}
	jobs := batchv1.SchemeGroupVersion.WithResource("jobs")
	budgets := policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets")
	configMaps := corev1.SchemeGroupVersion.WithResource("configmaps")
	for kind, test := range map[string]struct {
		resource schema.GroupVersionResource
		object   runtime.Object
		edit     func(*v1beta2.SparkApplication)
		ui       bool // it concerns the UI alone, so the run goes on
	}{
		"ConfigMap of the exporter": {configMaps, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "pi-prom-conf"}}, everything, false},
		"driver pod":                {podsResource, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pi-driver"}}, everything, false},
		"Job": {jobs, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
			Name: sparksubmit.Name(lifecycle.NextSubmissionID("7d2b4a0e-0000-4000-8000-000000000001", "")),
		}}, func(app *v1beta2.SparkApplication) {
			bySparkSubmit(app)
			app.UID = "7d2b4a0e-0000-4000-8000-000000000001"
		}, false},
		"Service of the UI": {servicesResource, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pi-ui-svc"}}, everything, true},
		"disruption budget": {budgets, &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "pi-driver"}}, everything, true},
	} {
		for _, terminates := range []bool{false, true} {
			name := kind + " that the garbage collector has not reached"
			if terminates {
				name = kind + " that is being deleted"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t)
					object := test.object.DeepCopyObject()
					accessor, err := meta.Accessor(object)
					if err != nil {
						t.Fatal(err)
					}
					accessor.SetNamespace("ns")
					accessor.SetOwnerReferences([]metav1.OwnerReference{{
						APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication", Name: "pi", UID: "earlier", Controller: ptr.To(true),
					}})
					part := "the garbage collector will delete it"
					if terminates {
						accessor.SetDeletionTimestamp(ptr.To(metav1.NewTime(testStart)))
						accessor.SetDeletionGracePeriodSeconds(ptr.To[int64](30))
						accessor.SetFinalizers([]string{"example.com/hold"})
						part = "is being deleted; its grace period ends at 2026-03-01T12:00:00Z; finalizer example.com/hold blocks its deletion"
					}
					if err := c.kube.Tracker().Create(test.resource, object, "ns"); err != nil {
						t.Fatal(err)
					}
					settings := run.Settings{UI: ui.Config{WebService: true}, DriverDisruptionBudget: true}
					defer running(t, c, Config{Settings: settings})()
					c.addApplication(newApplication("pi", test.edit))
					letPass(5 * time.Minute)
					app := c.application("pi")
					condition, state := v1beta2.ConditionStalled, lifecycle.StateSubmitting
					if test.ui {
						condition, state = v1beta2.ConditionUIReady, lifecycle.StateSubmitted
					}
					found := meta.FindStatusCondition(app.Status.Conditions, condition)
					if lifecycle.StateOf(&app.Status) != state || found == nil || !strings.Contains(found.Message, part) {
						t.Fatalf("status %+v, want %q", app.Status, part)
					}
					if err := c.kube.Tracker().Delete(test.resource, "ns", accessor.GetName()); err != nil {
						t.Fatal(err)
					}
					letPass(time.Minute)
					if bySparkSubmit := test.resource == jobs; bySparkSubmit {
						c.activeJob()
						return
					}
					app = c.wantState("pi", lifecycle.StateSubmitted)
					if ready := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionUIReady); ready == nil || ready.Status != metav1.ConditionTrue || app.Status.SubmissionAttempts != 1 {
						t.Errorf("status %+v", app.Status)
					}
				})
			})
		}
	}
}

// TestForeignExporterConfiguration: a foreign ConfigMap under the usual name is
// left as it is, and the run uses another one.
func TestForeignExporterConfiguration(t *testing.T) {
	for name, edit := range map[string]func(*v1beta2.SparkApplication){"native": func(*v1beta2.SparkApplication) {}, "Job": bySparkSubmit} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			configMaps := corev1.SchemeGroupVersion.WithResource("configmaps")
			foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "pi-prom-conf", Namespace: "ns"}, Data: map[string]string{"mine": "yes"}}
			if err := c.kube.Tracker().Create(configMaps, foreign, "ns"); err != nil {
				t.Fatal(err)
			}
			app := newApplication("pi", exportsMetrics, edit)
			app.UID = "7d2b4a0e-0000-4000-8000-000000000001"
			c.addApplication(app)
			p := c.start()
			mustSettle(t, p, "pi")
			object, err := c.kube.Tracker().Get(configMaps, "ns", "pi-prom-conf")
			if err != nil || len(object.(*corev1.ConfigMap).Data) != 1 {
				t.Errorf("the foreign ConfigMap: %v, %v", object, err)
			}
			const other = "pi-prom-conf-7d2b4a0e"
			if _, err := c.kube.Tracker().Get(configMaps, "ns", other); err != nil {
				t.Error(err)
			}
			if name == "Job" {
				c.activeJob()
				return
			}
			c.wantState("pi", lifecycle.StateSubmitted)
			mounted := slices.ContainsFunc(c.pod("pi-driver").Spec.Volumes, func(v corev1.Volume) bool { return v.ConfigMap != nil && v.ConfigMap.Name == other })
			if !mounted {
				t.Errorf("volumes %+v", c.pod("pi-driver").Spec.Volumes)
			}
			warned := slices.ContainsFunc(c.events, func(e string) bool { return strings.Contains(e, other) && strings.HasPrefix(e, "Warning ") })
			if !warned {
				t.Errorf("events %q", c.events)
			}
		})
	}
}
