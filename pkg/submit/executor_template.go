// SPDX-License-Identifier: Apache-2.0

package submit

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// ExecutorTemplateKey is the key of the executors' pod template in its ConfigMap
// (Constants.POD_TEMPLATE_KEY).
const ExecutorTemplateKey = "podspec-configmap-key"

const (
	executorTemplateVolume = "pod-template-volume"
	executorTemplateDir    = "/opt/spark/pod-template"
	executorTemplateFile   = "pod-spec-template.yml"
)

// executorTemplate is PodTemplateConfigMapStep: the driver gets the executors'
// pod template through a ConfigMap. The text is neither parsed nor checked here.
type executorTemplate struct {
	conf *driverConf
	file setting
}

func newExecutorTemplate(conf *driverConf) (featureStep, error) {
	e := &executorTemplate{conf: conf}
	var err error
	e.file.value, e.file.set, err = conf.String(sparkconf.ExecutorPodTemplateFile)
	return e, err
}

func (e *executorTemplate) apply(spec *driverSpec) error {
	content := e.conf.in.ExecutorTemplate
	switch {
	case content != nil:
	case e.file.set:
		var err error
		if content, err = e.read(); err != nil {
			return err
		}
	default:
		return nil
	}
	text, refused := e.conf.text(content)
	if refused != nil {
		refused.Key, refused.Value = sparkconf.ExecutorPodTemplateFile, e.file.value
		return refused
	}
	name := e.conf.prefix + "-driver-podspec-conf-map"
	spec.addConfigMap(e.conf, name, map[string]string{ExecutorTemplateKey: text})
	spec.addVolume(
		corev1.Volume{Name: executorTemplateVolume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: name},
				Items:                []corev1.KeyToPath{{Key: ExecutorTemplateKey, Path: executorTemplateFile}},
			},
		}},
		corev1.VolumeMount{MountPath: executorTemplateDir},
	)
	spec.set(sparkconf.ExecutorPodTemplateFile, executorTemplateDir+"/"+executorTemplateFile)
	return nil
}

func (e *executorTemplate) read() ([]byte, error) {
	const key, hint = sparkconf.ExecutorPodTemplateFile, "native submission reads no files: set the template itself"
	if _, err := uriScheme(e.file.value); err != nil {
		return nil, &Error{Message: err.Error(), Key: key, Value: e.file.value}
	}
	name := filePath(e.conf.in.resolveURI(e.file.value))
	content, exists := e.conf.in.file(name)
	if !exists {
		return nil, e.conf.missingFile(key, e.file.value, name, hint)
	}
	return content, nil
}
