// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// absent stands for a property that must not be set.
const absent = "<absent>"

func expectProperties(t *testing.T, run *translate.Run, want map[string]string) {
	t.Helper()
	for key, value := range want {
		got, set := run.Properties[key]
		switch {
		case value == absent && set:
			t.Errorf("%s is set: %q", key, got)
		case value != absent && !set:
			t.Errorf("%s is not set, want %q", key, value)
		case value != absent && got != value:
			t.Errorf("%s is %q, want %q", key, got, value)
		}
	}
}

// expectWarnings wants as many warnings as there are texts, each containing its.
func expectWarnings(t *testing.T, run *translate.Run, want ...string) {
	t.Helper()
	if len(run.Warnings) != len(want) {
		t.Errorf("%d warnings: %q, want %d: %q", len(run.Warnings), run.Warnings, len(want), want)
	}
	for _, text := range want {
		if !slices.ContainsFunc(run.Warnings, func(w string) bool { return strings.Contains(w, text) }) {
			t.Errorf("no warning %q among %q", text, run.Warnings)
		}
	}
}

func TestProperties(t *testing.T) {
	type application = v1beta2.SparkApplication
	for name, test := range map[string]struct {
		edit     func(*application)
		want     map[string]string
		warnings []string
	}{
		"plain": {
			want: map[string]string{
				"spark.app.name": "pi", "spark.kubernetes.namespace": "jobs", "spark.submit.deployMode": "cluster",
				"spark.master": "k8s://https://10.96.0.1:443",
				"spark.kubernetes.submission.waitAppCompletion":      "false",
				"spark.kubernetes.driver.pod.name":                   "pi-driver",
				"spark.kubernetes.container.image":                   "spark:4.1.4",
				"spark.kubernetes.driver.container.image":            "spark:4.1.4",
				"spark.kubernetes.executor.container.image":          "spark:4.1.4",
				"spark.driver.cores":                                 "1",
				"spark.driver.memory":                                "1g",
				"spark.executor.cores":                               "1",
				"spark.executor.memory":                              "1g",
				"spark.executor.instances":                           "1",
				"spark.kubernetes.driver.podTemplateContainerName":   "spark-kubernetes-driver",
				"spark.kubernetes.executor.podTemplateContainerName": "spark-kubernetes-executor",
				"spark.kubernetes.executor.podTemplateFile":          "/opt/spark/pod-template/pod-spec-template.yml",
				"spark.kubernetes.driver.podTemplateFile":            absent,
				"spark.dynamicAllocation.enabled":                    absent,
				"spark.ui.proxyBase":                                 absent,
				"spark.kubernetes.pyspark.pythonVersion":             absent,
			},
		},
		"sparkConf wins over common fields": {
			edit: func(app *application) {
				app.Spec.ImagePullPolicy, app.Spec.ImagePullSecrets = ptr.To("Always"), []string{"a", "b"}
				app.Spec.MemoryOverheadFactor = ptr.To("0.2")
				app.Spec.SparkConf = map[string]string{
					"spark.kubernetes.container.image.pullPolicy":  "Never",
					"spark.kubernetes.container.image.pullSecrets": "c",
					"spark.kubernetes.memoryOverheadFactor":        "0.5",
				}
			},
			want: map[string]string{
				"spark.kubernetes.container.image.pullPolicy":  "Never",
				"spark.kubernetes.container.image.pullSecrets": "c",
				"spark.kubernetes.memoryOverheadFactor":        "0.5",
			},
		},
		"common fields": {
			edit: func(app *application) {
				app.Spec.ImagePullPolicy, app.Spec.ImagePullSecrets = ptr.To("Always"), []string{"a", "b"}
				app.Spec.MemoryOverheadFactor = ptr.To("0.2")
				app.Spec.ProxyUser, app.Spec.Arguments = ptr.To("alice"), []string{"--n", "1"}
			},
			want: map[string]string{
				"spark.kubernetes.container.image.pullPolicy":  "Always",
				"spark.kubernetes.container.image.pullSecrets": "a,b",
				"spark.kubernetes.memoryOverheadFactor":        "0.2",
			},
		},
		"typed fields win over sparkConf, and say so": {
			edit: func(app *application) {
				app.Spec.Driver.Cores, app.Spec.Driver.Memory = ptr.To[int32](2), ptr.To("2g")
				app.Spec.Executor.Instances = ptr.To[int32](3)
				app.Spec.SparkConf = map[string]string{
					"spark.driver.cores": "4", "spark.driver.memory": "2g", "spark.executor.instances": "5", "spark.app.name": "other",
				}
			},
			want: map[string]string{
				"spark.driver.cores": "2", "spark.driver.memory": "2g", "spark.executor.instances": "3", "spark.app.name": "pi",
			},
			warnings: []string{
				"spark.driver.cores has no effect: spec.driver.cores sets it",
				"spark.executor.instances has no effect: spec.executor.instances sets it",
				"spark.app.name has no effect: metadata.name sets it",
			},
		},
		"only sparkConf": {
			edit: func(app *application) {
				app.Spec.SparkConf = map[string]string{
					"spark.driver.cores": "4", "spark.driver.memory": "3g", "spark.executor.cores": "2", "spark.executor.memory": "4g",
					"spark.executor.instances": "5",
				}
			},
			want: map[string]string{
				"spark.driver.cores": "4", "spark.driver.memory": "3g", "spark.executor.cores": "2", "spark.executor.memory": "4g",
				"spark.executor.instances": "5",
			},
		},
		"hadoopConf wins over sparkConf": {
			edit: func(app *application) {
				app.Spec.HadoopConf = map[string]string{"fs.x": "y", "spark.hadoop.z": "1"}
				app.Spec.SparkConf = map[string]string{"spark.hadoop.fs.x": "n"}
			},
			want: map[string]string{
				"spark.hadoop.fs.x": "y", "spark.hadoop.spark.hadoop.z": absent, "spark.hadoop.z": "1",
			},
			warnings: []string{"spark.hadoop.fs.x has no effect: spec.hadoopConf sets it", "spec.hadoopConf: spark.hadoop.z is used as z"},
		},
		"dependencies are options": {
			edit: func(app *application) {
				app.Spec.Deps = v1beta2.Dependencies{
					Jars: []string{"local:///a.jar", "s3a://b/c.jar"}, Files: []string{"local:///f"}, Archives: []string{"local:///e.zip#e"},
					PyFiles: []string{"local:///p.py"}, Packages: []string{"g:a:1", "g:b:2"}, ExcludePackages: []string{"g:c"},
					Repositories: []string{"https://repo.example.com"},
				}
				app.Spec.SparkConf = map[string]string{"spark.jars": "local:///lost.jar"}
			},
			want: map[string]string{
				"spark.jars":  "local:///a.jar,s3a://b/c.jar,local:///opt/app.jar",
				"spark.files": "local:///f", "spark.archives": "local:///e.zip#e", "spark.submit.pyFiles": "local:///p.py",
				"spark.jars.packages": "g:a:1,g:b:2", "spark.jars.excludes": "g:c", "spark.jars.repositories": "https://repo.example.com",
			},
			warnings: []string{"spark.jars has no effect: spec.deps.jars sets it"},
		},
		"role fields": {
			edit: func(app *application) {
				driver, executor := &app.Spec.Driver, &app.Spec.Executor
				driver.Image, executor.Image = ptr.To("driver:1"), ptr.To("executor:1")
				driver.CoreRequest, executor.CoreRequest = ptr.To("500m"), ptr.To("250m")
				driver.CoreLimit, executor.CoreLimit = ptr.To("2"), ptr.To("3")
				driver.MemoryOverhead, executor.MemoryOverhead = ptr.To("100m"), ptr.To("200m")
				driver.ServiceAccount, executor.ServiceAccount = ptr.To("sa-d"), ptr.To("sa-e")
				driver.JavaOptions, executor.JavaOptions = ptr.To("-Dd"), ptr.To("-De")
				driver.Annotations, executor.Annotations = map[string]string{"a": "d"}, map[string]string{"a": "e"}
				driver.EnvVars, executor.EnvVars = map[string]string{"V": "d"}, map[string]string{"V": "e"}
				ref := map[string]v1beta2.NameKey{"S": {Name: "n", Key: "k"}}
				driver.EnvSecretKeyRefs, executor.EnvSecretKeyRefs = ref, ref
				driver.KubernetesMaster = ptr.To("https://api")
				driver.ServiceLabels, driver.ServiceAnnotations = map[string]string{"l": "1"}, map[string]string{"a": "2"}
				executor.DeleteOnTermination = ptr.To(false)
			},
			want: map[string]string{
				"spark.kubernetes.driver.container.image": "driver:1", "spark.kubernetes.executor.container.image": "executor:1",
				"spark.kubernetes.driver.request.cores": "500m", "spark.kubernetes.executor.request.cores": "250m",
				"spark.kubernetes.driver.limit.cores": "2", "spark.kubernetes.executor.limit.cores": "3",
				"spark.driver.memoryOverhead": "100m", "spark.executor.memoryOverhead": "200m",
				"spark.kubernetes.authenticate.driver.serviceAccountName":   "sa-d",
				"spark.kubernetes.authenticate.executor.serviceAccountName": "sa-e",
				"spark.driver.extraJavaOptions":                             "-Dd", "spark.executor.extraJavaOptions": "-De",
				"spark.kubernetes.driver.annotation.a": "d", "spark.kubernetes.executor.annotation.a": "e",
				"spark.kubernetes.driverEnv.V": "d", "spark.executorEnv.V": "e",
				"spark.kubernetes.driver.secretKeyRef.S": "n:k", "spark.kubernetes.executor.secretKeyRef.S": "n:k",
				"spark.kubernetes.driver.master":          "https://api",
				"spark.kubernetes.driver.service.label.l": "1", "spark.kubernetes.driver.service.annotation.a": "2",
				"spark.kubernetes.executor.deleteOnTermination": "false",
			},
		},
		"secrets": {
			edit: func(app *application) {
				app.Spec.Driver.EnvVars = map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": "/mine"}
				app.Spec.Driver.Secrets = []v1beta2.SecretInfo{
					{Name: "g1", Path: "/g1", Type: v1beta2.SecretTypeGCPServiceAccount},
					{Name: "g2", Path: "/mnt//g2/", Type: v1beta2.SecretTypeGCPServiceAccount},
					{Name: "tok", Path: "/tok", Type: v1beta2.SecretTypeHadoopDelegationToken},
					{Name: "any", Path: "/any", Type: "Whatever"},
				}
				app.Spec.Executor.Secrets = []v1beta2.SecretInfo{{Name: "tok", Path: "/tok", Type: v1beta2.SecretTypeHadoopDelegationToken}}
			},
			want: map[string]string{
				"spark.kubernetes.driver.secrets.g1": "/g1", "spark.kubernetes.driver.secrets.g2": "/mnt//g2/",
				"spark.kubernetes.driver.secrets.tok": "/tok", "spark.kubernetes.driver.secrets.any": "/any",
				"spark.kubernetes.driverEnv.GOOGLE_APPLICATION_CREDENTIALS": "/mnt/g2/key.json",
				"spark.kubernetes.driverEnv.HADOOP_TOKEN_FILE_LOCATION":     "/tok/hadoop.token",
				"spark.kubernetes.executor.secrets.tok":                     "/tok",
				"spark.executorEnv.HADOOP_TOKEN_FILE_LOCATION":              "/tok/hadoop.token",
			},
		},
		"labels": {
			edit: func(app *application) {
				app.Labels = map[string]string{
					"team": "app", "kueue.x-k8s.io/queue-name": "q", "spark-role": "x", "sparkoperator.k8s.io/scheduled-app-name": "s",
				}
				app.Spec.Driver.Labels = map[string]string{"team": "driver", "sparkoperator.k8s.io/app-name": "evil"}
			},
			want: map[string]string{
				"spark.kubernetes.driver.label.team": "driver", "spark.kubernetes.executor.label.team": "app",
				"spark.kubernetes.driver.label.kueue.x-k8s.io/queue-name":                          absent,
				"spark.kubernetes.driver.label.spark-role":                                         absent,
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/scheduled-app-name":          "s",
				"spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name":                      "pi",
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/app-name":                    "pi",
				"spark.kubernetes.driver.label.sparkoperator.k8s.io/launched-by-spark-operator":    "true",
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/launched-by-spark-operator":  "true",
				"spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id":                 submissionID,
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/submission-id":               submissionID,
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/mutated-by-spark-operator":   "true",
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/created-by-spark-operator":   absent,
				"spark.kubernetes.executor.annotation.sparkoperator.k8s.io/launched-by-spark-oper": absent,
			},
			warnings: []string{
				"spec.driver.labels: sparkoperator.k8s.io/app-name has no effect", "metadata.labels: spark-role is not passed on",
			},
		},
		"template": {
			edit: func(app *application) { app.Spec.Driver.Template = &corev1.PodTemplateSpec{} },
			want: map[string]string{
				"spark.kubernetes.driver.label.sparkoperator.k8s.io/mutated-by-spark-operator":   absent,
				"spark.kubernetes.executor.label.sparkoperator.k8s.io/mutated-by-spark-operator": "true",
			},
		},
		"two places for Hadoop's configuration": {
			edit: func(app *application) {
				app.Spec.HadoopConfigMap = ptr.To("mine")
				app.Spec.SparkConf = map[string]string{
					"spark.kubernetes.hadoop.configMapName": "other", "spark.kubernetes.driver.podTemplateContainerName": "main",
				}
			},
			want: map[string]string{
				"spark.kubernetes.hadoop.configMapName": absent, "spark.kubernetes.executor.hadoopConfigMapName": absent,
			},
			warnings: []string{"spec.hadoopConfigMap names the ConfigMap", "podTemplateContainerName has no effect: spec.driver.template has no containers; define the container main there"},
		},
		"Hadoop's configuration by Spark": {
			edit: func(app *application) {
				app.Spec.SparkConf = map[string]string{"spark.kubernetes.hadoop.configMapName": "other"}
			},
			want: map[string]string{"spark.kubernetes.executor.hadoopConfigMapName": "other"},
		},
		"node selector": {
			edit: func(app *application) { app.Spec.NodeSelector = map[string]string{"disk": "ssd"} },
			want: map[string]string{"spark.kubernetes.node.selector.disk": "ssd"},
		},
		"dynamic allocation": {
			edit: func(app *application) {
				app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{
					Enabled: true, InitialExecutors: ptr.To[int32](2), MinExecutors: ptr.To[int32](1), MaxExecutors: ptr.To[int32](9),
					ShuffleTrackingTimeout: ptr.To[int64](60000),
				}
			},
			want: map[string]string{
				"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.initialExecutors": "2",
				"spark.dynamicAllocation.minExecutors": "1", "spark.dynamicAllocation.maxExecutors": "9",
				"spark.dynamicAllocation.shuffleTracking.enabled": "true", "spark.dynamicAllocation.shuffleTracking.timeout": "60000",
				"spark.executor.instances": absent,
			},
		},
		"dynamic allocation off": {
			edit: func(app *application) {
				app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{MinExecutors: ptr.To[int32](1)}
			},
			want:     map[string]string{"spark.dynamicAllocation.minExecutors": absent, "spark.executor.instances": "1"},
			warnings: []string{"spec.dynamicAllocation has no effect unless enabled is true"},
		},
		"queued with the number of executors in a property": {
			edit: func(app *application) {
				app.Labels = map[string]string{v1beta2.LabelKueueQueue: "team"}
				app.Spec.SparkConf = map[string]string{"spark.executor.instances": "4"}
			},
			want: map[string]string{"spark.executor.instances": "4"},
			warnings: []string{
				"spec.executor.instances is not set: Kueue reserves quota for no executor; set it to the maximum number of executors",
			},
		},
		"queued, stopped by Kueue and let go": {
			edit: func(app *application) {
				app.Labels = map[string]string{v1beta2.LabelKueueQueue: "team"}
				app.Spec.Executor.Instances = ptr.To[int32](0)
			},
			want: map[string]string{"spark.executor.instances": "1"},
		},
		"queued with dynamic allocation": {
			edit: func(app *application) {
				app.Labels = map[string]string{v1beta2.LabelKueueQueue: "team"}
				app.Spec.SparkConf = map[string]string{"spark.dynamicAllocation.enabled": "true"}
			},
			want: map[string]string{"spark.executor.instances": absent},
			warnings: []string{
				"spec.executor.instances is not set: Kueue reserves quota for no executor; set it to the maximum number of executors",
			},
		},
		"monitoring": {
			edit: func(app *application) {
				app.Spec.Monitoring = &v1beta2.MonitoringSpec{
					ExposeDriverMetrics: true,
					Prometheus:          &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"},
				}
				app.Spec.Driver.Annotations = map[string]string{"prometheus.io/port": "1"}
				app.Spec.SparkConf = map[string]string{"spark.driver.extraJavaOptions": "-Dmine"}
			},
			want: map[string]string{
				"spark.metrics.namespace":                                   "jobs.pi",
				"spark.driver.extraJavaOptions":                             "-Dmine -javaagent:/jmx.jar=8090:/etc/metrics/conf/prometheus.yaml",
				"spark.executor.extraJavaOptions":                           absent,
				"spark.kubernetes.driver.annotation.prometheus.io/scrape":   "true",
				"spark.kubernetes.driver.annotation.prometheus.io/port":     "1",
				"spark.kubernetes.executor.annotation.prometheus.io/scrape": absent,
			},
			warnings: []string{"annotation prometheus.io/port=1 stays"},
		},
		"monitoring by Spark itself": {
			edit: func(app *application) {
				app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeDriverMetrics: true}
				app.Spec.Driver.Annotations = map[string]string{"prometheus.io/path": "/other"}
				app.Spec.SparkConf = map[string]string{"spark.ui.enabled": "true"}
			},
			want: map[string]string{
				"spark.ui.prometheus.enabled":                             "true",
				"spark.metrics.namespace":                                 "spark",
				"spark.metrics.conf.*.sink.prometheusServlet.path":        "/metrics/prometheus",
				"spark.kubernetes.driver.annotation.prometheus.io/scrape": "true",
				"spark.kubernetes.driver.annotation.prometheus.io/port":   "4040",
				"spark.kubernetes.driver.annotation.prometheus.io/path":   "/other",
			},
			warnings: []string{"annotation prometheus.io/path=/other stays"},
		},
		"monitoring without a web UI": {
			edit: func(app *application) {
				app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeExecutorMetrics: true}
				app.Spec.SparkConf = map[string]string{"spark.ui.enabled": "false"}
			},
			want:     map[string]string{"spark.kubernetes.driver.annotation.prometheus.io/scrape": absent},
			warnings: []string{"spec.monitoring has no effect: Spark serves the metrics on the port of its web UI"},
		},
		"ineffective": {
			edit: func(app *application) {
				app.Spec.FailureRetries, app.Spec.RetryInterval = ptr.To[int32](1), ptr.To[int64](1)
				app.Spec.PythonVersion = ptr.To("3")
				app.Spec.Monitoring = &v1beta2.MonitoringSpec{}
				app.Spec.BatchSchedulerOptions = &v1beta2.BatchSchedulerConfiguration{Queue: ptr.To("q")}
				app.Spec.Type = v1beta2.SparkApplicationTypePython
				app.Spec.Driver.GPU = &v1beta2.GPUSpec{Name: "nvidia.com/gpu"}
			},
			warnings: []string{
				"spec.failureRetries", "spec.retryInterval", "spec.pythonVersion", "spec.monitoring", "spec.batchSchedulerOptions",
				"spec.type Python", "spec.driver.gpu",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := build(t, test.edit)
			expectProperties(t, run, test.want)
			expectWarnings(t, run, test.warnings...)
		})
	}
}

