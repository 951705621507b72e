// SPDX-License-Identifier: Apache-2.0

package podspec_test

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// roles runs a test for both, since there is one function for both.
func roles(t *testing.T, test func(t *testing.T, role podspec.Role)) {
	t.Helper()
	for _, role := range []podspec.Role{podspec.Driver, podspec.Executor} {
		t.Run(string(role), func(t *testing.T) { test(t, role) })
	}
}

// podFields returns the fields of role in app that both roles have.
func podFields(app *v1beta2.SparkApplication, role podspec.Role) *v1beta2.SparkPodSpec {
	if role == podspec.Driver {
		return &app.Spec.Driver.SparkPodSpec
	}
	return &app.Spec.Executor.SparkPodSpec
}

// sparkPod is a pod with what Spark puts in.
func sparkPod(role podspec.Role) *corev1.PodSpec {
	return &corev1.PodSpec{
		Volumes: []corev1.Volume{{Name: "spark-conf", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		Containers: []corev1.Container{{
			Name:         role.ContainerName(),
			Image:        "spark",
			Env:          []corev1.EnvVar{{Name: "SPARK_USER", Value: "spark"}, {Name: "SPARK_CONF_DIR", Value: "/opt/spark/conf"}},
			Ports:        []corev1.ContainerPort{{Name: "blockmanager", ContainerPort: 7079}},
			VolumeMounts: []corev1.VolumeMount{{Name: "spark-conf", MountPath: "/opt/spark/conf"}},
			Resources: corev1.ResourceRequirements{
				Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1408Mi")},
			},
		}},
	}
}

// apply puts the fields of an application into a pod of Spark.
func apply(t *testing.T, app *v1beta2.SparkApplication, role podspec.Role) (pod *corev1.PodSpec, warnings, errs []string) {
	t.Helper()
	before := app.DeepCopy()
	pod = sparkPod(role)
	fields := podspec.FieldsOf(app, role)
	warnings, list := fields.Apply(pod, podspec.SparkContainer(pod, role, ""))
	for _, err := range list {
		errs = append(errs, err.Error())
	}
	if once := text(t, pod); len(errs) == 0 {
		// As a webhook does with a pod that comes from the template.
		if _, list := fields.Apply(pod, podspec.SparkContainer(pod, role, "")); len(list) > 0 {
			t.Errorf("second time: %v", list)
		}
		if twice := text(t, pod); twice != once {
			t.Errorf("a second time changes the pod\nfrom %s\nto   %s", once, twice)
		}
	}
	if text(t, app) != text(t, before) {
		t.Errorf("the application was changed: %s", text(t, app))
	}
	return pod, warnings, errs
}

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

// one expects exactly one text that contains all parts.
func one(t *testing.T, what string, texts []string, parts ...string) {
	t.Helper()
	if len(texts) != 1 {
		t.Fatalf("%d %s: %q, want one with %q", len(texts), what, texts, parts)
	}
	for _, part := range parts {
		if !strings.Contains(texts[0], part) {
			t.Errorf("%s %q lacks %q", what, texts[0], part)
		}
	}
}

func none(t *testing.T, lists ...[]string) {
	t.Helper()
	for _, list := range lists {
		if len(list) > 0 {
			t.Errorf("unexpected: %q", list)
		}
	}
}

func TestEnv(t *testing.T) {
	literal := func(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }
	spark := []corev1.EnvVar{literal("SPARK_USER", "spark"), literal("SPARK_CONF_DIR", "/opt/spark/conf")}
	for name, test := range map[string]struct{ env, want []corev1.EnvVar }{
		"appended": {
			env:  []corev1.EnvVar{literal("A", "1"), literal("B", "$(A)")},
			want: []corev1.EnvVar{spark[0], spark[1], literal("A", "1"), literal("B", "$(A)")},
		},
		"typed wins in place": {
			env:  []corev1.EnvVar{literal("SPARK_USER", "me")},
			want: []corev1.EnvVar{literal("SPARK_USER", "me"), spark[1]},
		},
		"the last of a name wins": {
			env:  []corev1.EnvVar{literal("A", "1"), literal("A", "2")},
			want: []corev1.EnvVar{spark[0], spark[1], literal("A", "2")},
		},
		"references see what they refer to": {
			env:  []corev1.EnvVar{literal("A", "1"), literal("SPARK_USER", "u$(A)")},
			want: []corev1.EnvVar{spark[1], literal("A", "1"), literal("SPARK_USER", "u$(A)")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			roles(t, func(t *testing.T, role podspec.Role) {
				app := &v1beta2.SparkApplication{}
				podFields(app, role).Env = test.env
				pod, warnings, errs := apply(t, app, role)
				none(t, warnings, errs)
				same(t, "env", pod.Containers[0].Env, test.want)
			})
		})
	}
}

func TestEnvFrom(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		source := corev1.EnvFromSource{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "c"},
		}}
		app := &v1beta2.SparkApplication{}
		podFields(app, role).EnvFrom = []corev1.EnvFromSource{source, *source.DeepCopy()}
		pod, warnings, errs := apply(t, app, role)
		none(t, warnings, errs)
		same(t, "envFrom", pod.Containers[0].EnvFrom, []corev1.EnvFromSource{source})
	})
}

