// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// localDir is scratch space for which Spark has no properties: it goes into the
// pod template, where Spark knows it by its name all the same.
type localDir struct {
	volume corev1.Volume
	mount  corev1.VolumeMount
}

// setLocalDirs turns the role's mounts of volumes named spark-local-dir-* into
// Spark's volume properties, and returns those that only a pod template can
// express.
func (c *conf) setLocalDirs(r *role, version sparkconf.Version) (forTemplate []localDir) {
	var volumes map[string]*corev1.Volume
	for i, mount := range r.VolumeMounts {
		if !strings.HasPrefix(mount.Name, podspec.LocalDirPrefix) {
			continue
		}
		place := func() *field.Path {
			return field.NewPath("spec", string(r.name), "volumeMounts").Index(i).Child("name")
		}
		if volumes == nil {
			volumes = volumesByName(c.app.Spec.Volumes)
		}
		volume := volumes[mount.Name]
		if volume == nil {
			c.fail(field.Invalid(place(), mount.Name, "volume "+mount.Name+" not found; define it in spec.volumes"))
			continue
		}
		kind, options := volumeProperties(volume)
		switch {
		case kind != "" && hasProperties(volume, mount, version):
			c.setVolume(r, kind, mount, options)
		case volume.ConfigMap != nil, volume.Secret != nil, volume.DownwardAPI != nil, volume.Projected != nil, volume.Image != nil:
			c.fail(field.Invalid(place(), mount.Name, "unsupported volume type: Spark cannot write to it; use emptyDir, "+
				"ephemeral, persistentVolumeClaim, hostPath or nfs"))
		default:
			forTemplate = append(forTemplate, localDir{volume: *volume, mount: mount})
		}
	}
	return forTemplate
}

// volumesByName returns the first volume of each name.
func volumesByName(volumes []corev1.Volume) map[string]*corev1.Volume {
	named := make(map[string]*corev1.Volume, len(volumes))
	for i := range volumes {
		if name := volumes[i].Name; named[name] == nil {
			named[name] = &volumes[i]
		}
	}
	return named
}

// volumeProperties returns the volume type in Spark's configuration and its
// options; the type is empty if Spark has none for it.
func volumeProperties(volume *corev1.Volume) (kind string, options []sparkconf.Property) {
	add := func(name, value string) {
		if value != "" {
			options = append(options, sparkconf.Property{Key: name, Value: value})
		}
	}
	switch {
	case volume.EmptyDir != nil:
		kind = "emptyDir"
		if size := volume.EmptyDir.SizeLimit; size != nil {
			add("sizeLimit", size.String())
		}
		add("medium", string(volume.EmptyDir.Medium))
	case volume.HostPath != nil:
		kind = "hostPath"
		add("path", volume.HostPath.Path)
		if volume.HostPath.Type != nil {
			add("type", string(*volume.HostPath.Type))
		}
	case volume.NFS != nil:
		kind = "nfs"
		add("path", volume.NFS.Path)
		add("server", volume.NFS.Server)
		if volume.NFS.ReadOnly {
			add("readOnly", "true")
		}
	case volume.PersistentVolumeClaim != nil:
		kind = "persistentVolumeClaim"
		add("claimName", volume.PersistentVolumeClaim.ClaimName)
		if volume.PersistentVolumeClaim.ReadOnly {
			add("readOnly", "true")
		}
	}
	return kind, options
}

// hasProperties reports whether Spark's configuration of this version has a
// property for everything that the mount says.
func hasProperties(volume *corev1.Volume, mount corev1.VolumeMount, version sparkconf.Version) bool {
	if mount.MountPropagation != nil || mount.RecursiveReadOnly != nil {
		return false
	}
	if version.AtLeast(4, 0) {
		return true
	}
	typed := volume.HostPath != nil && volume.HostPath.Type != nil && *volume.HostPath.Type != ""
	return mount.SubPathExpr == "" && !typed
}

func (c *conf) setVolume(r *role, kind string, mount corev1.VolumeMount, options []sparkconf.Property) {
	prefix, place := r.keys.volume+kind+"."+mount.Name+".", "spec.volumes"
	c.setField(prefix+"mount.path", mount.MountPath, r.field("volumeMounts"))
	if mount.SubPath != "" {
		c.setField(prefix+"mount.subPath", mount.SubPath, r.field("volumeMounts"))
	}
	if mount.SubPathExpr != "" {
		c.setField(prefix+"mount.subPathExpr", mount.SubPathExpr, r.field("volumeMounts"))
	}
	if mount.ReadOnly {
		c.setField(prefix+"mount.readOnly", "true", r.field("volumeMounts"))
	}
	for _, option := range options {
		c.setField(prefix+"options."+option.Key, option.Value, place)
	}
}

// addLocalDirs adds scratch space to the pod of a template.
func (c *conf) addLocalDirs(pod *corev1.PodSpec, role podspec.Role, dirs []localDir) {
	container := &pod.Containers[c.sparkContainer(pod, role)]
	place := field.NewPath("spec", string(role), "volumeMounts")
	if len(dirs) == 0 {
		return
	}
	volumes, paths := volumesByName(pod.Volumes), make(map[string]bool, len(container.VolumeMounts))
	for i := range container.VolumeMounts {
		paths[container.VolumeMounts[i].MountPath] = true
	}
	for _, dir := range dirs {
		switch have := volumes[dir.volume.Name]; {
		case have == nil:
			volumes[dir.volume.Name] = &dir.volume
			pod.Volumes = append(pod.Volumes, dir.volume)
		case !equality.Semantic.DeepEqual(*have, dir.volume):
			err := field.Duplicate(place, dir.volume.Name)
			err.Detail = "spec." + string(role) + ".template has another volume of this name; rename one of them"
			c.fail(err)
		}
		if paths[dir.mount.MountPath] {
			c.fail(field.Invalid(place, dir.mount.MountPath,
				"must be unique: spec."+string(role)+".template or another volume has this path; choose another path"))
			continue
		}
		paths[dir.mount.MountPath] = true
		container.VolumeMounts = append(container.VolumeMounts, dir.mount)
	}
}
