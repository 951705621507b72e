// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// A property of spec.sparkConf beats the default of a field that was not given, and
// causes no warning. A field that was given wins and is named in a warning.
func TestPropertiesBeatDefaults(t *testing.T) {
	type application = v1beta2.SparkApplication
	dynamic := func(app *application) { app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true} }
	monitored := func(app *application) {
		app.Spec.Monitoring = &v1beta2.MonitoringSpec{
			ExposeDriverMetrics: true, ExposeExecutorMetrics: true, Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"},
		}
	}
	for _, test := range []struct {
		key, value string
		// around is what makes the field have a default.
		around func(*application)
		// give sets the field; nil if there is none. Then place names it in the warning.
		give  func(*application)
		place string
		// fixed is set if the operator's value holds in any case.
		fixed bool
	}{
		{key: "spark.dynamicAllocation.shuffleTracking.enabled", value: "false", around: dynamic, place: "spec.dynamicAllocation.shuffleTrackingEnabled",
			give: func(app *application) { app.Spec.DynamicAllocation.ShuffleTrackingEnabled = ptr.To(true) }},
		{key: "spark.dynamicAllocation.shuffleTracking.timeout", value: "7", around: dynamic, place: "spec.dynamicAllocation.shuffleTrackingTimeout",
			give: func(app *application) { app.Spec.DynamicAllocation.ShuffleTrackingTimeout = ptr.To[int64](9) }},
		{key: "spark.dynamicAllocation.minExecutors", value: "3", around: dynamic, place: "spec.dynamicAllocation.minExecutors",
			give: func(app *application) { app.Spec.DynamicAllocation.MinExecutors = ptr.To[int32](4) }},
		{key: "spark.driver.cores", value: "3", place: "spec.driver.cores",
			give: func(app *application) { app.Spec.Driver.Cores = ptr.To[int32](1) }},
		{key: "spark.driver.memory", value: "3g", place: "spec.driver.memory",
			give: func(app *application) { app.Spec.Driver.Memory = ptr.To("1g") }},
		{key: "spark.executor.cores", value: "3", place: "spec.executor.cores",
			give: func(app *application) { app.Spec.Executor.Cores = ptr.To[int32](1) }},
		{key: "spark.executor.memory", value: "3g", place: "spec.executor.memory",
			give: func(app *application) { app.Spec.Executor.Memory = ptr.To("1g") }},
		{key: "spark.executor.instances", value: "3", place: "spec.executor.instances",
			give: func(app *application) { app.Spec.Executor.Instances = ptr.To[int32](1) }},
		{key: "spark.executor.instances", value: "3", around: dynamic},
		{key: "spark.kubernetes.driver.pod.name", value: "mine", place: "spec.driver.podName",
			give: func(app *application) { app.Spec.Driver.PodName = ptr.To("typed") }},
		{key: "spark.kubernetes.driver.container.image", value: "mine", place: "spec.driver.image",
			around: func(app *application) { app.Spec.Image = nil },
			give:   func(app *application) { app.Spec.Driver.Image = ptr.To("typed") }},
		{key: "spark.kubernetes.driver.container.image", value: "mine", place: "spec.image",
			around: func(app *application) { app.Spec.Image = nil },
			give:   func(app *application) { app.Spec.Image = ptr.To("typed") }},
		{key: "spark.metrics.namespace", value: "mine", around: monitored},
		{key: "spark.kubernetes.driver.annotation.example.com/a", value: "mine", place: "spec.driver.annotations",
			give: func(app *application) { app.Spec.Driver.Annotations = map[string]string{"example.com/a": "typed"} }},
		{key: "spark.kubernetes.executor.label.team", value: "mine", place: "metadata.labels",
			give: func(app *application) { app.Labels = map[string]string{"team": "typed"} }},
		{key: "spark.kubernetes.submission.waitAppCompletion", value: "true"},
		{key: "spark.kubernetes.container.image.pullPolicy", value: "Always"},
		{key: "spark.kubernetes.scheduler.name", value: "mine"},
		{key: "spark.kubernetes.executor.deleteOnTermination", value: "false", place: "spec.executor.deleteOnTermination",
			give: func(app *application) { app.Spec.Executor.DeleteOnTermination = ptr.To(true) }},
		{key: "spark.submit.deployMode", value: "client", fixed: true},
		{key: "spark.app.name", value: "mine", fixed: true},
		{key: "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name", value: "mine", fixed: true},
	} {
		around := func(app *application) {
			app.Spec.SparkConf = map[string]string{test.key: test.value}
			if strings.HasSuffix(test.key, ".container.image") {
				app.Spec.SparkConf["spark.kubernetes.container.image"] = "common"
			}
			if test.around != nil {
				test.around(app)
			}
		}
		t.Run(test.key, func(t *testing.T) {
			run := build(t, around)
			if got := run.Properties[test.key]; (got == test.value) == test.fixed {
				t.Errorf("without the field it is %q", got)
			}
			for _, warning := range run.Warnings {
				blamed, _ := strings.CutSuffix(warning, " sets it")
				if !test.fixed || strings.HasSuffix(blamed, ": spec.mode") {
					t.Errorf("without the field: warning %q", warning)
				}
			}
			if test.give == nil {
				return
			}
			run = build(t, func(app *application) { around(app); test.give(app) })
			if got := run.Properties[test.key]; got == test.value {
				t.Errorf("with %s it is still %q", test.place, got)
			}
			expectWarnings(t, run, test.key+" has no effect: "+test.place+" sets it")
		})
	}
}

