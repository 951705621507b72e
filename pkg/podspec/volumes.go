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
// (LocalDirsFeatureStep). They become Spark properties and are none of the
// business of this package.
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
				if strings.HasPrefix(mount.Name, LocalDirPrefix) && e.mounts(mount.Name) {
					continue // Spark adds it
				}
				// A volume that is nowhere is left to the API server to refuse.
				e.useVolume(mount.Name, e.path(list.name).Index(i).Child("volumeMounts").Index(j))
			}
		}
	}
}

// mounts reports whether the Spark container mounts the volume by volumeMounts.
func (e *edit) mounts(volume string) bool {
	return slices.ContainsFunc(e.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
}

// useVolume makes sure that the pod has the volume and reports whether it has.
// A volume of the application wins over one that is already there only if they
// are equal.
func (e *edit) useVolume(name string, place *field.Path) bool {
	if i := slices.IndexFunc(e.Volumes, func(v corev1.Volume) bool { return v.Name == name }); i >= 0 {
		e.addVolume(e.Volumes[i], place)
		return true
	}
	return volumeIndex(e.pod.Volumes, name) >= 0
}

func (e *edit) addVolume(volume corev1.Volume, place *field.Path) {
	i := volumeIndex(e.pod.Volumes, volume.Name)
	switch {
	case i < 0:
		e.pod.Volumes = append(e.pod.Volumes, volume)
	case !equality.Semantic.DeepEqual(e.pod.Volumes[i], volume):
		inTemplate := volumeIndex(e.template().Volumes, volume.Name) >= 0
		e.duplicate(place, volume.Name, "the pod has another volume of this name from "+e.other(inTemplate)+
			"; rename one of them")
	}
}

func volumeIndex(volumes []corev1.Volume, name string) int {
	return slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == name })
}

func (e *edit) addMount(mount corev1.VolumeMount, place *field.Path) {
	container := e.container()
	i := mountIndex(container.VolumeMounts, mount.MountPath)
	switch {
	case i < 0:
		container.VolumeMounts = append(container.VolumeMounts, mount)
	case !equality.Semantic.DeepEqual(container.VolumeMounts[i], mount):
		inTemplate := mountIndex(e.templateContainer().VolumeMounts, mount.MountPath) >= 0
		e.fail(field.Invalid(place, mount.MountPath, "must be unique: volume "+
			strconv.Quote(container.VolumeMounts[i].Name)+" is mounted at this path by "+e.other(inTemplate)+
			" or another field of spec."+string(e.Role)+"; choose another path"))
	}
}

func mountIndex(mounts []corev1.VolumeMount, path string) int {
	return slices.IndexFunc(mounts, func(m corev1.VolumeMount) bool { return m.MountPath == path })
}
