// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// localDir mounts a volume as scratch space at /scratch in both roles.
func localDir(source corev1.VolumeSource, edits ...func(*corev1.VolumeMount)) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		mount := corev1.VolumeMount{Name: "spark-local-dir-x", MountPath: "/scratch"}
		for _, edit := range edits {
			edit(&mount)
		}
		app.Spec.Volumes = []corev1.Volume{{Name: mount.Name, VolumeSource: source}}
		app.Spec.Driver.VolumeMounts = []corev1.VolumeMount{mount}
		app.Spec.Executor.VolumeMounts = []corev1.VolumeMount{mount}
	}
}

func TestLocalDirProperties(t *testing.T) {
	hostPath := &corev1.HostPathVolumeSource{Path: "/disk", Type: ptr.To(corev1.HostPathDirectory)}
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplication)
		want map[string]string // below spark.kubernetes.<role>.volumes.
	}{
		"emptyDir": {
			localDir(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
				Medium: corev1.StorageMediumMemory, SizeLimit: ptr.To(resource.MustParse("1024Mi")),
			}}),
			map[string]string{
				"emptyDir.spark-local-dir-x.mount.path":        "/scratch",
				"emptyDir.spark-local-dir-x.mount.readOnly":    absent,
				"emptyDir.spark-local-dir-x.options.medium":    "Memory",
				"emptyDir.spark-local-dir-x.options.sizeLimit": "1Gi",
			},
		},
		"hostPath": {
			localDir(corev1.VolumeSource{HostPath: hostPath}, func(m *corev1.VolumeMount) { m.SubPathExpr = "$(POD)" }),
			map[string]string{
				"hostPath.spark-local-dir-x.options.path":      "/disk",
				"hostPath.spark-local-dir-x.options.type":      "Directory",
				"hostPath.spark-local-dir-x.mount.subPathExpr": "$(POD)",
			},
		},
		"nfs": {
			localDir(corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "s", Path: "/p", ReadOnly: true}},
				func(m *corev1.VolumeMount) { m.SubPath, m.ReadOnly = "sub", true }),
			map[string]string{
				"nfs.spark-local-dir-x.options.server":   "s",
				"nfs.spark-local-dir-x.options.path":     "/p",
				"nfs.spark-local-dir-x.options.readOnly": "true",
				"nfs.spark-local-dir-x.mount.subPath":    "sub",
				"nfs.spark-local-dir-x.mount.readOnly":   "true",
			},
		},
		"claim": {
			localDir(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}),
			map[string]string{
				"persistentVolumeClaim.spark-local-dir-x.options.claimName": "c",
				"persistentVolumeClaim.spark-local-dir-x.options.readOnly":  absent,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := build(t, test.edit)
			want := map[string]string{}
			for key, value := range test.want {
				want["spark.kubernetes.driver.volumes."+key] = value
				want["spark.kubernetes.executor.volumes."+key] = value
			}
			expectProperties(t, run, want)
			expectWarnings(t, run)
			if n := len(run.ExecutorTemplate.Spec.Volumes); n > 0 {
				t.Errorf("%d volumes in the template as well", n)
			}
			expectLocalDirs(t, run, "/scratch")
		})
	}
}

// expectLocalDirs looks at what Spark makes of it in the driver.
func expectLocalDirs(t *testing.T, run *translate.Run, want string) {
	t.Helper()
	containers := run.Driver.Spec.Containers
	for _, variable := range containers[len(containers)-1].Env {
		if variable.Name == "SPARK_LOCAL_DIRS" {
			same(t, "SPARK_LOCAL_DIRS", variable.Value, want)
			return
		}
	}
	t.Error("no SPARK_LOCAL_DIRS")
}

