// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// maxMergedConfig is how large a merged ConfigMap may become: well below the
// 1 MiB that the API server takes.
const maxMergedConfig = 768 << 10

// mergeConfigMaps puts the executors' pod template, for which Spark makes a
// ConfigMap of its own (PodTemplateConfigMapStep), into the one with
// spark.properties. Every application has a template here, so a ConfigMap of its
// own would cost a creation and a deletion more for each run. Keys, mount paths and
// properties stay as Spark makes them: both volumes name the keys that they show.
func mergeConfigMaps(objects *submit.Objects) {
	last := len(objects.ConfigMaps) - 1
	if last < 1 {
		return
	}
	conf := objects.ConfigMaps[last]
	for i, separate := range objects.ConfigMaps[:last] {
		text, ok := separate.Data[submit.ExecutorTemplateKey]
		if _, taken := conf.Data[submit.ExecutorTemplateKey]; !ok || taken || size(conf)+len(text) > maxMergedConfig {
			continue
		}
		conf.Data[submit.ExecutorTemplateKey] = text
		volumes := objects.Driver.Spec.Volumes
		for v := range volumes {
			if source := volumes[v].ConfigMap; source != nil && source.Name == separate.Name {
				volumes[v].ConfigMap = source.DeepCopy()
				volumes[v].ConfigMap.Name = conf.Name
			}
		}
		objects.ConfigMaps = slices.Delete(objects.ConfigMaps, i, i+1)
		return
	}
}

// size is about how large a ConfigMap is, in bytes.
func size(configMap *corev1.ConfigMap) int {
	total := 0
	for key, value := range configMap.Data {
		total += len(key) + len(value)
	}
	for key, value := range configMap.BinaryData {
		total += len(key) + len(value)
	}
	return total
}
