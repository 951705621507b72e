// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// selectContainer chooses the Spark container of a pod template, adds it if there
// is none, and gives it a name. The property is set to that name, so that Spark and
// this operator agree on the container; the driver also watches its executors by it.
func (c *conf) selectContainer(role podspec.Role, pod *corev1.PodSpec) {
	key, place := role.ContainerNameKey(), "spec."+string(role)+".template"
	asked := c.values[key]
	i := podspec.SparkContainer(pod, role, asked)
	switch {
	case i < 0:
		if asked != "" && asked != role.ContainerName() {
			c.warn("spec.sparkConf: " + key + " has no effect: " + place + " has no containers; define the container " + asked + " there")
		}
		pod.Containers = append(pod.Containers, corev1.Container{})
		i = 0
	case asked != "" && pod.Containers[i].Name != asked, asked != "" && sameName(pod.Containers, asked) > 1:
		c.warn("spec.sparkConf: " + key + ": " + place + " does not have exactly one container called " + asked +
			", so the first one is the Spark container; name one of " + containerNames(pod))
	case asked == "" && len(pod.Containers) > 1 && pod.Containers[i].Name != "" && !isUsualName(role, pod.Containers[i].Name):
		c.warn(place + ": no container is called " + role.ContainerName() + ", so the first one, " + pod.Containers[0].Name +
			", is the Spark container; rename the Spark container, or name it in spec.sparkConf as " + key)
	}
	if pod.Containers[i].Name == "" {
		pod.Containers[i].Name = role.ContainerName()
	}
	c.set(key, pod.Containers[i].Name)
}

// sparkContainer returns the index of the Spark container of a template after
// selectContainer.
func (c *conf) sparkContainer(pod *corev1.PodSpec, role podspec.Role) int {
	return podspec.SparkContainer(pod, role, c.values[role.ContainerNameKey()])
}

func isUsualName(role podspec.Role, name string) bool {
	pod := &corev1.PodSpec{Containers: []corev1.Container{{}, {Name: name}}}
	return podspec.SparkContainer(pod, role, "") == 1
}

func sameName(containers []corev1.Container, name string) (count int) {
	for i := range containers {
		if containers[i].Name == name {
			count++
		}
	}
	return count
}

func containerNames(pod *corev1.PodSpec) string {
	names := make([]string, 0, len(pod.Containers))
	for i := range pod.Containers {
		names = append(names, pod.Containers[i].Name)
	}
	return strings.Join(slices.Compact(names), ", ")
}
