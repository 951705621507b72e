// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	volcanoStepClass    = featurePackage + "VolcanoFeatureStep"
	podGroupAnnotation  = "scheduling.k8s.io/group-name"
	podGroupAPIVersion  = "scheduling.volcano.sh/v1beta1"
	podGroupKind        = "PodGroup"
	podGroupNotReadable = "could not load the pod group template"
)

// volcano is VolcanoFeatureStep: a PodGroup that exists before the driver.
type volcano struct{ conf *driverConf }

func newVolcano(conf *driverConf) (featureStep, error) { return volcano{conf}, nil }

func (v volcano) apply(spec *driverSpec) error {
	name := v.conf.appID + "-podgroup"
	group, err := v.template()
	if err != nil {
		return err
	}
	group.SetAPIVersion(podGroupAPIVersion)
	group.SetKind(podGroupKind)
	group.SetName(name)
	group.SetNamespace(v.conf.namespace)
	spec.objects.Pre = append(spec.objects.Pre, group)
	spec.pod.Annotations = merged(spec.pod.Annotations, map[string]string{podGroupAnnotation: name})
	return nil
}

// template loads the group that the user gives, or an empty one.
func (v volcano) template() (*unstructured.Unstructured, error) {
	group := map[string]any{}
	key, text, err := v.templateText()
	if err != nil {
		return nil, err
	}
	if text != nil {
		if group, err = readPodGroup(text); err != nil {
			return nil, &Error{Message: podGroupNotReadable, Key: key, Hint: err.Error()}
		}
	}
	for _, field := range []string{"metadata", "spec"} {
		switch group[field].(type) {
		case map[string]any:
		case nil:
			group[field] = map[string]any{}
		default:
			return nil, &Error{Message: podGroupNotReadable, Key: key, Hint: field + " must be an object"}
		}
	}
	return &unstructured.Unstructured{Object: group}, nil
}

// readPodGroup reads a PodGroup from YAML or JSON.
func readPodGroup(text []byte) (map[string]any, error) {
	document, err := readDocument(text)
	if err != nil || document == nil {
		return map[string]any{}, err
	}
	budget := documentBudget{maxDocumentSize}
	value, err := budget.untyped(document, 0)
	if err != nil {
		return nil, err
	}
	group, _ := value.(map[string]any)
	if kind, given := group["kind"]; given && kind != podGroupKind {
		return nil, fmt.Errorf("its kind is %v; it must be %s", kind, podGroupKind)
	}
	return group, nil
}

// templateText returns the text of the template, nil if there is none, and the
// property that gives it. A file comes before a text.
func (v volcano) templateText() (key string, text []byte, err error) {
	if file, set := v.conf.Raw(sparkconf.PodGroupTemplateFile); set {
		text, exists := v.conf.in.file(file)
		if !exists {
			return "", nil, &Error{
				Message: podGroupNotReadable, Key: sparkconf.PodGroupTemplateFile, Value: file,
				Hint: "native submission reads no files: set the template by " + sparkconf.PodGroupTemplateJSON,
			}
		}
		return sparkconf.PodGroupTemplateFile, text, nil
	}
	if text, set := v.conf.Raw(sparkconf.PodGroupTemplateJSON); set {
		return sparkconf.PodGroupTemplateJSON, []byte(text), nil
	}
	return "", nil, nil
}
