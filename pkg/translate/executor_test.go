// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

func text(t *testing.T, value any) string {
	t.Helper()
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if text(t, got) != text(t, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, text(t, got), text(t, want))
	}
}

// refused builds an application and expects an error with all the parts, in one
// line.
func refused(t *testing.T, edit func(*v1beta2.SparkApplication), parts ...string) {
	t.Helper()
	run, err := translate.Build(application(edit), params())
	if err == nil {
		t.Fatalf("built with warnings %q, want an error with %q", run.Warnings, parts)
	}
	for _, part := range append(parts, "") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}

// The ConfigMap carries the template that Run shows, as a whole Pod.
func TestExecutorTemplateIsShipped(t *testing.T) {
	run := build(t, func(app *v1beta2.SparkApplication) {
		app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "side", Image: "s"}, {Name: "spark-kubernetes-executor", WorkingDir: "/w"}},
		}}
		app.Spec.Executor.Template.Name, app.Spec.Executor.Template.Namespace = "n", "ns"
		app.Spec.Executor.Template.Labels = map[string]string{"a": "b"}
		app.Spec.Executor.Tolerations = []corev1.Toleration{{Key: "spot"}}
	})
	var shipped string
	for _, configMap := range run.ConfigMaps {
		if content, ok := configMap.Data["podspec-configmap-key"]; ok {
			shipped = content
		}
	}
	pod := &corev1.Pod{}
	if err := json.Unmarshal([]byte(shipped), pod); err != nil {
		t.Fatal(err)
	}
	if pod.APIVersion != "v1" || pod.Kind != "Pod" {
		t.Errorf("shipped as %s %s", pod.APIVersion, pod.Kind)
	}
	same(t, "shipped template", corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, run.ExecutorTemplate)
	if pod.Name != "" || pod.Namespace != "" {
		t.Errorf("the template names a pod: %s/%s", pod.Namespace, pod.Name)
	}
	same(t, "labels", pod.Labels, map[string]string{"a": "b"})
	same(t, "working directory", pod.Spec.Containers[1].WorkingDir, "/w")
	same(t, "tolerations", pod.Spec.Tolerations, []corev1.Toleration{{Key: "spot"}})
	same(t, "enableServiceLinks", pod.Spec.EnableServiceLinks, false)
	if len(run.ExecutorTemplate.OwnerReferences) > 0 {
		t.Error("executors belong to the driver pod alone")
	}
}

func TestServiceLinksOfTemplateStay(t *testing.T) {
	run := build(t, func(app *v1beta2.SparkApplication) {
		template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{EnableServiceLinks: ptr.To(true)}}
		app.Spec.Driver.Template, app.Spec.Executor.Template = template, template.DeepCopy()
	})
	same(t, "driver", run.Driver.Spec.EnableServiceLinks, true)
	same(t, "executor", run.ExecutorTemplate.Spec.EnableServiceLinks, true)
	run = build(t, nil)
	same(t, "driver by default", run.Driver.Spec.EnableServiceLinks, false)
	same(t, "executor by default", run.ExecutorTemplate.Spec.EnableServiceLinks, false)
}

