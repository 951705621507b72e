// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	confVolume   = "spark-conf-volume-driver"
	confDirEnv   = "SPARK_CONF_DIR"
	confFileMode = int32(0o644)
)

// PropertiesFile is the key of the properties in the ConfigMap of a driver.
const PropertiesFile = "spark.properties"

// dateComment is java.util.Date.toString in UTC, the second line of a file that
// java.util.Properties writes.
const dateComment = "Mon Jan 02 15:04:05 UTC 2006"

// DriverConfigMapName is the name of the ConfigMap with spark.properties, from which
// the driver pod of a submission mounts its volume spark-conf-volume-driver.
func DriverConfigMapName(ids IDs) string { return "spark-drv-" + ids.ConfigMap + "-conf-map" }

// addDriverConfigMap adds the ConfigMap with spark.properties and the files of
// the submitter's configuration directory, and mounts it (Client.run).
func (s *driverSpec) addDriverConfigMap(conf *driverConf) error {
	name := DriverConfigMapName(conf.in.IDs)
	data, err := s.confDirFiles(conf)
	if err != nil {
		return err
	}
	s.objects.Properties = s.mergeProperties(conf)
	data[PropertiesFile] = propertiesText(name, conf.in.SubmitTime, s.objects.Properties)

	files := slices.Sorted(maps.Keys(data))
	mode := confFileMode
	items := make([]corev1.KeyToPath, len(files))
	for i, file := range files {
		items[i] = corev1.KeyToPath{Key: file, Path: file, Mode: &mode}
	}
	s.addVolume(
		corev1.Volume{Name: confVolume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: name},
				Items:                items,
			},
		}},
		corev1.VolumeMount{MountPath: confDirInPod},
	)
	s.addEnv(confDirEnv, confDirInPod)
	// The namespace is an entry of its own, which is not mounted.
	data[sparkconf.KubernetesNamespace] = conf.namespace
	s.addConfigMap(conf, name, data)
	return nil
}

// propertiesText renders the properties sorted by key, as newer Java does.
func propertiesText(configMap string, date time.Time, properties map[string]string) string {
	sorted := make([]sparkconf.Property, 0, len(properties))
	size := 128 + len(configMap)
	for key, value := range properties {
		sorted = append(sorted, sparkconf.Property{Key: key, Value: value})
		size += len(key) + len(value) + 8 // a few escapes
	}
	slices.SortFunc(sorted, func(a, b sparkconf.Property) int { return strings.Compare(a.Key, b.Key) })
	text := make([]byte, 0, size)
	text = sparkconf.AppendComment(text, "Java properties built from Kubernetes config map with name: "+configMap)
	text = sparkconf.AppendComment(text, date.UTC().Format(dateComment))
	return string(sparkconf.AppendProperties(text, sorted))
}

// maxConfigMapSize is the upper bound of spark.kubernetes.configMap.maxSize, the
// default limit of etcd with room to spare.
const maxConfigMapSize = 1048576

// confDirFiles returns the files that go into the ConfigMap. Their number is
// bounded by spark.kubernetes.configMap.maxSize; the smallest are preferred.
func (s *driverSpec) confDirFiles(conf *driverConf) (map[string]string, error) {
	maxSize, _, err := conf.Long(sparkconf.ConfigMapMaxSize)
	if err != nil {
		return nil, err
	}
	if conf.switches.boundedConfigMapSize && maxSize > maxConfigMapSize {
		return nil, conf.Requirement(sparkconf.ConfigMapMaxSize, strconv.FormatInt(maxSize, 10),
			"Must have at most 1048576 bytes")
	}
	selected := map[string]string{}
	if dir, set := s.confDir(conf); set {
		s.selectConfFiles(dir, conf.in.filesIn(dir), maxSize, selected)
	}
	return selected, nil
}

func (s *driverSpec) confDir(conf *driverConf) (string, bool) {
	if dir, set := conf.in.Env[confDirEnv]; set {
		return dir, true
	}
	home, set := conf.Raw(sparkconf.Home)
	return home + "/conf", set
}
