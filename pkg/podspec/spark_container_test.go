// SPDX-License-Identifier: Apache-2.0

package podspec_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// The container that Spark would choose from the template is chosen here.
func TestSparkContainer(t *testing.T) {
	for name, test := range map[string]struct {
		role       podspec.Role
		named      string
		containers []string
		want       int
	}{
		"none":                       {podspec.Driver, "", nil, -1},
		"none to be named":           {podspec.Driver, "main", nil, -1},
		"by name":                    {podspec.Driver, "", []string{"a", "spark-kubernetes-driver"}, 1},
		"else the first":             {podspec.Driver, "", []string{"a", "executor"}, 0},
		"executor":                   {podspec.Executor, "", []string{"a", "spark-kubernetes-executor"}, 1},
		"executor, old name":         {podspec.Executor, "", []string{"a", "executor"}, 1},
		"executor, the first":        {podspec.Executor, "", []string{"a", "spark-kubernetes-driver"}, 0},
		"named":                      {podspec.Driver, "main", []string{"proxy", "main"}, 1},
		"named, not the usual one":   {podspec.Driver, "main", []string{"spark-kubernetes-driver", "main"}, 1},
		"named, executor":            {podspec.Executor, "main", []string{"executor", "proxy", "main"}, 2},
		"named, twice":               {podspec.Driver, "main", []string{"a", "main", "main"}, 0},
		"named, not there":           {podspec.Driver, "main", []string{"a", "spark-kubernetes-driver"}, 0},
		"named, not there, executor": {podspec.Executor, "main", []string{"a", "executor"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.PodSpec{}
			for _, name := range test.containers {
				pod.Containers = append(pod.Containers, corev1.Container{Name: name})
			}
			if got := podspec.SparkContainer(pod, test.role, test.named); got != test.want {
				t.Errorf("index %d, want %d", got, test.want)
			}
		})
	}
}

// In a pod that exists the Spark container is known by what Spark put into it.
func TestBuiltContainer(t *testing.T) {
	container := func(name, arg, variable string) corev1.Container {
		return corev1.Container{Name: name, Args: []string{"--template", arg}, Env: []corev1.EnvVar{{Name: "A"}, {Name: variable}}}
	}
	driver := container("main", "driver", "SPARK_DRIVER_BIND_ADDRESS")
	executor := container("main", "executor", "SPARK_EXECUTOR_ID")
	for name, test := range map[string]struct {
		role       podspec.Role
		containers []corev1.Container
		want       string
	}{
		"driver":                        {podspec.Driver, []corev1.Container{{Name: "proxy"}, driver}, "main"},
		"executor":                      {podspec.Executor, []corev1.Container{{Name: "proxy"}, executor}, "main"},
		"usual name of another":         {podspec.Driver, []corev1.Container{{Name: "spark-kubernetes-driver"}, driver}, "main"},
		"sidecar with the argument":     {podspec.Driver, []corev1.Container{container("proxy", "driver", "B"), driver}, "main"},
		"sidecar with the variable":     {podspec.Executor, []corev1.Container{container("proxy", "serve", "SPARK_EXECUTOR_ID"), executor}, "main"},
		"of neither":                    {podspec.Driver, []corev1.Container{{Name: "spark-kubernetes-driver"}}, ""},
		"executor's in a driver's role": {podspec.Driver, []corev1.Container{executor}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := podspec.BuiltContainer(&corev1.PodSpec{Containers: test.containers}, test.role); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