// What the driver would override is set as a property, so that typed fields win.
func TestExecutorProperties(t *testing.T) {
	type application = v1beta2.SparkApplication
	const (
		grace      = "spark.kubernetes.executor.terminationGracePeriodSeconds"
		escalation = "spark.kubernetes.executor.securityContext.allowPrivilegeEscalation"
		scheduler  = "spark.kubernetes.executor.scheduler.name"
		selector   = "spark.kubernetes.executor.node.selector.pool"
		container  = "spark.kubernetes.executor.podTemplateContainerName"
	)
	for name, test := range map[string]struct {
		edit     func(*application)
		want     map[string]string
		warnings []string
	}{
		"nothing to keep": {
			want: map[string]string{grace: absent, escalation: absent, scheduler: absent, selector: absent},
		},
		"grace period": {
			edit: func(app *application) { app.Spec.Executor.TerminationGracePeriodSeconds = ptr.To[int64](90) },
			want: map[string]string{grace: "90s"},
		},
		"grace period of the template": {
			edit: func(app *application) {
				app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{TerminationGracePeriodSeconds: ptr.To[int64](7)}}
			},
			want: map[string]string{grace: "7s"},
		},
		"grace period of sparkConf before that of the template": {
			edit: func(app *application) {
				app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{TerminationGracePeriodSeconds: ptr.To[int64](7)}}
				app.Spec.SparkConf = map[string]string{grace: "8s"}
			},
			want: map[string]string{grace: "8s"},
		},
		"grace period before Spark 4.1": {
			edit: func(app *application) {
				app.Spec.SparkVersion = "4.0.5"
				app.Spec.Executor.TerminationGracePeriodSeconds = ptr.To[int64](90)
			},
			want: map[string]string{grace: absent},
		},
		"scheduler of sparkConf": {
			edit: func(app *application) {
				app.Spec.Executor.SchedulerName = ptr.To("mine")
				app.Spec.SparkConf = map[string]string{"spark.kubernetes.scheduler.name": "other"}
			},
			want: map[string]string{scheduler: "mine", "spark.kubernetes.scheduler.name": "other"},
		},
		"scheduler": {
			edit: func(app *application) { app.Spec.Executor.SchedulerName = ptr.To("mine") },
			want: map[string]string{scheduler: absent},
		},
		"node selector of sparkConf": {
			edit: func(app *application) {
				app.Spec.Executor.NodeSelector = map[string]string{"pool": "mine", "other": "x"}
				app.Spec.SparkConf = map[string]string{"spark.kubernetes.node.selector.pool": "conf"}
			},
			want: map[string]string{selector: "mine", "spark.kubernetes.executor.node.selector.other": absent},
		},
		"privilege escalation": {
			edit: func(app *application) {
				app.Spec.SparkVersion = "4.3.0"
				app.Spec.Executor.SecurityContext = &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(true)}
			},
			want: map[string]string{escalation: "true"},
		},
		"privileged": {
			edit: func(app *application) {
				app.Spec.SparkVersion = "4.3.0"
				app.Spec.Executor.SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
			},
			want: map[string]string{escalation: "true"},
		},
		"silent on escalation": {
			edit: func(app *application) {
				app.Spec.SparkVersion = "4.3.0"
				app.Spec.Executor.SecurityContext = &corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}
			},
			want: map[string]string{escalation: absent},
		},
		"Spark's container is not the first and has the old name": {
			edit: func(app *application) {
				app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
					Containers: []corev1.Container{{Name: "side", Image: "s"}, {Name: "executor"}},
				}}
			},
			want: map[string]string{container: "executor"},
		},
		"memory limit": {
			edit:     func(app *application) { app.Spec.Executor.MemoryLimit = ptr.To("3g") },
			warnings: []string{"spec.executor.memoryLimit has no effect"},
		},
		"lifecycle beside decommissioning": {
			edit: func(app *application) {
				app.Spec.Executor.Lifecycle = &corev1.Lifecycle{}
				app.Spec.SparkConf = map[string]string{"spark.decommission.enabled": "true"}
			},
			warnings: []string{"spec.executor.lifecycle has no effect"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := build(t, test.edit)
			expectProperties(t, run, test.want)
			expectWarnings(t, run, test.warnings...)
		})
	}
}

