// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

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
	if _, exists := group.Object["spec"]; !exists {
		group.Object["spec"] = map[string]any{}
	}
	spec.objects.Pre = append(spec.objects.Pre, group)
	spec.pod.Annotations = merged(spec.pod.Annotations, map[string]string{podGroupAnnotation: name})
	return nil
}

// template loads the group that the user gives, or an empty one.
func (v volcano) template() (*unstructured.Unstructured, error) {
	key := sparkconf.PodGroupTemplateFile
	file, set := v.conf.Raw(key)
	text := []byte(nil)
	switch {
	case set:
		if text, set = v.conf.in.file(file); !set {
			return nil, v.conf.missingFile(key, file, file, "give the template by "+sparkconf.PodGroupTemplateJSON)
		}
	default:
		key = sparkconf.PodGroupTemplateJSON
		json, set := v.conf.Raw(key)
		if !set {
			return &unstructured.Unstructured{Object: map[string]any{}}, nil
		}
		text = []byte(json)
	}
	group := map[string]any{}
	if err := yaml.Unmarshal(text, &group); err != nil {
		return nil, &Error{Message: podGroupNotReadable, Key: key, Hint: err.Error()}
	}
	switch group["metadata"].(type) {
	case nil:
		delete(group, "metadata")
	case map[string]any:
	default:
		return nil, &Error{Message: podGroupNotReadable, Key: key, Hint: "metadata must be an object"}
	}
	if group == nil {
		group = map[string]any{}
	}
	return &unstructured.Unstructured{Object: group}, nil
}