// TestRemoteShuffleService is the manifest of kubeflow/spark-operator#2511.
func TestRemoteShuffleService(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	if err := yaml.UnmarshalStrict([]byte(`
metadata: {name: remote-shuffle}
spec:
  type: Scala
  sparkVersion: 3.5.9
  image: example.org/team/spark:3.5
  mainClass: com.example.Job
  mainApplicationFile: local:///opt/app/job.jar
  sparkConf:
    spark.dynamicAllocation.shuffleTracking.enabled: "false"
    spark.shuffle.manager: org.apache.spark.shuffle.celeborn.SparkShuffleManager
  dynamicAllocation: {enabled: true, minExecutors: 1}
  driver: {serviceAccount: spark}
  executor: {cores: 1}`), app); err != nil {
		t.Fatal(err)
	}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	run, err := translate.Build(app, params())
	if err != nil {
		t.Fatal(err)
	}
	expectProperties(t, run, map[string]string{
		"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.shuffleTracking.enabled": "false",
	})
	expectWarnings(t, run)
}

// What the user says about metrics stays, and a warning says where it differs from
// what the exporter needs.
func TestOwnSettingsBesideTheExporter(t *testing.T) {
	run := build(t, func(app *v1beta2.SparkApplication) {
		app.Spec.Monitoring = &v1beta2.MonitoringSpec{
			ExposeDriverMetrics: true, ExposeExecutorMetrics: true, Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"},
		}
		app.Spec.Driver.Annotations = map[string]string{"prometheus.io/port": "4040"}
		app.Spec.Executor.Template = &corev1.PodTemplateSpec{}
		app.Spec.Executor.Template.Annotations = map[string]string{"prometheus.io/path": "/own"}
		app.Spec.SparkConf = map[string]string{
			"spark.metrics.conf": "/own.properties", "spark.metrics.namespace": "own",
			"spark.kubernetes.executor.annotation.prometheus.io/scrape": "false",
		}
	})
	expectProperties(t, run, map[string]string{
		"spark.metrics.conf": "/own.properties", "spark.metrics.namespace": "own",
		"spark.kubernetes.driver.annotation.prometheus.io/port":     "4040",
		"spark.kubernetes.driver.annotation.prometheus.io/path":     "/metrics",
		"spark.kubernetes.executor.annotation.prometheus.io/scrape": "false",
		"spark.kubernetes.executor.annotation.prometheus.io/path":   absent,
		"spark.kubernetes.executor.annotation.prometheus.io/port":   "8090",
	})
	expectWarnings(t, run, "driver's annotation prometheus.io/port=4040 stays; the exporter would set 8090",
		"executor's annotation prometheus.io/scrape=false stays", "executor's annotation prometheus.io/path=/own stays", "has a JmxSink")
}