// Spark appends its variables to those of the template, and the kubelet takes the
// last of a name. Typed ones have to win all the same.
func TestExecutorEnv(t *testing.T) {
	literal := func(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }
	field := func(name string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}
	}
	for name, test := range map[string]struct {
		env        []corev1.EnvVar
		edit       func(*v1beta2.SparkApplication)
		template   []corev1.EnvVar
		properties map[string]string
		warnings   []string
	}{
		"in the template": {
			env:        []corev1.EnvVar{literal("A", "1"), literal("B", "$(A)"), field("N")},
			template:   []corev1.EnvVar{literal("A", "1"), literal("B", "$(A)"), field("N")},
			properties: map[string]string{"spark.executorEnv.A": absent},
		},
		"over envVars": {
			env:        []corev1.EnvVar{literal("A", "env")},
			edit:       func(app *v1beta2.SparkApplication) { app.Spec.Executor.EnvVars = map[string]string{"A": "vars"} },
			properties: map[string]string{"spark.executorEnv.A": "env"},
		},
		"a reference over envVars": {
			env:        []corev1.EnvVar{field("A")},
			edit:       func(app *v1beta2.SparkApplication) { app.Spec.Executor.EnvVars = map[string]string{"A": "vars"} },
			template:   []corev1.EnvVar{field("A")},
			properties: map[string]string{"spark.executorEnv.A": absent},
		},
		"over envSecretKeyRefs": {
			env: []corev1.EnvVar{literal("A", "env")},
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.EnvSecretKeyRefs = map[string]v1beta2.NameKey{"A": {Name: "n", Key: "k"}}
			},
			template:   []corev1.EnvVar{literal("A", "env")},
			properties: map[string]string{"spark.kubernetes.executor.secretKeyRef.A": absent},
		},
		"the last of a name": {
			env:      []corev1.EnvVar{literal("SPARK_USER", "x"), field("B"), literal("B", "y")},
			template: []corev1.EnvVar{literal("B", "y")}, properties: map[string]string{"spark.executorEnv.SPARK_USER": "x"},
		},
		"a reference to what Spark appends": {
			env: []corev1.EnvVar{literal("B", "$(A)/x"), literal("SPARK_CLASSPATH", "/x")},
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.EnvVars = map[string]string{"A": "vars"}
				app.Spec.SparkConf = map[string]string{"spark.executor.extraClassPath": "/y"}
			},
			template:   []corev1.EnvVar{literal("A", "vars"), literal("B", "$(A)/x"), literal("SPARK_CLASSPATH", "/x")},
			properties: map[string]string{"spark.executorEnv.A": "vars", "spark.executorEnv.B": absent},
			warnings:   []string{"SPARK_CLASSPATH has no effect"},
		},
		"over Spark's own": {
			env:        []corev1.EnvVar{literal("SPARK_EXECUTOR_MEMORY", "x"), literal("DIR", "/x/$(SPARK_EXECUTOR_MEMORY)")},
			template:   []corev1.EnvVar{literal("SPARK_EXECUTOR_MEMORY", "x"), literal("DIR", "/x/$(SPARK_EXECUTOR_MEMORY)")},
			properties: map[string]string{"spark.executorEnv.SPARK_EXECUTOR_MEMORY": "x", "spark.executorEnv.DIR": absent},
		},
		"Spark's own stay": {
			env:      []corev1.EnvVar{literal("SPARK_LOCAL_DIRS", "/x"), field("SPARK_USER")},
			template: []corev1.EnvVar{literal("SPARK_LOCAL_DIRS", "/x"), field("SPARK_USER")},
			warnings: []string{"SPARK_LOCAL_DIRS has no effect", "SPARK_USER has no effect"},
		},
		"sparkConfigMap": {
			env: []corev1.EnvVar{literal("SPARK_CONF_DIR", "/mine")},
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.SparkConfigMap, app.Spec.HadoopConfigMap = ptr.To("s"), ptr.To("h")
			},
			template:   []corev1.EnvVar{literal("HADOOP_CONF_DIR", "/etc/hadoop/conf")},
			properties: map[string]string{"spark.executorEnv.SPARK_CONF_DIR": "/etc/spark/conf"},
			warnings:   []string{"spec.executor.env: SPARK_CONF_DIR has no effect"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := build(t, func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.Env = test.env
				if test.edit != nil {
					test.edit(app)
				}
			})
			same(t, "template", append([]corev1.EnvVar{}, run.ExecutorTemplate.Spec.Containers[0].Env...), append([]corev1.EnvVar{}, test.template...))
			expectProperties(t, run, test.properties)
			expectWarnings(t, run, test.warnings...)
		})
	}
}

