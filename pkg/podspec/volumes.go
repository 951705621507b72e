// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// LocalDirPrefix begins the names of volumes that serve as Spark's scratch space
// (LocalDirsFeatureStep). They become Spark properties; this package ignores
// them.
const LocalDirPrefix = "spark-local-dir-"

// editVolumes adds the role's volumeMounts to the Spark container, and to the
// pod the volumes of the application that these, the sidecars and the init
// containers mount.
func (e *edit) editVolumes() {
	for i, mount := range e.VolumeMounts {
		if strings.HasPrefix(mount.Name, LocalDirPrefix) {
			continue
		}
		place := e.path("volumeMounts").Index(i)
		if !e.useVolume(mount.Name, place) {
			e.warn(place.String() + ": the mount at " + mount.MountPath + " has no effect: spec.volumes has no volume " +
				strconv.Quote(mount.Name))
			continue
		}
		e.addMount(mount, place)
	}
	for _, list := range []struct {
		name       string
		containers []corev1.Container
	}{{"sidecars", e.Sidecars}, {"initContainers", e.InitContainers}} {
		for i := range list.containers {
			for j, mount := range list.containers[i].VolumeMounts {
				if e.sparkAdds(mount.Name) {
					continue
				}
				// The API server refuses a volume that does not exist anywhere.
				e.useVolume(mount.Name, e.path(list.name).Index(i).Child("volumeMounts").Index(j))
			}
		}
	}
}

// editTemplateVolumes adds the volumes of the application that containers of the
// template mount and that the template itself lacks. A volume of the template is
// nearer to its containers than one of the application.
func (e *edit) editTemplateVolumes() {
	if len(e.Volumes) == 0 {
		return
	}
	for _, containers := range [][]corev1.Container{e.pod.InitContainers, e.pod.Containers} {
		for i := range containers {
			for _, mount := range containers[i].VolumeMounts {
				if _, there := e.podVolumes()[mount.Name]; there || e.sparkAdds(mount.Name) {
					continue
				}
				if v, given := e.givenVolumes()[mount.Name]; given {
					e.addVolume(e.Volumes[v], nil)
				}
			}
		}
	}
}

// sparkAdds reports whether Spark itself adds the volume, because the role mounts
// it as scratch space.
func (e *edit) sparkAdds(volume string) bool {
	if !strings.HasPrefix(volume, LocalDirPrefix) {
		return false
	}
	if e.localDirs == nil {
		e.localDirs = make(map[string]bool)
		for _, mount := range e.VolumeMounts {
			e.localDirs[mount.Name] = true
		}
	}
	return e.localDirs[volume]
}

// podVolumes is the index of the pod's volumes, givenVolumes that of the
// application's.
func (e *edit) podVolumes() index[string] {
	return e.volumes.of(len(e.pod.Volumes), func(i int) string { return e.pod.Volumes[i].Name })
}

func (e *edit) givenVolumes() index[string] {
	return e.volumeFields.of(len(e.Volumes), func(i int) string { return e.Volumes[i].Name })
}

// useVolume makes sure that the pod has the volume and reports whether it has.
// A volume of the application wins over one that is already there only if they
// are equal.
func (e *edit) useVolume(name string, place *field.Path) bool {
	if i, given := e.givenVolumes()[name]; given {
		e.addVolume(e.Volumes[i], place)
		return true
	}
	_, there := e.podVolumes()[name]
	return there
}

func (e *edit) addVolume(volume corev1.Volume, place *field.Path) {
	i, there := e.podVolumes()[volume.Name]
	switch {
	case !there:
		e.volumes[volume.Name] = len(e.pod.Volumes)
		e.pod.Volumes = append(e.pod.Volumes, volume)
	case !equality.Semantic.DeepEqual(e.pod.Volumes[i], volume):
		e.duplicate(place, volume.Name, func() string {
			inTemplate := slices.ContainsFunc(e.template().Volumes, func(v corev1.Volume) bool { return v.Name == volume.Name })
			return "the pod has another volume of this name from " + e.other(inTemplate) + "; rename one of them"
		})
	}
}

func (e *edit) addMount(mount corev1.VolumeMount, place *field.Path) {
	container := e.container()
	byPath := e.mounts.of(len(container.VolumeMounts), func(i int) string { return container.VolumeMounts[i].MountPath })
	i, there := byPath[mount.MountPath]
	switch {
	case !there:
		byPath[mount.MountPath] = len(container.VolumeMounts)
		container.VolumeMounts = append(container.VolumeMounts, mount)
	case !equality.Semantic.DeepEqual(container.VolumeMounts[i], mount):
		e.faults.AddFunc(func() *field.Error {
			inTemplate := slices.ContainsFunc(e.templateContainer().VolumeMounts, func(m corev1.VolumeMount) bool {
				return m.MountPath == mount.MountPath
			})
			return field.Invalid(place, mount.MountPath, "must be unique: volume "+
				strconv.Quote(container.VolumeMounts[i].Name)+" is mounted at this path by "+e.other(inTemplate)+
				" or another field of spec."+string(e.Role)+"; choose another path")
		})
	}
}
