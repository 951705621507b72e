// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// The port that the driver adds to its executors (BLOCK_MANAGER_PORT_NAME,
// DEFAULT_BLOCKMANAGER_PORT).
const (
	blockManagerPort        = "blockmanager"
	defaultBlockManagerPort = 7079
)

// addition is what the driver will add to the template of its executors.
type addition struct {
	volume, path string
	from         string // Spark or a property, for messages
}

// executorConflicts compares the template with what the driver will add to it.
// Found only by the API server, at the first executor, a conflict would leave
// the application running without any.
func (b *builder) executorConflicts(template *corev1.PodTemplateSpec, properties map[string]string, driver *corev1.Pod) {
	pod := &template.Spec
	container := &pod.Containers[b.sparkContainer(pod, podspec.Executor)]
	const place = "spec.executor"
	conflict := func(what, name, from string) {
		err := field.Duplicate(field.NewPath(place), name)
		err.Detail = "the executors' template (" + place + " and its template) has a " + what + " of this name or path, and " + from +
			" adds another; rename one of them"
		b.fail(err)
	}
	volumes, paths := volumesByName(pod.Volumes), make(map[string]bool, len(container.VolumeMounts))
	for i := range container.VolumeMounts {
		paths[container.VolumeMounts[i].MountPath] = true
	}
	additions := executorAdditions(container, properties, localDirsOf(driver))
	added := make(map[string]bool, len(additions))
	for _, add := range additions {
		added[add.volume] = true
		if volumes[add.volume] != nil {
			conflict("volume", add.volume, add.from)
		}
		if paths[add.path] {
			conflict("volume mount", add.path, add.from)
		}
	}
	if slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == blockManagerPort }) {
		conflict("port", blockManagerPort, "Spark")
	}
	if properties[sparkconf.ExecutorPodFeatureSteps] == "" { // they could add anything
		b.missingVolumes(pod, func(volume string) bool { return volumes[volume] != nil || added[volume] })
	}
}

// missingVolumes reports mounts, in whichever container, of volumes that neither
// the template nor Spark has.
func (b *builder) missingVolumes(pod *corev1.PodSpec, exists func(volume string) bool) {
	for _, list := range [][]corev1.Container{pod.InitContainers, pod.Containers} {
		for i := range list {
			for _, mount := range list[i].VolumeMounts {
				if exists(mount.Name) {
					continue
				}
				b.faults.AddFunc(func() *field.Error {
					err := field.NotFound(field.NewPath("spec", "executor"), mount.Name)
					err.Detail = "container " + strconv.Quote(list[i].Name) + " of the executors mounts this volume at " + mount.MountPath +
						"; define it in spec.volumes or in the template"
					return err
				})
			}
		}
	}
}

// executorAdditions lists the volumes that the driver will mount in executors.
// dirs are its own scratch directories, which it passes on to executors that have
// no volumes for it.
func executorAdditions(container *corev1.Container, properties map[string]string, dirs string) []addition {
	const spark = "Spark"
	adds := make([]addition, 0, 4)
	if !strings.EqualFold(properties["spark.kubernetes.executor.disableConfigMap"], "true") {
		adds = append(adds, addition{"spark-conf-volume-exec", "/opt/spark/conf", spark})
	}
	if properties[sparkconf.ExecutorHadoopConfigMapName] != "" {
		adds = append(adds, addition{"hadoop-properties", "/opt/hadoop/conf", sparkconf.HadoopConfigMapName})
	}
	localDirs := slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool {
		return strings.HasPrefix(m.Name, podspec.LocalDirPrefix)
	})
	for key, value := range properties {
		if secret, ok := strings.CutPrefix(key, sparkconf.ExecutorSecretsPrefix); ok {
			adds = append(adds, addition{secret + "-volume", value, key})
		}
		if rest, ok := strings.CutPrefix(key, sparkconf.ExecutorVolumesPrefix); ok {
			parts := strings.SplitN(rest, ".", 3)
			if len(parts) == 3 && parts[2] == "mount.path" {
				adds = append(adds, addition{parts[1], value, key})
				localDirs = localDirs || strings.HasPrefix(parts[1], podspec.LocalDirPrefix)
			}
		}
	}
	if !localDirs {
		for i, dir := range strings.Split(dirs, ",") {
			adds = append(adds, addition{podspec.LocalDirPrefix + strconv.Itoa(i+1), dir, "Spark's scratch space"})
		}
	}
	slices.SortFunc(adds, func(a, b addition) int { return strings.Compare(a.volume, b.volume) })
	return adds
}

func localDirsOf(driver *corev1.Pod) string {
	for _, container := range driver.Spec.Containers {
		for _, variable := range container.Env {
			if variable.Name == "SPARK_LOCAL_DIRS" {
				return variable.Value
			}
		}
	}
	return ""
}