func TestExecutorConflicts(t *testing.T) {
	type application = v1beta2.SparkApplication
	emptyDir := func(name string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	}
	mount := func(name, path string) []corev1.VolumeMount {
		return []corev1.VolumeMount{{Name: name, MountPath: path}}
	}
	for name, test := range map[string]struct {
		edit func(*application)
		want []string
	}{
		"volume": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{emptyDir("spark-conf-volume-exec")}
			app.Spec.Executor.VolumeMounts = mount("spark-conf-volume-exec", "/x")
		}, []string{`spec.executor: Duplicate value: "spark-conf-volume-exec"`, "Spark adds another"}},
		"path": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{emptyDir("v")}
			app.Spec.Executor.VolumeMounts = mount("v", "/opt/spark/conf")
		}, []string{`"/opt/spark/conf"`, "volume mount"}},
		"secret": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{emptyDir("s-volume")}
			app.Spec.Executor.VolumeMounts = mount("s-volume", "/x")
			app.Spec.Executor.Secrets = []v1beta2.SecretInfo{{Name: "s", Path: "/s"}}
		}, []string{`"s-volume"`, "spark.kubernetes.executor.secrets.s adds another"}},
		"volume of sparkConf": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{emptyDir("v")}
			app.Spec.Executor.VolumeMounts = mount("v", "/data")
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.executor.volumes.emptyDir.w.mount.path": "/data"}
		}, []string{`"/data"`, "spark.kubernetes.executor.volumes.emptyDir.w.mount.path"}},
		"scratch space": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{emptyDir("v")}
			app.Spec.Executor.VolumeMounts = mount("v", "/scratch")
			app.Spec.SparkConf = map[string]string{"spark.local.dir": "/scratch"}
		}, []string{`"/scratch"`, "scratch space"}},
		"port": {func(app *application) {
			app.Spec.Executor.Ports = []v1beta2.Port{{Name: "blockmanager", Protocol: "TCP", ContainerPort: 1234}}
		}, []string{`"blockmanager"`, "port"}},
		"volume that is nowhere": {func(app *application) {
			app.Spec.Executor.Sidecars = []corev1.Container{{Name: "side", Image: "s", VolumeMounts: mount("ghost", "/g")}}
		}, []string{`Not found: "ghost"`, `container "side"`, "spec.volumes"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, test.edit, test.want...) })
	}
	t.Run("the same port", func(t *testing.T) {
		run := build(t, func(app *application) {
			app.Spec.Executor.Ports = []v1beta2.Port{{Name: "blockmanager", Protocol: "TCP", ContainerPort: 7079}}
		})
		if ports := run.ExecutorTemplate.Spec.Containers[0].Ports; len(ports) > 0 {
			t.Errorf("Spark would add it again: %v", ports)
		}
	})
	t.Run("sidecars may mount what Spark adds", func(t *testing.T) {
		run := build(t, func(app *application) {
			app.Spec.Executor.Sidecars = []corev1.Container{
				{Name: "side", Image: "s", VolumeMounts: mount("spark-local-dir-1", "/scratch")},
			}
		})
		expectWarnings(t, run)
	})
}

func TestRefused(t *testing.T) {
	type application = v1beta2.SparkApplication
	for name, test := range map[string]struct {
		edit func(*application)
		want []string
	}{
		"client mode": {func(app *application) { app.Spec.Mode = v1beta2.DeployModeClient }, []string{"spec.mode", "client", "use cluster"}},
		"no main class": {func(app *application) { app.Spec.MainClass = nil },
			[]string{"Failed to get main class in JAR", "Please specify one with --class"}},
		"no image": {func(app *application) { app.Spec.Image = nil }, []string{"Must specify the driver container image"}},
		"secret with a dot": {func(app *application) {
			app.Spec.Driver.Secrets = []v1beta2.SecretInfo{{Name: "a.b", Path: "/x"}}
		}, []string{`spec.driver.secrets[0].name: Invalid value: "a.b"`, "spec.volumes"}},
		"secret at two paths": {func(app *application) {
			app.Spec.Executor.Secrets = []v1beta2.SecretInfo{{Name: "a", Path: "/x"}, {Name: "a", Path: "/y"}}
		}, []string{`spec.executor.secrets[1]: Invalid value: "/y"`, "/x already"}},
		"exporter": {func(app *application) {
			app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeDriverMetrics: true, Prometheus: &v1beta2.PrometheusSpec{}}
		}, []string{"spec.monitoring.prometheus.jmxExporterJar"}},
		"template files": {func(app *application) {
			app.Spec.SparkConf = map[string]string{
				"spark.kubernetes.driver.podTemplateFile": "/etc/passwd", "spark.kubernetes.executor.podTemplateFile": "local:///t.yaml",
			}
		}, []string{"driver.podTemplateFile]: Forbidden", "spec.driver.template", "executor.podTemplateFile]: Forbidden", "spec.executor.template"}},
		"one key in two forms": {func(app *application) {
			app.Spec.HadoopConf = map[string]string{"fs.a": "1", "spark.hadoop.fs.a": "2"}
			app.Spec.Driver.EnvVars = map[string]string{"A": "1", "spark.kubernetes.driverEnv.A": "2"}
		}, []string{"spec.hadoopConf[spark.hadoop.fs.a]", "the key fs.a has the same meaning", "spec.driver.envVars[spark.kubernetes.driverEnv.A]"}},
		"several at once": {func(app *application) {
			app.Spec.Driver.MemoryLimit, app.Spec.Executor.MemoryLimit = ptr.To("x"), ptr.To("y")
			app.Spec.Driver.Secrets = []v1beta2.SecretInfo{{Name: "a.b", Path: "/x"}}
		}, []string{"spec.driver.secrets[0].name", "spec.executor.memoryLimit"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, test.edit, test.want...) })
	}
}

