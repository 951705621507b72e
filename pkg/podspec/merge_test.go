// SPDX-License-Identifier: Apache-2.0

package podspec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// applyToTemplate puts the fields into the pod of the role's own template.
func applyToTemplate(t *testing.T, app *v1beta2.SparkApplication, role podspec.Role) (*corev1.PodSpec, []string) {
	t.Helper()
	pod := podFields(app, role).Template.Spec.DeepCopy()
	fields := podspec.FieldsOf(app, role)
	_, list := fields.Apply(pod, podspec.SparkContainer(pod, role, ""))
	errs := make([]string, 0, len(list))
	for _, err := range list {
		errs = append(errs, err.Error())
	}
	return pod, errs
}

// A container of spec with the name of one that the pod has is either the same or
// a fault that names both places.
func TestContainersOfOneName(t *testing.T) {
	same, other := corev1.Container{Name: "x", Image: "i", Args: []string{"a"}}, corev1.Container{Name: "x", Image: "i", Args: []string{"b"}}
	for name, test := range map[string]struct {
		template             corev1.PodSpec
		sidecars, inits      []corev1.Container
		field, from, content string // none if the field is empty
	}{
		"sidecar equal to the template's": {
			template: corev1.PodSpec{Containers: []corev1.Container{{Name: "spark"}, same}}, sidecars: []corev1.Container{same},
		},
		"init container equal to the template's": {
			template: corev1.PodSpec{InitContainers: []corev1.Container{same}}, inits: []corev1.Container{same},
		},
		"sidecar with other arguments": {
			template: corev1.PodSpec{Containers: []corev1.Container{{Name: "spark"}, same}}, sidecars: []corev1.Container{other},
			field: "sidecars[0].name", from: "template.spec.containers[1]", content: "other content",
		},
		"init container with other arguments": {
			template: corev1.PodSpec{InitContainers: []corev1.Container{{Name: "y", Image: "i"}, same}}, inits: []corev1.Container{other},
			field: "initContainers[0].name", from: "template.spec.initContainers[1]", content: "other content",
		},
		"sidecar with the name of an init container of the template": {
			template: corev1.PodSpec{InitContainers: []corev1.Container{same}}, sidecars: []corev1.Container{other},
			field: "sidecars[0].name", from: "template.spec.initContainers[0]", content: "other content",
		},
		"two sidecars": {
			sidecars: []corev1.Container{same, other},
			field:    "sidecars[1].name", from: "sidecars[0]", content: "other content",
		},
		"sidecar and init container": {
			inits: []corev1.Container{same}, sidecars: []corev1.Container{{Name: "x", Image: "j"}},
			field: "sidecars[0].name", from: "initContainers[0]", content: `image "i"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			roles(t, func(t *testing.T, role podspec.Role) {
				app := &v1beta2.SparkApplication{}
				fields := podFields(app, role)
				template := *test.template.DeepCopy()
				if len(template.Containers) == 0 {
					template.Containers = []corev1.Container{{Name: "spark"}}
				}
				fields.Template = &corev1.PodTemplateSpec{Spec: template}
				fields.Sidecars, fields.InitContainers = test.sidecars, test.inits
				_, errs := applyToTemplate(t, app, role)
				if test.field == "" {
					none(t, errs)
					return
				}
				prefix := "spec." + string(role) + "."
				one(t, "error", errs, prefix+test.field, test.content+" from "+prefix+test.from, "rename")
			})
		})
	}
}

// What any container of a template mounts is found in spec.volumes.
func TestVolumesOfTemplateContainers(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		app.Spec.Volumes = []corev1.Volume{
			volume("spark", "1Gi"), volume("side", "1Gi"), volume("init", "1Gi"), volume("own", "1Gi"), volume("unused", "1Gi"),
			volume("spark-local-dir-1", "1Gi"), volume("spark-local-dir-2", "1Gi"),
		}
		mounts := func(names ...string) (mounts []corev1.VolumeMount) {
			for _, name := range names {
				mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: "/" + name})
			}
			return mounts
		}
		fields := podFields(app, role)
		fields.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Volumes:        []corev1.Volume{volume("own", "2Gi")},
			InitContainers: []corev1.Container{{Name: "i", VolumeMounts: mounts("init", "own")}},
			Containers: []corev1.Container{
				{Name: "s", VolumeMounts: mounts("side", "spark", "nowhere", "spark-local-dir-1", "spark-local-dir-2")},
				{Name: role.ContainerName(), VolumeMounts: mounts("spark")},
			},
		}}
		fields.VolumeMounts = mounts("spark-local-dir-1") // Spark adds it
		pod, errs := applyToTemplate(t, app, role)
		none(t, errs)
		names := make([]string, 0, len(pod.Volumes))
		for i := range pod.Volumes {
			names = append(names, pod.Volumes[i].Name)
		}
		same(t, "volumes", names, []string{"own", "init", "side", "spark", "spark-local-dir-2"})
		same(t, "the template's own volume", pod.Volumes[0], volume("own", "2Gi"))
	})
}

// MergeEnv does for a whole list what setting one variable after the other does.
func TestMergeEnv(t *testing.T) {
	one := func(env []corev1.EnvVar, variable corev1.EnvVar) []corev1.EnvVar {
		first := -1
		var rest []corev1.EnvVar
		for _, have := range env {
			if have.Name != variable.Name {
				rest = append(rest, have)
			} else if first < 0 {
				first = len(rest)
			}
		}
		if first < 0 || strings.Contains(variable.Value, "$(") {
			return append(rest, variable)
		}
		return slices.Insert(rest, first, variable)
	}
	state := uint32(1)
	draw := func(n int) []corev1.EnvVar {
		env := make([]corev1.EnvVar, 0, n)
		for range n {
			state = state*1664525 + 1013904223
			value := fmt.Sprint(state >> 20)
			if state>>16&3 == 0 {
				value = "$(A)" + value
			}
			env = append(env, corev1.EnvVar{Name: string('A' + rune(state>>24%5)), Value: value})
		}
		return env
	}
	for range 500 {
		env, more := draw(5), draw(6)
		want := slices.Clone(env)
		for _, variable := range more {
			want = one(want, variable)
		}
		before := slices.Clone(env)
		same(t, "variables", podspec.MergeEnv(env, more), want)
		same(t, "given list", env, before)
	}
}

// However many faults there are, a bounded number is described and all are counted.
func TestFaultsAreBounded(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		long := strings.Repeat("x", 100_000)
		for range 500 {
			podFields(app, role).Sidecars = append(podFields(app, role).Sidecars, corev1.Container{Name: role.ContainerName(), Image: long})
		}
		podFields(app, role).Sidecars[1].Name = long
		podFields(app, role).Sidecars[2].Name = long
		podFields(app, role).Sidecars[2].Image = "i"
		_, _, errs := apply(t, app, role)
		if len(errs) != podspec.MaxFaults+1 || !strings.Contains(errs[podspec.MaxFaults], "and 479 more faults") {
			t.Fatalf("%d errors, the last %.200q", len(errs), errs[len(errs)-1])
		}
		if all := strings.Join(errs, ""); len(all) > 20_000 || !strings.Contains(all, "more bytes") {
			t.Errorf("%d bytes of errors", len(all))
		}
	})
}
