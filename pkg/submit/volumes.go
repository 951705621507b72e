// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// onDemand is the part of a claim's name that stands for a generated name.
const onDemand = "OnDemand"

// mountVolumes is MountVolumesFeatureStep: spark.kubernetes.driver.volumes.*
// and the claims that they create.
type mountVolumes struct {
	conf       *driverConf
	accessMode corev1.PersistentVolumeAccessMode
}

func newMountVolumes(conf *driverConf) (featureStep, error) {
	m := &mountVolumes{conf: conf, accessMode: corev1.ReadWriteOnce}
	if conf.switches.claimModeKey {
		legacy, _, err := conf.Bool(sparkconf.LegacyUseReadWriteOnceAccessMode)
		if err != nil {
			return nil, err
		}
		if !legacy {
			m.accessMode = corev1.ReadWriteOncePod
		}
	}
	return m, nil
}

func (m *mountVolumes) apply(spec *driverSpec) error {
	volumes, err := parseVolumes(m.conf, sparkconf.DriverVolumesPrefix)
	if err != nil {
		return err
	}
	if err := checkMountPaths(volumes); err != nil {
		return err
	}
	for i := range volumes {
		v := &volumes[i]
		source, err := m.source(v, i)
		if err != nil {
			return err
		}
		spec.addVolume(corev1.Volume{Name: v.name, VolumeSource: source}, corev1.VolumeMount{
			MountPath:   v.mountPath,
			ReadOnly:    v.readOnly,
			SubPath:     v.subPath,
			SubPathExpr: v.subPathExpr,
		})
		if v.kind != volumeClaim || !v.hasClass || !v.hasSize {
			continue
		}
		claim, err := m.claim(v, source.PersistentVolumeClaim.ClaimName)
		if err != nil {
			return err
		}
		spec.objects.Claims = append(spec.objects.Claims, claim)
	}
	return nil
}

func checkMountPaths(volumes []volumeSpec) error {
	var repeated []string
	key := ""
	times := make(map[string]int, len(volumes))
	for _, v := range volumes {
		if times[v.mountPath]++; times[v.mountPath] == 2 {
			repeated = append(repeated, "'"+v.mountPath+"'")
			key = v.prefix + "mount.path"
		}
	}
	if repeated == nil {
		return nil
	}
	return require("Found duplicated mountPath: "+strings.Join(repeated, ", "), key, "")
}

// source returns the volume's source; index is the volume's position among the
// sorted volumes and numbers generated claim names.
func (m *mountVolumes) source(v *volumeSpec, index int) (source corev1.VolumeSource, err error) {
	switch v.kind {
	case volumeHostPath:
		kind := corev1.HostPathType(v.hostPathType)
		source.HostPath = &corev1.HostPathVolumeSource{Path: v.path, Type: &kind}
	case volumeClaim:
		name := v.claimName
		if strings.Contains(name, onDemand) {
			name = strings.ReplaceAll(name, onDemand, m.conf.prefix+"-driver-pvc-"+strconv.Itoa(index))
		}
		source.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name, ReadOnly: v.readOnly}
	case volumeEmptyDir:
		source.EmptyDir = &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMedium(v.medium)}
		if v.hasSize {
			size, err := parseQuantity(v.sizeLimit, v.prefix+"options.sizeLimit")
			if err != nil {
				return source, err
			}
			source.EmptyDir.SizeLimit = &size
		}
	case volumeNFS:
		source.NFS = &corev1.NFSVolumeSource{Path: v.path, Server: v.server}
	}
	return source, err
}

// claim returns the object that is created when both a class and a size are
// given, whether or not its name is a generated one.
func (m *mountVolumes) claim(v *volumeSpec, name string) (*corev1.PersistentVolumeClaim, error) {
	size, err := parseQuantity(v.sizeLimit, v.prefix+"options.sizeLimit")
	if err != nil {
		return nil, err
	}
	class := v.storageClass
	claim := &corev1.PersistentVolumeClaim{
		TypeMeta:   typeMeta("PersistentVolumeClaim"),
		ObjectMeta: m.conf.objectMeta(name),
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{m.accessMode},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: size},
			},
		},
	}
	if m.conf.switches.volumeExtras {
		claim.Labels = m.conf.Map(v.prefix + "label.")
		claim.Annotations = m.conf.Map(v.prefix + "annotation.")
	}
	claim.Labels = merged(claim.Labels, map[string]string{labelAppID: m.conf.appID})
	return claim, nil
}