func TestExecutorResources(t *testing.T) {
	type application = v1beta2.SparkApplication
	list := func(pairs ...string) corev1.ResourceList {
		resources := corev1.ResourceList{}
		for i := 0; i < len(pairs); i += 2 {
			resources[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
		}
		return resources
	}
	conf := func(pairs ...string) func(*application) {
		return func(app *application) {
			app.Spec.SparkConf = map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				app.Spec.SparkConf[pairs[i]] = pairs[i+1]
			}
		}
	}
	for name, test := range map[string]struct {
		edit             func(*application)
		requests, limits corev1.ResourceList
	}{
		"plain":   {nil, list("cpu", "1", "memory", "1408Mi"), list("memory", "1408Mi")},
		"bigger":  {conf("spark.executor.memory", "8g", "spark.executor.cores", "4"), list("cpu", "4", "memory", "9011Mi"), list("memory", "9011Mi")},
		"factor":  {conf("spark.executor.memoryOverheadFactor", "0.5"), list("cpu", "1", "memory", "1536Mi"), list("memory", "1536Mi")},
		"minimum": {conf("spark.executor.minMemoryOverhead", "500m"), list("cpu", "1", "memory", "1524Mi"), list("memory", "1524Mi")},
		"off heap": {conf("spark.memory.offHeap.enabled", "true", "spark.memory.offHeap.size", "1g"),
			list("cpu", "1", "memory", "2432Mi"), list("memory", "2432Mi")},
		"typed": {func(app *application) {
			e := &app.Spec.Executor
			e.Memory, e.MemoryOverhead, e.CoreRequest, e.CoreLimit = ptr.To("2g"), ptr.To("256"), ptr.To("500m"), ptr.To("2")
			e.GPU = &v1beta2.GPUSpec{Name: "amd.com/gpu", Quantity: 1}
		}, list("cpu", "500m", "memory", "2304Mi"), list("cpu", "2", "memory", "2304Mi", "amd.com/gpu", "1")},
		"python": {func(app *application) {
			app.Spec.MainApplicationFile, app.Spec.MainClass = ptr.To("local:///m.py"), nil
			conf("spark.executor.pyspark.memory", "512m")(app)
		}, list("cpu", "1", "memory", "1945Mi"), list("memory", "1945Mi")}, // 1024 + 409 + 512
		"devices": {conf("spark.executor.resource.gpu.amount", "2", "spark.executor.resource.gpu.vendor", "nvidia.com"),
			list("cpu", "1", "memory", "1408Mi"), list("memory", "1408Mi", "nvidia.com/gpu", "2")},
		"template": {func(app *application) {
			app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Resources: corev1.ResourceRequirements{
					Requests: list("cpu", "9", "ephemeral-storage", "1Gi"), Limits: list("cpu", "9", "memory", "9Gi"),
				},
			}}}}
		}, list("cpu", "1", "memory", "1408Mi", "ephemeral-storage", "1Gi"), list("cpu", "9", "memory", "1408Mi")},
	} {
		t.Run(name, func(t *testing.T) {
			run := build(t, test.edit)
			same(t, "requests", run.ExecutorResources.Requests, test.requests)
			same(t, "limits", run.ExecutorResources.Limits, test.limits)
		})
	}
}

func TestExecutors(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplication)
		want int32
	}{
		"default":   {nil, 1},
		"instances": {func(app *v1beta2.SparkApplication) { app.Spec.Executor.Instances = ptr.To[int32](7) }, 7},
		"dynamic": {func(app *v1beta2.SparkApplication) {
			app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{
				Enabled: true, MinExecutors: ptr.To[int32](2), InitialExecutors: ptr.To[int32](4), MaxExecutors: ptr.To[int32](9),
			}
			app.Spec.Executor.Instances = ptr.To[int32](3)
		}, 4},
		"dynamic in sparkConf": {func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.minExecutors": "5"}
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := build(t, test.edit).Executors; got != test.want {
				t.Errorf("%d executors, want %d", got, test.want)
			}
		})
	}
}
