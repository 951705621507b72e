// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Where the ConfigMaps of the application are mounted. Volume names and paths
// are those of kubeflow/spark-operator.
const (
	// SparkConfDir is the mount path of spec.sparkConfigMap and the value of
	// SPARK_CONF_DIR where one is given.
	SparkConfDir = "/etc/spark/conf"
	// HadoopConfDir is the mount path of spec.hadoopConfigMap and the value of
	// HADOOP_CONF_DIR where one is given.
	HadoopConfDir = "/etc/hadoop/conf"

	// EnvSparkConfDir and EnvHadoopConfDir name the directories to Spark.
	EnvSparkConfDir  = "SPARK_CONF_DIR"
	EnvHadoopConfDir = "HADOOP_CONF_DIR"

	sparkConfigMapVolume  = "spark-configmap-volume"
	hadoopConfigMapVolume = "hadoop-configmap-volume"
)

// editConfigMaps mounts hadoopConfigMap, sparkConfigMap and the role's
// configMaps. Variables lead Spark to the first two; see [Fields.EffectiveEnv].
func (e *edit) editConfigMaps() {
	e.editConfDir("hadoopConfigMap", e.HadoopConfigMap, hadoopConfigMapVolume, HadoopConfDir)
	e.editConfDir("sparkConfigMap", e.SparkConfigMap, sparkConfigMapVolume, SparkConfDir)
	for i, configMap := range e.ConfigMaps {
		volume := configMapVolume(ConfigMapVolumeName(configMap.Name), configMap.Name)
		place := e.path("configMaps").Index(i)
		e.addVolume(volume, place)
		e.addMount(corev1.VolumeMount{Name: volume.Name, MountPath: configMap.Path, ReadOnly: true}, place)
	}
}

func (e *edit) editConfDir(name, configMap, volume, dir string) {
	if configMap == "" {
		return
	}
	place := field.NewPath("spec", name)
	e.addVolume(configMapVolume(volume, configMap), place)
	e.addMount(corev1.VolumeMount{Name: volume, MountPath: dir, ReadOnly: true}, place)
}

func configMapVolume(volume, configMap string) corev1.Volume {
	return corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: configMap}},
	}}
}

// ConfigMapVolumeName is the name of the volume for a ConfigMap of the role:
// <name>-vol, or, where that is no name for a volume because it is too long or
// has dots, what fits of it and a hash of the ConfigMap's name.
func ConfigMapVolumeName(configMap string) string {
	const suffix = "-vol"
	if name := configMap + suffix; len(name) <= validation.DNS1123LabelMaxLength && len(validation.IsDNS1123Label(name)) == 0 {
		return name
	}
	hash := sha256.Sum256([]byte(configMap))
	tail := "-" + hex.EncodeToString(hash[:4]) + suffix
	head := strings.ReplaceAll(configMap, ".", "-")
	head = head[:min(len(head), validation.DNS1123LabelMaxLength-len(tail))]
	return strings.Trim(head, "-") + tail
}
