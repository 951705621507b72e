// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// CompareExecutor compares the first executor as it is admitted: by the recorded
// webhook, or with the template of this project and no webhook. admit returns the
// pod as the API server would store it, or its refusal.
func (c *Case) CompareExecutor(objects []map[string]any, admit func(*corev1.Pod) (map[string]any, error)) ([]Difference, error) {
	var pod *corev1.Pod
	properties := map[string]string{}
	for _, object := range objects {
		var configMap corev1.ConfigMap
		if object["kind"] != "ConfigMap" {
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &configMap); err != nil {
			return nil, err
		}
		if text, ok := configMap.Data[executorTemplate]; ok {
			pod = &corev1.Pod{}
			if err := yaml.Unmarshal([]byte(text), pod); err != nil {
				return nil, fmt.Errorf("executor template: %w", err)
			}
		}
		if text, ok := configMap.Data["spark.properties"]; ok {
			list, err := sparkconf.ParseProperties(text)
			if err != nil {
				return nil, err
			}
			properties = list
		}
	}
	if pod == nil {
		return []Difference{{"executor", "a template", "nothing"}}, nil
	}
	var recorded corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(c.ExecutorMutation.Input, &recorded); err != nil {
		return nil, err
	}
	mergeExecutor(pod, &recorded, variableNames(c.ExecutorMutation.Result), properties)
	got, refusal := admit(pod)
	if refusal != nil || c.ExecutorMutation.Error != "" {
		message := "nothing"
		if refusal != nil {
			message = refusal.Error()
		}
		if c.ExecutorMutation.Error != "" && strings.Contains(message, c.ExecutorMutation.Error) {
			return nil, nil
		}
		return []Difference{{"executor refused", show(c.ExecutorMutation.Error), message}}, nil
	}
	want := runtime.DeepCopyJSON(c.ExecutorMutation.Result)
	normalize(want)
	normalize(got)
	return Diff("executor", want, got), nil
}

// variableNames lists the environment variables of a pod.
func variableNames(pod map[string]any) (names []string) {
	spec, _ := pod["spec"].(map[string]any)
	for _, container := range elements(spec, "containers", nil) {
		for _, variable := range elements(container, "env", nil) {
			names = append(names, fmt.Sprint(variable["name"]))
		}
	}
	return names
}

// mergeExecutor puts over a pod template what Spark does for the first executor,
// as far as the recorded pod has it: BasicExecutorFeatureStep,
// KubernetesExecutorConf and the owner reference of ExecutorPodsAllocator. The
// template loses name, image, arguments, and the amounts of CPU and memory.
//
// The recording has none of the variables of spark.executorEnv. Those that are
// in the admitted pod all the same were set by the webhook; here they may be
// properties.
func mergeExecutor(pod, recorded *corev1.Pod, admitted []string, properties map[string]string) {
	conf := sparkconf.New(properties, nil, sparkconf.Version{})
	pod.Name, pod.Namespace = recorded.Name, recorded.Namespace

	labels := map[string]string{}
	maps.Copy(labels, pod.Labels)
	maps.Copy(labels, conf.Map(sparkconf.ExecutorLabelPrefix))
	for key, value := range recorded.Labels {
		if strings.HasPrefix(key, "spark-") { // Spark's own
			labels[key] = value
		}
	}
	pod.Labels = labels
	annotations := map[string]string{}
	maps.Copy(annotations, pod.Annotations)
	maps.Copy(annotations, conf.Map(sparkconf.ExecutorAnnotationPrefix))
	pod.Annotations = annotations
	for _, owner := range recorded.OwnerReferences {
		if owner.Kind == "Pod" {
			pod.OwnerReferences = append(pod.OwnerReferences, owner)
		}
	}

	container := takeSparkContainer(&pod.Spec, properties[sparkconf.ExecutorPodTemplateContainerName])
	from := recorded.Spec.Containers[slices.IndexFunc(recorded.Spec.Containers, func(c corev1.Container) bool {
		return slices.Equal(c.Args, []string{"executor"})
	})]
	container.Image = cmp.Or(properties[sparkconf.ExecutorContainerImage], properties[sparkconf.ContainerImage])
	container.Args = from.Args
	container.Ports = append(container.Ports, from.Ports[len(from.Ports)-1])
	container.Env = append(container.Env, from.Env[len(from.Env)-1])
	for _, variable := range conf.WithPrefix(sparkconf.ExecutorEnvPrefix) {
		if slices.Contains(admitted, variable.Key) {
			container.Env = append(container.Env, corev1.EnvVar{Name: variable.Key, Value: variable.Value})
		}
	}
	container.Resources.Requests = over(container.Resources.Requests, from.Resources.Requests)
	container.Resources.Limits = over(container.Resources.Limits, from.Resources.Limits)
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
}

// takeSparkContainer returns the container of that name, else the first, else a
// new one (KubernetesUtils.selectSparkContainer).
func takeSparkContainer(spec *corev1.PodSpec, name string) *corev1.Container {
	if len(spec.Containers) == 0 {
		spec.Containers = []corev1.Container{{}}
	}
	index := slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == name })
	container := &spec.Containers[max(index, 0)]
	container.Name = cmp.Or(container.Name, v1beta2.ExecutorContainerName)
	return container
}

// over puts Spark's CPU and memory over those of the template.
func over(template, spark corev1.ResourceList) corev1.ResourceList {
	merged := corev1.ResourceList{}
	maps.Copy(merged, template)
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if quantity, set := spark[name]; set {
			merged[name] = quantity
		}
	}
	return merged
}
