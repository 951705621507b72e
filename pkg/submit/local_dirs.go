// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	localDirsEnv    = "SPARK_LOCAL_DIRS"
	localDirsPrefix = "spark-local-dir-"
)

// localDirs is LocalDirsFeatureStep: scratch space on volumes that are named for
// it, or else on emptyDirs. The directories keep the given order, which Spark
// 3.4 and newer shuffle.
type localDirs struct {
	conf  *driverConf
	tmpfs bool
}

func newLocalDirs(conf *driverConf) (featureStep, error) {
	l := &localDirs{conf: conf}
	var err error
	l.tmpfs, _, err = conf.Bool(sparkconf.LocalDirsTmpfs)
	return l, err
}

func (l *localDirs) apply(spec *driverSpec) error {
	var dirs []string
	for _, mount := range spec.container.VolumeMounts {
		if strings.HasPrefix(mount.Name, localDirsPrefix) {
			dirs = append(dirs, mount.MountPath)
		}
	}
	if dirs == nil {
		dirs = l.configured()
		for i, dir := range dirs {
			emptyDir := &corev1.EmptyDirVolumeSource{}
			if l.tmpfs {
				emptyDir.Medium = corev1.StorageMediumMemory
			}
			spec.addVolume(
				corev1.Volume{
					Name:         localDirsPrefix + strconv.Itoa(i+1),
					VolumeSource: corev1.VolumeSource{EmptyDir: emptyDir},
				},
				corev1.VolumeMount{MountPath: dir},
			)
		}
	}
	spec.addEnv(localDirsEnv, strings.Join(dirs, ","))
	return nil
}

func (l *localDirs) configured() []string {
	if dirs, set := l.conf.in.Env[localDirsEnv]; set {
		return javaSplit(dirs, ',')
	}
	if dirs, set := l.conf.Raw(sparkconf.LocalDir); set {
		return javaSplit(dirs, ',')
	}
	return []string{"/var/data/spark-" + l.conf.in.IDs.LocalDir}
}