func TestConfigMaps(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		app.Spec.SparkConfigMap, app.Spec.HadoopConfigMap = ptr.To("my-spark"), ptr.To("my-hadoop")
		fields := podFields(app, role)
		fields.Env = []corev1.EnvVar{{Name: "SPARK_CONF_DIR", Value: "/mine"}}
		fields.ConfigMaps = []v1beta2.NamePath{{Name: "app", Path: "/etc/a"}, {Name: "app", Path: "/etc/b"}}
		pod, warnings, errs := apply(t, app, role)
		none(t, errs)
		one(t, "warning", warnings, "spec."+string(role)+".env", "SPARK_CONF_DIR has no effect", "/etc/spark/conf")

		var volumes, env []string
		for _, v := range pod.Volumes[1:] {
			volumes = append(volumes, v.Name+"="+v.ConfigMap.Name)
		}
		same(t, "volumes", volumes, []string{"hadoop-configmap-volume=my-hadoop", "spark-configmap-volume=my-spark", "app-vol=app"})
		for _, e := range pod.Containers[0].Env {
			env = append(env, e.Name+"="+e.Value)
		}
		same(t, "env", env, []string{"SPARK_USER=spark", "SPARK_CONF_DIR=/etc/spark/conf", "HADOOP_CONF_DIR=/etc/hadoop/conf"})
		same(t, "mounts", pod.Containers[0].VolumeMounts[1:], []corev1.VolumeMount{
			{Name: "hadoop-configmap-volume", MountPath: "/etc/hadoop/conf", ReadOnly: true},
			{Name: "spark-configmap-volume", MountPath: "/etc/spark/conf", ReadOnly: true},
			{Name: "app-vol", MountPath: "/etc/a", ReadOnly: true},
			{Name: "app-vol", MountPath: "/etc/b", ReadOnly: true},
		})
	})
}

func TestConfigMapVolumeName(t *testing.T) {
	if got := podspec.ConfigMapVolumeName("app-conf"); got != "app-conf-vol" {
		t.Errorf("short name: %q", got)
	}
	seen := map[string]string{}
	for _, name := range []string{
		strings.Repeat("a", 59), strings.Repeat("a", 60), strings.Repeat("a", 253), strings.Repeat("a", 252) + "b",
		"app.conf", "app-conf", "a.-b", strings.Repeat("a-", 100) + "z",
	} {
		got := podspec.ConfigMapVolumeName(name)
		if reasons := validation.IsDNS1123Label(got); len(reasons) > 0 {
			t.Errorf("%q becomes %q: %v", name, got, reasons)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q both become %q", name, other, got)
		}
		seen[got] = name
	}
}

func volume(name string, size string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse(size))},
	}}
}