// Keys of typed maps that have the prefix of the property already mean the same as
// without it, on the way through properties and through pods.
func TestPrefixedKeys(t *testing.T) {
	given := application(func(app *v1beta2.SparkApplication) {
		app.Spec.HadoopConf = map[string]string{"spark.hadoop.fs.a": "1", "fs.b": "2", "spark.hadoop.fs.b": "2"}
		driver, executor := &app.Spec.Driver, &app.Spec.Executor
		driver.Labels = map[string]string{"spark.kubernetes.driver.label.team": "x"}
		executor.Annotations = map[string]string{"spark.kubernetes.executor.annotation.note": "x"}
		driver.ServiceLabels = map[string]string{"spark.kubernetes.driver.service.label.team": "x"}
		driver.Env = []corev1.EnvVar{{Name: "spark.kubernetes.driverEnv.MODE", Value: "x"}}
		executor.EnvVars = map[string]string{"spark.executorEnv.MODE": "x"}
		driver.EnvSecretKeyRefs = map[string]v1beta2.NameKey{"spark.kubernetes.driver.secretKeyRef.TOKEN": {Name: "s", Key: "k"}}
		driver.Secrets = []v1beta2.SecretInfo{{Name: "spark.kubernetes.driver.secrets.tls", Path: "/tls"}}
		driver.NodeSelector = map[string]string{"spark.kubernetes.driver.node.selector.disk": "ssd"}
	})
	before := given.DeepCopy()
	run, err := translate.Build(given, params())
	if err != nil {
		t.Fatal(err)
	}
	expectProperties(t, run, map[string]string{
		"spark.hadoop.fs.a": "1", "spark.hadoop.fs.b": "2", "spark.hadoop.spark.hadoop.fs.a": absent,
		"spark.kubernetes.driver.label.team": "x", "spark.kubernetes.executor.annotation.note": "x",
		"spark.kubernetes.driver.service.label.team": "x", "spark.executorEnv.MODE": "x",
		"spark.kubernetes.driver.secretKeyRef.TOKEN": "s:k", "spark.kubernetes.driver.secrets.tls": "/tls",
	})
	container := run.Driver.Spec.Containers[0]
	if !slices.ContainsFunc(container.Env, func(v corev1.EnvVar) bool { return v.Name == "MODE" && v.Value == "x" }) {
		t.Errorf("variables of the driver: %v", container.Env)
	}
	if want := map[string]string{"disk": "ssd"}; !maps.Equal(run.Driver.Spec.NodeSelector, want) {
		t.Errorf("node selector %v", run.Driver.Spec.NodeSelector)
	}
	if len(run.Warnings) != 10 {
		t.Errorf("%d warnings: %q", len(run.Warnings), run.Warnings)
	}
	for _, text := range run.Warnings {
		if !strings.Contains(text, " is used as ") {
			t.Errorf("warning %q", text)
		}
	}
	if !maps.Equal(given.Spec.HadoopConf, before.Spec.HadoopConf) || given.Spec.Driver.Env[0] != before.Spec.Driver.Env[0] {
		t.Error("the application was changed")
	}
}

// TestEmptyPropertiesAreNamed: a warning about an empty property does not say that a
// field was given which has its value by default.
func TestEmptyPropertiesAreNamed(t *testing.T) {
	for key, want := range map[string]string{
		"spark.executor.instances":         "spec.sparkConf: spark.executor.instances has no effect: it is empty; the value is 1",
		"spark.kubernetes.driver.pod.name": "spec.sparkConf: spark.kubernetes.driver.pod.name has no effect: it is empty; the value is typed",
		"spark.executor.cores":             "spec.sparkConf: spark.executor.cores has no effect: it is empty; the value is 2",
	} {
		app := goldenApplications(t)["scala"].DeepCopy()
		app.Spec.Executor.Instances, app.Spec.Executor.Cores, app.Spec.Driver.PodName = nil, ptr.To[int32](2), ptr.To("typed")
		app.Spec.SparkConf = map[string]string{key: ""}
		v1beta2.SetObjectDefaultsOver(app, nil)
		run, err := translate.Build(app, params())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(run.Warnings, "\n")
		if strings.Contains(text, "sets it") || !strings.Contains(text, want) {
			t.Errorf("%s: warnings %q, want %q", key, run.Warnings, want)
		}
	}
}
