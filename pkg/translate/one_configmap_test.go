// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

const templateVolume = "pod-template-volume"

// asSparkMakesIt gives the executors' template back the ConfigMap of its own that
// Spark makes, for comparisons with what Spark makes.
func asSparkMakesIt(run *translate.Run) {
	conf := run.ConfigMaps[len(run.ConfigMaps)-1]
	text, merged := conf.Data[submit.ExecutorTemplateKey]
	if !merged || len(run.ConfigMaps) > 1 {
		return
	}
	delete(conf.Data, submit.ExecutorTemplateKey)
	own := conf.DeepCopy()
	prefix := strings.TrimSuffix(run.Service.Name, "-driver-svc")
	if ids := submit.NewIDs(run.Driver.Labels[v1beta2.LabelSubmissionID]); prefix == "spark-"+ids.Service {
		prefix = run.Properties["spark.app.name"] + "-" + ids.Resource // only a Service's name has to be short
	}
	own.Name = prefix + "-driver-podspec-conf-map"
	own.Data = map[string]string{submit.ExecutorTemplateKey: text}
	run.ConfigMaps = append([]*corev1.ConfigMap{own}, conf)
	configMapOf(run.Driver, templateVolume).Name = own.Name
}

func configMapOf(pod *corev1.Pod, volume string) *corev1.ConfigMapVolumeSource {
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].Name == volume {
			return pod.Spec.Volumes[i].ConfigMap
		}
	}
	return nil
}

// Each volume shows only its own keys, at the paths of Spark.
func TestTemplateSharesTheConfigMap(t *testing.T) {
	run := build(t, func(*v1beta2.SparkApplication) {})
	if len(run.ConfigMaps) != 1 {
		t.Fatalf("%d config maps, want 1", len(run.ConfigMaps))
	}
	conf := run.ConfigMaps[0]
	template := configMapOf(run.Driver, templateVolume)
	same(t, "template volume", template, &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: conf.Name},
		Items:                []corev1.KeyToPath{{Key: "podspec-configmap-key", Path: "pod-spec-template.yml"}},
	})
	if conf.Data["podspec-configmap-key"] == "" || conf.Data["spark.properties"] == "" {
		t.Errorf("keys of %s: %v", conf.Name, conf.Data)
	}
	properties := configMapOf(run.Driver, "spark-conf-volume-driver")
	if properties.Name != conf.Name || len(properties.Items) != 1 || properties.Items[0].Key != "spark.properties" {
		t.Errorf("volume of the properties %+v", properties)
	}
	if got := run.Properties["spark.kubernetes.executor.podTemplateFile"]; got != "/opt/spark/pod-template/pod-spec-template.yml" {
		t.Errorf("template file %q", got)
	}
}

// What would not fit stays as Spark makes it.
func TestLargeTemplateKeepsItsConfigMap(t *testing.T) {
	run := build(t, func(app *v1beta2.SparkApplication) {
		app.Spec.Executor.Template = &corev1.PodTemplateSpec{}
		app.Spec.Executor.Template.Annotations = map[string]string{"large": strings.Repeat("x", 800<<10)}
	})
	if len(run.ConfigMaps) != 2 {
		t.Fatalf("%d config maps, want 2", len(run.ConfigMaps))
	}
	if name := run.ConfigMaps[0].Name; configMapOf(run.Driver, templateVolume).Name != name || !strings.HasSuffix(name, "-driver-podspec-conf-map") {
		t.Errorf("template in %s", name)
	}
}
