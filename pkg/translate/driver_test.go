// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

func TestDriverOwner(t *testing.T) {
	mine := metav1.OwnerReference{
		APIVersion: "sparkoperator.k8s.io/v1beta2", Kind: "SparkApplication", Name: "pi",
		UID: "0b0e6f0c-4c5e-4d0e-8a57-2f6b1f3f5a11", Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
	}
	same(t, "owners", build(t, nil).Driver.OwnerReferences, []metav1.OwnerReference{mine})

	other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "c", UID: "u"}
	run := build(t, func(app *v1beta2.SparkApplication) {
		stale := mine
		stale.Controller = nil
		app.Spec.Driver.Template = &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{other, stale}, Finalizers: []string{"example.com/x"}},
		}
	})
	same(t, "owners with a template", run.Driver.OwnerReferences, []metav1.OwnerReference{other, mine})
	same(t, "finalizers", run.Driver.Finalizers, []string{"example.com/x"})
}

// The edits meet the container that Spark uses, wherever the template has it.
func TestDriverContainer(t *testing.T) {
	run := build(t, func(app *v1beta2.SparkApplication) {
		app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "spark-kubernetes-driver", WorkingDir: "/w"}, {Name: "side", Image: "s"}},
		}}
		app.Spec.Driver.Env = []corev1.EnvVar{{Name: "A", Value: "1"}}
		app.Spec.Driver.Sidecars = []corev1.Container{{Name: "typed", Image: "t"}}
		app.Spec.Driver.MemoryLimit = ptr.To("4g")
	})
	names := []string{}
	for _, container := range run.Driver.Spec.Containers {
		names = append(names, container.Name)
		has := slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == "A" })
		if has != (container.Name == "spark-kubernetes-driver") {
			t.Errorf("container %s: variable A is there: %v", container.Name, has)
		}
	}
	same(t, "containers", names, []string{"side", "spark-kubernetes-driver", "typed"})
	limit := run.Driver.Spec.Containers[1].Resources.Limits[corev1.ResourceMemory]
	request := run.Driver.Spec.Containers[1].Resources.Requests[corev1.ResourceMemory]
	same(t, "limit and request", []string{limit.String(), request.String()}, []string{"4Gi", "1408Mi"})
}

// Spark 4.3 forbids privilege escalation; typed security contexts that do not
// speak of it leave that as it is.
func TestDriverPrivilegeEscalation(t *testing.T) {
	for version, want := range map[string]*bool{"4.3.0": ptr.To(false), "4.1.4": nil} {
		run := build(t, func(app *v1beta2.SparkApplication) {
			app.Spec.SparkVersion = version
			app.Spec.Driver.SecurityContext = &corev1.SecurityContext{RunAsUser: ptr.To[int64](185)}
		})
		same(t, version, run.Driver.Spec.Containers[0].SecurityContext,
			&corev1.SecurityContext{RunAsUser: ptr.To[int64](185), AllowPrivilegeEscalation: want})
	}
}

func TestMonitoring(t *testing.T) {
	run := build(t, func(app *v1beta2.SparkApplication) {
		app.Spec.Monitoring = &v1beta2.MonitoringSpec{
			ExposeDriverMetrics: true, ExposeExecutorMetrics: true,
			Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"},
		}
	})
	if run.MonitoringConfig == nil {
		t.Fatal("no ConfigMap")
	}
	for name, pod := range map[string]*corev1.PodSpec{"driver": &run.Driver.Spec, "executor": &run.ExecutorTemplate.Spec} {
		i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool {
			return v.ConfigMap != nil && v.ConfigMap.Name == run.MonitoringConfig.Name
		})
		if i < 0 {
			t.Errorf("%s: the ConfigMap is no volume", name)
			continue
		}
		container := &pod.Containers[0]
		if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == pod.Volumes[i].Name }) {
			t.Errorf("%s: the ConfigMap is not mounted", name)
		}
		if !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == 8090 }) {
			t.Errorf("%s: no port", name)
		}
	}
	if build(t, nil).MonitoringConfig != nil {
		t.Error("a ConfigMap without monitoring")
	}
}

// The NetworkPolicy of Spark 4.2 would keep Prometheus from the executors.
func TestMonitoringThroughNetworkPolicy(t *testing.T) {
	edit := func(exposed bool) func(*v1beta2.SparkApplication) {
		return func(app *v1beta2.SparkApplication) {
			app.Spec.SparkVersion = "4.2.1"
			app.Spec.Monitoring = &v1beta2.MonitoringSpec{
				ExposeDriverMetrics: true, ExposeExecutorMetrics: exposed,
				Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"},
			}
		}
	}
	ingress := build(t, edit(true)).NetworkPolicy.Spec.Ingress
	if len(ingress) != 2 {
		t.Fatalf("rules: %s", text(t, ingress))
	}
	if got, want := text(t, ingress[1]), `{"ports":[{"protocol":"TCP","port":8090}]}`; got != want {
		t.Errorf("rule %s, want %s", got, want)
	}
	if ingress := build(t, edit(false)).NetworkPolicy.Spec.Ingress; len(ingress) != 1 {
		t.Errorf("rules without metrics of executors: %s", text(t, ingress))
	}
}

func TestScheduler(t *testing.T) {
	app := application(func(app *v1beta2.SparkApplication) {
		app.Spec.BatchScheduler = ptr.To("volcano")
		app.Spec.Executor.Instances = ptr.To[int32](3)
		app.Spec.Executor.SchedulerName = ptr.To("ignored")
	})
	p := params()
	var err error
	if p.Scheduler, err = batchscheduler.New("volcano", batchscheduler.Config{}); err != nil {
		t.Fatal(err)
	}
	run, err := translate.Build(app, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Groups) != 1 || run.Groups[0].Object.GetName() != "spark-pi-pg" {
		t.Errorf("groups: %v", run.Groups)
	}
	same(t, "driver", run.Driver.Spec.SchedulerName, "volcano")
	same(t, "executor", run.ExecutorTemplate.Spec.SchedulerName, "volcano")
	const group = "scheduling.k8s.io/group-name"
	same(t, "driver's group", run.Driver.Annotations[group], "spark-pi-pg")
	expectProperties(t, run, map[string]string{"spark.kubernetes.executor.annotation." + group: "spark-pi-pg"})
	// 1 + 3 pods of 1408 MiB.
	resources := run.Groups[0].Object.Object["spec"].(map[string]any)["minResources"]
	same(t, "minResources", resources, map[string]any{"cpu": "4", "memory": "5632Mi"})
}

// Build neither changes its argument nor depends on anything else.
func TestBuildIsPure(t *testing.T) {
	for name, app := range goldenApplications(t) {
		t.Run(name, func(t *testing.T) {
			before := app.DeepCopy()
			first, err := translate.Build(app, params())
			if err != nil {
				t.Fatal(err)
			}
			same(t, "application", app, before)
			for range 10 {
				again, err := translate.Build(app, params())
				if err != nil {
					t.Fatal(err)
				}
				same(t, "second run", again, first)
			}
		})
	}
}
