// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// ContainerName is the name that Spark gives to the role's Spark container unless
// the template names it.
func (r Role) ContainerName() string {
	if r == Driver {
		return v1beta2.DriverContainerName
	}
	return v1beta2.ExecutorContainerName
}

// ContainerNameKey is the property that selects the role's Spark container in the
// pod template.
func (r Role) ContainerNameKey() string {
	if r == Driver {
		return sparkconf.DriverPodTemplateContainerName
	}
	return sparkconf.ExecutorPodTemplateContainerName
}

// SparkContainer returns the index of the container of a pod template that becomes
// the Spark container; -1 if the template has no container. With a name, the value
// of [Role.ContainerNameKey], it is the only container of this name, else the first
// (KubernetesUtils.selectSparkContainer). Without a name it is the container with
// the role's name, else the first.
func SparkContainer(pod *corev1.PodSpec, role Role, name string) int {
	switch {
	case len(pod.Containers) == 0:
		return -1
	case name != "":
		named := func(c corev1.Container) bool { return c.Name == name }
		i := slices.IndexFunc(pod.Containers, named)
		if i < 0 || slices.ContainsFunc(pod.Containers[i+1:], named) {
			return 0 // a name that occurs twice counts as not found
		}
		return i
	}
	return max(0, slices.IndexFunc(pod.Containers, func(c corev1.Container) bool {
		return c.Name == role.ContainerName() || role == Executor && c.Name == v1beta2.ExecutorContainerNameAlternative
	}))
}

// BuiltContainer returns the name of the container in which Spark runs in a pod
// that was created, by this operator or by Spark: the one with the argument and
// the variable that all versions of Spark give to the role. Its name is of no help:
// a template may give any name to it, and its usual name to another container. The
// result is empty if no container has both, as in a pod that something else created.
func BuiltContainer(pod *corev1.PodSpec, role Role) string {
	variable := "SPARK_EXECUTOR_ID"
	if role == Driver {
		variable = "SPARK_DRIVER_BIND_ADDRESS"
	}
	for i := range pod.Containers {
		container := &pod.Containers[i]
		if slices.Contains(container.Args, string(role)) &&
			slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool { return e.Name == variable }) {
			return container.Name
		}
	}
	return ""
}
