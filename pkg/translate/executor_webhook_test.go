// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// With the webhook on, nothing that it applies is said to have no effect: the template of
// executors has it for the webhook.
func TestPodWebhookSilencesWhatItApplies(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	app.Name, app.Namespace = "pi", "jobs"
	app.Spec.Image, app.Spec.MainClass, app.Spec.MainApplicationFile = ptr.To("spark"), ptr.To("Main"), ptr.To("local:///a.jar")
	app.Spec.SparkVersion = "4.0.4"
	app.Spec.SparkConf = map[string]string{"spark.decommission.enabled": "true"}
	app.Spec.Executor.MemoryLimit = ptr.To("8g")
	app.Spec.Executor.Lifecycle = &corev1.Lifecycle{}
	app.Spec.Executor.Env = []corev1.EnvVar{{Name: "SPARK_LOCAL_DIRS", Value: "/mine"}}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	for webhook, want := range map[bool]int{false: 3, true: 0} {
		run, err := translate.Build(app, translate.Params{SubmissionID: testSubmissionID, Master: "k8s://https://" + testMaster, PodWebhook: webhook})
		if err != nil {
			t.Fatal(err)
		}
		if len(run.Warnings) != want {
			t.Errorf("webhook %t: %q", webhook, run.Warnings)
		}
		const fields = `{"memoryLimit":"8g","env":[{"name":"SPARK_LOCAL_DIRS","value":"/mine"}],"lifecycle":{}}`
		meta := run.ExecutorTemplate.ObjectMeta
		if got := meta.Annotations[v1beta2.AnnotationExecutorFields]; (got == fields) != webhook || (meta.Labels[v1beta2.LabelCompleteExecutor] == "true") != webhook {
			t.Errorf("webhook %t: template has %q, %v", webhook, got, meta.Labels)
		}
	}
}

// Executors without fields that Spark overrides do not wait for a webhook.
func TestOnlyExecutorsWithOverriddenFieldsAreMarked(t *testing.T) {
	for name, c := range map[string]struct {
		executor v1beta2.ExecutorSpec
		marked   bool
	}{
		"plain":         {v1beta2.ExecutorSpec{}, false},
		"template":      {v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{NodeSelector: map[string]string{"a": "b"}, Env: []corev1.EnvVar{{Name: "A", Value: "b"}}}}, false},
		"memoryLimit":   {v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{MemoryLimit: ptr.To("8g")}}, true},
		"lifecycle":     {v1beta2.ExecutorSpec{Lifecycle: &corev1.Lifecycle{}}, true},
		"late variable": {v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{Env: []corev1.EnvVar{{Name: "SPARK_EXECUTOR_POD_IP", Value: "1.2.3.4"}}}}, true},
		"too much": {v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{Env: []corev1.EnvVar{
			{Name: "SPARK_JAVA_OPT_1", Value: strings.Repeat("x", 200<<10)},
		}}}, false},
	} {
		app := &v1beta2.SparkApplication{}
		app.Name, app.Namespace = "pi", "jobs"
		app.Spec.Image, app.Spec.MainClass, app.Spec.MainApplicationFile = ptr.To("spark"), ptr.To("Main"), ptr.To("local:///a.jar")
		app.Spec.SparkVersion, app.Spec.Executor = "4.0.4", c.executor
		v1beta2.SetObjectDefaults_SparkApplication(app)
		run, err := translate.Build(app, translate.Params{SubmissionID: testSubmissionID, Master: "k8s://https://" + testMaster, PodWebhook: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		meta := run.ExecutorTemplate.ObjectMeta
		if _, fields := meta.Annotations[v1beta2.AnnotationExecutorFields]; fields != c.marked || (meta.Labels[v1beta2.LabelCompleteExecutor] == "true") != c.marked {
			t.Errorf("%s: labels %v, annotations %v", name, meta.Labels, meta.Annotations)
		}
		if (len(run.Warnings) > 0) != (name == "too much") {
			t.Errorf("%s: %q", name, run.Warnings)
		}
	}
}