func TestVolumes(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		app.Spec.Volumes = []corev1.Volume{
			volume("a", "1Gi"), volume("unused", "1Gi"), volume("sidecar-only", "1Gi"), volume("spark-local-dir-1", "1Gi"),
		}
		fields := podFields(app, role)
		fields.VolumeMounts = []corev1.VolumeMount{
			{Name: "a", MountPath: "/a1"}, {Name: "a", MountPath: "/a2", SubPath: "s"}, {Name: "ghost", MountPath: "/ghost"},
			{Name: "spark-local-dir-1", MountPath: "/scratch"}, {Name: "spark-conf", MountPath: "/again"},
		}
		fields.Sidecars = []corev1.Container{{Name: "s", VolumeMounts: []corev1.VolumeMount{{Name: "sidecar-only", MountPath: "/s"}}}}
		pod, warnings, errs := apply(t, app, role)
		none(t, errs)
		one(t, "warning", warnings, "spec."+string(role)+".volumeMounts[2]", "/ghost", `spec.volumes has no volume "ghost"`)
		same(t, "volumes", pod.Volumes[1:], []corev1.Volume{app.Spec.Volumes[0], app.Spec.Volumes[2]})
		same(t, "mounts", pod.Containers[0].VolumeMounts[1:], []corev1.VolumeMount{
			fields.VolumeMounts[0], fields.VolumeMounts[1], fields.VolumeMounts[4],
		})
	})
}

func TestConflicts(t *testing.T) {
	template := func(edit func(*corev1.PodSpec)) *corev1.PodTemplateSpec {
		template := &corev1.PodTemplateSpec{}
		edit(&template.Spec)
		return template
	}
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplicationSpec, *v1beta2.SparkPodSpec)
		want []string
	}{
		"volume of Spark": {
			edit: func(app *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) {
				app.Volumes = []corev1.Volume{volume("spark-conf", "1Gi")}
				pod.VolumeMounts = []corev1.VolumeMount{{Name: "spark-conf", MountPath: "/x"}}
			},
			want: []string{`volumeMounts[0]: Duplicate value: "spark-conf"`, "Spark itself", "rename"},
		},
		"volume of the template": {
			edit: func(app *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) {
				app.Volumes = []corev1.Volume{volume("spark-conf", "1Gi")}
				pod.VolumeMounts = []corev1.VolumeMount{{Name: "spark-conf", MountPath: "/x"}}
				pod.Template = template(func(p *corev1.PodSpec) { p.Volumes = []corev1.Volume{{Name: "spark-conf"}} })
			},
			want: []string{`volumeMounts[0]: Duplicate value: "spark-conf"`, ".template"},
		},
		"mount path": {
			edit: func(app *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) {
				app.Volumes = []corev1.Volume{volume("a", "1Gi")}
				pod.VolumeMounts = []corev1.VolumeMount{{Name: "a", MountPath: "/opt/spark/conf"}}
			},
			want: []string{`volumeMounts[0]: Invalid value: "/opt/spark/conf": must be unique`, `"spark-conf"`, "another path"},
		},
		"sidecars": {
			edit: func(_ *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) {
				pod.Sidecars = []corev1.Container{{Name: "x", Image: "1"}, {Name: "x", Image: "2"}}
			},
			want: []string{`sidecars[1].name: Duplicate value: "x"`, `image "1"`, "rename"},
		},
		"sidecar and init container": {
			edit: func(_ *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) {
				pod.InitContainers = []corev1.Container{{Name: "x", Image: "1"}}
				pod.Sidecars = []corev1.Container{{Name: "x", Image: "2"}}
			},
			want: []string{`sidecars[0].name: Duplicate value: "x"`},
		},
		"gpu": {
			edit: func(_ *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) {
				pod.GPU = &v1beta2.GPUSpec{Name: "memory", Quantity: 3}
			},
			want: []string{`gpu: Invalid value: "3"`, "spec.sparkConf requests 1408Mi"},
		},
		"memory limit": {
			edit: func(_ *v1beta2.SparkApplicationSpec, pod *v1beta2.SparkPodSpec) { pod.MemoryLimit = ptr.To("much") },
			want: []string{`memoryLimit: Invalid value: "much"`, "such as 2g"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			roles(t, func(t *testing.T, role podspec.Role) {
				app := &v1beta2.SparkApplication{}
				test.edit(&app.Spec, podFields(app, role))
				_, warnings, errs := apply(t, app, role)
				none(t, warnings)
				one(t, "error", errs, append(test.want, "spec."+string(role)+".")...)
			})
		})
	}
}

func TestSparkContainerNameIsTaken(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		// Not even with the same image: it is not the same container.
		podFields(app, role).Sidecars = []corev1.Container{{Name: role.ContainerName(), Image: "spark"}}
		_, _, errs := apply(t, app, role)
		one(t, "error", errs, "sidecars[0].name", "the Spark container")
	})
}