// What Spark's configuration cannot express goes into the templates, where Spark
// knows scratch space by its name.
func TestLocalDirTemplates(t *testing.T) {
	ephemeral := corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}
	propagated := func(m *corev1.VolumeMount) { m.MountPropagation = ptr.To(corev1.MountPropagationHostToContainer) }
	hostPath := corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/d", Type: ptr.To(corev1.HostPathDirectory)}}
	version := func(version string, edit func(*v1beta2.SparkApplication)) func(*v1beta2.SparkApplication) {
		return func(app *v1beta2.SparkApplication) {
			app.Spec.SparkVersion = version
			edit(app)
		}
	}
	for name, edit := range map[string]func(*v1beta2.SparkApplication){
		"ephemeral":                   localDir(ephemeral),
		"propagation":                 localDir(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, propagated),
		"type of hostPath before 4.0": version("3.5.9", localDir(hostPath)),
		"expression in a path before 4.0": version("3.5.9", localDir(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
			func(m *corev1.VolumeMount) { m.SubPathExpr = "$(POD)" })),
	} {
		t.Run(name, func(t *testing.T) {
			app := application(edit)
			app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
				{Name: "side", Image: "s"}, {Name: "spark-kubernetes-driver"},
			}}}
			before := app.DeepCopy()
			run, err := translate.Build(app, params())
			if err != nil {
				t.Fatal(err)
			}
			same(t, "application", app, before)
			expectLocalDirs(t, run, "/scratch")
			executor := run.ExecutorTemplate.Spec
			same(t, "volumes of executors", executor.Volumes, app.Spec.Volumes)
			same(t, "mounts of executors", executor.Containers[0].VolumeMounts, app.Spec.Executor.VolumeMounts)
			same(t, "volumes of the driver", run.Driver.Spec.Volumes[:1], app.Spec.Volumes)
			same(t, "mounts of the driver", run.Driver.Spec.Containers[1].VolumeMounts[:1], app.Spec.Driver.VolumeMounts)
			for key := range run.Properties {
				if strings.HasPrefix(key, "spark.kubernetes.executor.volumes.") {
					t.Errorf("property %s as well", key)
				}
			}
		})
	}
}

// A sidecar may look into the scratch space of Spark, which brings the volume.
func TestLocalDirOfSidecar(t *testing.T) {
	claim := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "OnDemand"}}
	run := build(t, func(app *v1beta2.SparkApplication) {
		localDir(claim)(app)
		app.Spec.SparkConf = map[string]string{}
		for _, role := range []string{"driver", "executor"} {
			prefix := "spark.kubernetes." + role + ".volumes.persistentVolumeClaim.spark-local-dir-x.options."
			app.Spec.SparkConf[prefix+"storageClass"], app.Spec.SparkConf[prefix+"sizeLimit"] = "fast", "1Gi"
		}
		sidecar := corev1.Container{Name: "s", Image: "s", VolumeMounts: app.Spec.Driver.VolumeMounts}
		app.Spec.Driver.Sidecars, app.Spec.Executor.Sidecars = []corev1.Container{sidecar}, []corev1.Container{sidecar}
	})
	names := 0
	for _, volume := range run.Driver.Spec.Volumes {
		if volume.Name == "spark-local-dir-x" {
			names++
		}
	}
	if names != 1 || len(run.ExecutorTemplate.Spec.Volumes) != 0 {
		t.Errorf("the driver has %d volumes of the name, the template %v", names, run.ExecutorTemplate.Spec.Volumes)
	}
	run = build(t, func(app *v1beta2.SparkApplication) {
		localDir(claim)(app)
		app.Spec.Executor.Sidecars = []corev1.Container{{Name: "s", Image: "s", VolumeMounts: app.Spec.Executor.VolumeMounts}}
		app.Spec.Executor.VolumeMounts = nil
	})
	if n := len(run.ExecutorTemplate.Spec.Volumes); n != 1 {
		t.Errorf("%d volumes for the sidecar alone", n)
	}
}

func TestLocalDirRefused(t *testing.T) {
	refused(t, localDir(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}),
		"spec.driver.volumeMounts[0].name", "spec.executor.volumeMounts[0].name", "unsupported volume type", "ephemeral")
	refused(t, func(app *v1beta2.SparkApplication) {
		localDir(corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}})(app)
		template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Volumes:    []corev1.Volume{{Name: "spark-local-dir-x"}},
			Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{{Name: "other", MountPath: "/scratch"}}}},
		}}
		app.Spec.Driver.Template, app.Spec.Executor.Template = template, template
	}, `spec.driver.volumeMounts: Duplicate value: "spark-local-dir-x": spec.driver.template has another`,
		`spec.executor.volumeMounts: Invalid value: "/scratch": must be unique`)
	refused(t, func(app *v1beta2.SparkApplication) {
		app.Spec.Executor.VolumeMounts = []corev1.VolumeMount{{Name: "spark-local-dir-9", MountPath: "/x"}}
	}, "spec.executor.volumeMounts[0].name", "volume spark-local-dir-9 not found", "spec.volumes")
}
