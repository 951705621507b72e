// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const templateRefused = "Could not load pod from template file."

// loadTemplate starts the pod from the driver pod template, or empty. The driver
// container is taken out of the list; the others keep their order
// (KubernetesUtils.loadPodFromTemplate).
func (s *driverSpec) loadTemplate(conf *driverConf) error {
	s.pod, s.container = &corev1.Pod{}, &corev1.Container{}
	given, err := s.readTemplate(conf)
	if err != nil || !given {
		s.pod.TypeMeta = typeMeta("Pod")
		return err
	}
	s.pod.TypeMeta = typeMeta("Pod")
	name, named, err := conf.String(sparkconf.DriverPodTemplateContainerName)
	if err != nil {
		return err
	}
	containers := s.pod.Spec.Containers
	index := 0
	if named {
		isNamed := func(c corev1.Container) bool { return c.Name == name }
		index = slices.IndexFunc(containers, isNamed)
		if index < 0 || slices.ContainsFunc(containers[index+1:], isNamed) {
			// A name that occurs twice counts as not found.
			s.warn("specified container " + name + " not found on pod template, falling back to taking the first container")
			index = 0
		}
	}
	if len(containers) > 0 {
		*s.container = containers[index]
		s.pod.Spec.Containers = slices.Delete(containers, index, index+1)
	}
	return nil
}

// readTemplate reads the template into the pod and reports whether there is one.
func (s *driverSpec) readTemplate(conf *driverConf) (bool, error) {
	if template := conf.in.DriverTemplate; template != nil {
		template.ObjectMeta.DeepCopyInto(&s.pod.ObjectMeta)
		template.Spec.DeepCopyInto(&s.pod.Spec)
		return true, s.checkTemplateNamespace(conf)
	}
	file, set, err := conf.String(sparkconf.DriverPodTemplateFile)
	if err != nil || !set {
		return false, err
	}
	refuse := func(hint string) error {
		return &Error{Message: templateRefused, Key: sparkconf.DriverPodTemplateFile, Value: file, Hint: hint}
	}
	scheme, err := uriScheme(file)
	if err != nil {
		return false, refuse(err.Error())
	}
	if scheme != "" && scheme != "file" && scheme != "local" {
		return false, refuse("native submission downloads no templates: set the template itself")
	}
	text, exists := conf.in.file(filePath(file))
	if !exists {
		return false, refuse("native submission reads no files: set the template itself")
	}
	document, err := readDocument(text)
	if err != nil {
		return false, refuse(err.Error())
	}
	var template podDocument
	if document != nil {
		reader := typedReader{documentBudget{maxDocumentSize}, conf.switches.templateWords, conf.switches.templateNumbers}
		if err := reader.read(document, &template); err != nil {
			return false, refuse(err.Error())
		}
	}
	switch {
	case template.Kind != "" && template.Kind != "Pod":
		return false, refuse("the kind of the template is " + template.Kind + "; it must be Pod")
	case template.APIVersion != "" && template.APIVersion != "v1":
		return false, refuse("the apiVersion of the template is " + template.APIVersion + "; it must be v1")
	case template.Spec == nil:
		return false, refuse("the template has no spec")
	}
	s.pod.ObjectMeta, s.pod.Spec, s.pod.Status = template.Metadata, *template.Spec, template.Status
	return true, s.checkTemplateNamespace(conf)
}

// podDocument is a Pod in a file.
type podDocument struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            *corev1.PodSpec   `json:"spec"`
	Status          corev1.PodStatus  `json:"status"`
}

func (s *driverSpec) checkTemplateNamespace(conf *driverConf) error {
	if in := s.pod.Namespace; conf.switches.refusesTemplateInOtherNamespace && in != "" && in != conf.namespace {
		return &Error{
			Message: "Namespace mismatch. Item namespace:" + in + ". Operation namespace:" + conf.namespace + ".",
			Key:     "metadata.namespace of the driver pod template", Value: in,
		}
	}
	return nil
}