func TestParams(t *testing.T) {
	p := params()
	p.UIProxyBase = "/jobs/pi"
	p.DefaultConf = map[string]string{"spark.a": "default", "spark.b": "default", "spark.driver.memory": "3g"}
	app := application(func(app *v1beta2.SparkApplication) {
		app.Spec.SparkConf = map[string]string{"spark.b": "mine", "spark.ui.proxyRedirectUri": "/x"}
		app.Spec.Driver.Memory = ptr.To("1g")
	})
	run, err := translate.Build(app, p)
	if err != nil {
		t.Fatal(err)
	}
	expectProperties(t, run, map[string]string{
		"spark.a": "default", "spark.b": "mine", "spark.driver.memory": "1g",
		"spark.ui.proxyBase": "/jobs/pi", "spark.ui.proxyRedirectUri": "/x",
	})
	if user := run.Driver.Spec.Containers[0].Env[0]; user.Name != "SPARK_USER" || user.Value != "spark" {
		t.Errorf("user: %v", user)
	}
}

func TestDriverPodName(t *testing.T) {
	app := application(nil)
	for _, want := range []string{"pi-driver", "from-conf", "typed"} {
		switch want {
		case "from-conf":
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.pod.name": "from-conf"}
		case "typed":
			app.Spec.Driver.PodName = ptr.To("typed")
		}
		if got := translate.DriverPodName(app); got != want {
			t.Errorf("DriverPodName is %q, want %q", got, want)
		}
		if run, err := translate.Build(app, params()); err != nil || run.Driver.Name != want {
			t.Errorf("driver pod: %v, want %q", err, want)
		}
	}
}
