// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// What was beside the applications when they were recorded.
var (
	serviceAccounts = []string{"", "default", "spark-operator-spark", "exec-sa"}
	priorityClasses = []string{"", "diff-high", "diff-low", "system-cluster-critical", "system-node-critical"}
)

var anyPlaceholder = regexp.MustCompile(`<[a-z-]+>`)

// refusePod returns the API server's message for a pod that it does not accept,
// otherwise "". It knows those rules that a recorded pod breaks.
func refusePod(pod *corev1.Pod, existing []map[string]any) string {
	for _, object := range existing {
		if object["kind"] == "Pod" && nameOf(object) == pod.Name {
			return "driver pod already exist: " + pod.Name
		}
	}
	spec := &pod.Spec
	switch {
	case !slices.Contains(serviceAccounts, spec.ServiceAccountName):
		return fmt.Sprintf("pods %q is forbidden: error looking up service account %s/%s: serviceaccount %q not found",
			pod.Name, pod.Namespace, spec.ServiceAccountName, spec.ServiceAccountName)
	case !slices.Contains(priorityClasses, spec.PriorityClassName):
		return fmt.Sprintf("pods %q is forbidden: no PriorityClass with name %s was found", pod.Name, spec.PriorityClassName)
	case spec.RuntimeClassName != nil:
		return fmt.Sprintf("pods %q is forbidden: pod rejected: RuntimeClass %q not found", pod.Name, *spec.RuntimeClassName)
	}
	var messages []string
	for _, value := range slices.Sorted(maps.Values(pod.Labels)) {
		if reasons := validation.IsValidLabelValue(anyPlaceholder.ReplaceAllString(value, "id")); len(reasons) > 0 {
			messages = append(messages, fmt.Sprintf("metadata.labels: Invalid value: %q: %s", value, strings.Join(reasons, ", ")))
		}
	}
	messages = append(messages, refuseVolumes(spec)...)
	names := map[string]bool{}
	for i := range spec.InitContainers {
		names[spec.InitContainers[i].Name] = true
	}
	for i := range spec.Containers {
		path := fmt.Sprintf("spec.containers[%d]", i)
		messages = append(messages, duplicate(names, path+".name", spec.Containers[i].Name)...)
		messages = append(messages, refuseContainer(path, spec, &spec.Containers[i])...)
	}
	switch len(messages) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("Pod %q is invalid: %s", pod.Name, messages[0])
	default:
		return fmt.Sprintf("Pod %q is invalid: [%s]", pod.Name, strings.Join(messages, ", "))
	}
}

func refuseVolumes(spec *corev1.PodSpec) (messages []string) {
	names := map[string]bool{}
	for i, volume := range spec.Volumes {
		path := fmt.Sprintf("spec.volumes[%d].name", i)
		if reasons := validation.IsDNS1123Label(volume.Name); len(reasons) > 0 {
			messages = append(messages, fmt.Sprintf("%s: Invalid value: %q: %s", path, volume.Name, strings.Join(reasons, ", ")))
		}
		messages = append(messages, duplicate(names, path, volume.Name)...)
	}
	return messages
}

func refuseContainer(path string, spec *corev1.PodSpec, container *corev1.Container) (messages []string) {
	ports, mounts := map[string]bool{}, map[string]bool{}
	for i, port := range container.Ports {
		messages = append(messages, duplicate(ports, fmt.Sprintf("%s.ports[%d].name", path, i), port.Name)...)
	}
	for i, mount := range container.VolumeMounts {
		if mounts[mount.MountPath] {
			messages = append(messages, fmt.Sprintf("%s.volumeMounts[%d].mountPath: Invalid value: %q: must be unique", path, i, mount.MountPath))
		}
		mounts[mount.MountPath] = true
		if !slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }) {
			messages = append(messages, fmt.Sprintf("%s.volumeMounts[%d].name: Not found: %q", path, i, mount.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(container.Resources.Limits)) {
		limit, request := container.Resources.Limits[name], container.Resources.Requests[name]
		switch {
		case name != corev1.ResourceCPU && name != corev1.ResourceMemory && strings.Contains(string(name), "/"):
			if !request.IsZero() && request.Cmp(limit) != 0 {
				messages = append(messages, fmt.Sprintf("%s.resources.requests: Invalid value: %q: must be equal to %s limit of %s",
					path, request.String(), name, limit.String()))
			}
		case request.Cmp(limit) > 0:
			messages = append(messages, fmt.Sprintf("%s.resources.requests: Invalid value: %q: must be less than or equal to %s limit of %s",
				path, request.String(), name, limit.String()))
		}
	}
	if hook := container.Lifecycle; hook != nil && hook.PreStop != nil && hook.PreStop.Sleep != nil && spec.TerminationGracePeriodSeconds != nil {
		if seconds, grace := hook.PreStop.Sleep.Seconds, *spec.TerminationGracePeriodSeconds; seconds >= grace {
			messages = append(messages, fmt.Sprintf("%s.lifecycle.preStop.sleep: Invalid value: %d: must be non-negative and less than terminationGracePeriodSeconds (%d)",
				path, seconds, grace))
		}
	}
	return messages
}

// duplicate notes a name and returns a message if it was there already.
func duplicate(names map[string]bool, path, name string) []string {
	if names[name] && name != "" {
		return []string{fmt.Sprintf("%s: Duplicate value: %q", path, name)}
	}
	names[name] = true
	return nil
}
