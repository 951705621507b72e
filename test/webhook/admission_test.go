// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

var (
	applications = schema.GroupVersionResource{Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "sparkapplications"}
	schedules    = schema.GroupVersionResource{Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "scheduledsparkapplications"}
)

// app is a SparkApplication with further fields of spec, as name and value.
func app(namespace, name string, fields ...any) *unstructured.Unstructured {
	spec := map[string]any{
		"sparkVersion": "4.0.4", "image": "spark", "mainClass": "Main", "mainApplicationFile": "local:///a.jar",
		"driver": map[string]any{}, "executor": map[string]any{},
	}
	for i := 0; i < len(fields); i += 2 {
		spec[fmt.Sprint(fields[i])] = fields[i+1]
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
		"metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}
}

// faulty is an application that only the webhook refuses: the CRD cannot, and kubeflow/spark-operator runs it without
// its webhook.
func faulty(namespace, name string) *unstructured.Unstructured {
	return app(namespace, name, "nodeSelector", map[string]any{"a": "b"}, "driver", map[string]any{"nodeSelector": map[string]any{"c": "d"}})
}

func create(ctx context.Context, app *unstructured.Unstructured, options ...string) (*unstructured.Unstructured, error) {
	return api.Dynamic.Resource(applications).Namespace(app.GetNamespace()).Create(ctx, app, metav1.CreateOptions{DryRun: options})
}

// works waits until an application is defaulted and a bad one refused.
func (in *installation) works(t *testing.T, within time.Duration) {
	t.Helper()
	eventually(t, within, func() error { return in.tryReview(t.Context()) })
}

func (in *installation) tryReview(ctx context.Context) error {
	good, bad := app(in.name, "probe"), faulty(in.name, "probe")
	good.SetLabels(in.labels)
	bad.SetLabels(in.labels)
	stored, err := create(ctx, good, metav1.DryRunAll)
	if err != nil {
		return err
	}
	if kind, _, _ := unstructured.NestedString(stored.Object, "spec", "type"); kind != "Scala" {
		return fmt.Errorf("type %q is not defaulted", kind)
	}
	if _, err := create(ctx, bad, metav1.DryRunAll); err == nil || !strings.Contains(err.Error(), "denied the request") {
		return fmt.Errorf("a bad one: %w", err)
	}
	return nil
}

// noted keeps the warnings of the API server.
type noted struct {
	mu    sync.Mutex
	texts []string
}

func (n *noted) HandleWarningHeader(_ int, _, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.texts = append(n.texts, text)
}

func TestApplicationsAreCheckedWhenTheyAreApplied(t *testing.T) {
	in := install(t, "checked", admissionregistrationv1.Fail)
	in.start(t, in.port)
	in.works(t, 30*time.Second)
	ctx := t.Context()
	warnings := &noted{}
	config := rest.CopyConfig(api.Config)
	config.WarningHandler = warnings
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	apps := client.Resource(applications).Namespace(in.name)

	// Applied twice: the second time nothing is different, nor anybody's field.
	manifest := app(in.name, "pi", "failureRetries", int64(3))
	options := metav1.ApplyOptions{FieldManager: "kubectl", Force: true}
	first, err := apps.Apply(ctx, "pi", manifest, options)
	if err != nil {
		t.Fatal(err)
	}
	want := app(in.name, "pi", "failureRetries", int64(3), "type", "Scala", "mode", "cluster", "restartPolicy", map[string]any{"type": "Never"},
		"driver", map[string]any{"cores": int64(1), "memory": "1g"}, "executor", map[string]any{"cores": int64(1), "memory": "1g", "instances": int64(1)}).Object["spec"]
	if !reflect.DeepEqual(first.Object["spec"], want) {
		t.Errorf("stored %v, want %v", first.Object["spec"], want)
	}
	second, err := apps.Apply(ctx, "pi", manifest, options)
	if err != nil {
		t.Fatal(err)
	}
	if second.GetResourceVersion() != first.GetResourceVersion() || second.GetGeneration() != 1 {
		t.Errorf("applying it again stores generation %d: %v", second.GetGeneration(), second.Object)
	}
	if !strings.Contains(strings.Join(warnings.texts, "\n"), "spec.failureRetries has no effect") {
		t.Errorf("warnings %q", warnings.texts)
	}

	for name, test := range map[string]struct {
		app  *unstructured.Unstructured
		code int32
		want string
	}{
		"rule": {app(in.name, "bad", "sparkConf", map[string]any{"spark.kubernetes.container.image": "spark"}), 403,
			`admission webhook "validate-sparkoperator-k8s-io-v1beta2-sparkapplication.sparkoperator.k8s.io" denied the request: ` +
				`spec.sparkConf[spark.kubernetes.container.image]: Forbidden: sparkConf key "spark.kubernetes.container.image" is not allowed: use the image field`},
		"name": {app(in.name, "my.app"), 403, `denied the request: metadata.name: Invalid value: "my.app": invalid SparkApplication name "my.app"`},
		"unknown field": {app(in.name, "bad", "driver", map[string]any{"template": map[string]any{"spec": map[string]any{"madeUp": int64(1)}}}), 403,
			"spec.driver.template.spec.madeUp: unknown field"},
		"type": {app(in.name, "bad", "driver", map[string]any{"template": map[string]any{"spec": map[string]any{"terminationGracePeriodSeconds": "x"}}}), 400,
			"spec.driver.template.spec.terminationGracePeriodSeconds: cannot unmarshal string into int64"},
	} {
		_, err := apps.Create(ctx, test.app, metav1.CreateOptions{})
		var status apierrors.APIStatus
		if !errors.As(err, &status) || status.Status().Code != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A generated name is there when it is checked.
	generated := app(in.name, "")
	generated.SetName("")
	generated.SetGenerateName("pi-")
	if stored, err := apps.Create(ctx, generated, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	} else if kind, _, _ := unstructured.NestedString(stored.Object, "spec", "type"); kind != "Scala" {
		t.Errorf("generated name: %v", stored.Object)
	}
	schedule := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "ScheduledSparkApplication", "metadata": map[string]any{"name": "daily"},
		"spec": map[string]any{"schedule": "61 * * * *", "template": app("", "").Object["spec"]},
	}}
	if _, err := client.Resource(schedules).Namespace(in.name).Create(ctx, schedule, metav1.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "spec.schedule: Invalid value") {
		t.Errorf("schedule: %v", err)
	}
}

// What was stored before there was a webhook can be suspended, labelled and deleted.
func TestStoredFaultsDoNotLockAnApplication(t *testing.T) {
	in := install(t, "stored", admissionregistrationv1.Ignore)
	bad := faulty(in.name, "bad")
	if _, err := create(t.Context(), bad); err != nil {
		t.Fatalf("without the webhook: %v", err)
	}
	in.start(t, in.port)
	in.works(t, 30*time.Second)
	apps := api.Dynamic.Resource(applications).Namespace(in.name)
	for _, patch := range []string{`{"spec":{"suspend":true}}`, `{"metadata":{"labels":{"a":"b"}}}`, `{"metadata":{"finalizers":["example.com/x"]}}`} {
		if _, err := apps.Patch(t.Context(), "bad", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Errorf("%s: %v", patch, err)
		}
	}
	if _, err := apps.Patch(t.Context(), "bad", types.MergePatchType, []byte(`{"spec":{"sparkConf":{"spark.kubernetes.container.image":"x"}}}`), metav1.PatchOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("another fault: %v", err)
	}
	if err := apps.Delete(t.Context(), "bad", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := apps.Patch(t.Context(), "bad", types.MergePatchType, []byte(`{"metadata":{"finalizers":[]}}`), metav1.PatchOptions{}); err != nil {
		t.Errorf("the end of a deletion: %v", err)
	}
}

// executor is a pod as a driver creates it, with a memory limit that the driver overrides.
func executor(namespace, app, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
			"spark-role": "executor", "sparkoperator.k8s.io/app-name": app, "sparkoperator.k8s.io/launched-by-spark-operator": "true",
			"sparkoperator.k8s.io/complete-executor": "true",
		}, Annotations: map[string]string{"sparkoperator.k8s.io/executor-fields": `{"memoryLimit":"3g","env":[{"name":"SPARK_EXECUTOR_ID","value":"mine"}]}`}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "spark-kubernetes-executor", Image: "spark", Args: []string{"executor"}, Env: []corev1.EnvVar{{Name: "SPARK_EXECUTOR_ID", Value: "1"}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1408Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1408Mi")},
			},
		}}},
	}
}

func TestExecutorPodsAreCompleted(t *testing.T) {
	in := install(t, "pods", admissionregistrationv1.Fail)
	in.start(t, in.port, "--feature-gates=PartialRestart=true")
	in.works(t, 30*time.Second)
	ctx := t.Context()
	if _, err := create(ctx, app(in.name, "pi", "executor", map[string]any{
		"nodeSelector": map[string]any{"disk": "ssd"},
	})); err != nil {
		t.Fatal(err)
	}
	pods := api.Core.CoreV1().Pods(in.name)
	eventually(t, 10*time.Second, func() error {
		pod, err := pods.Create(ctx, executor(in.name, "pi", "pi-exec-1"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return err
		}
		container := pod.Spec.Containers[0]
		if limit := container.Resources.Limits[corev1.ResourceMemory]; limit.String() != "3Gi" {
			return fmt.Errorf("memory limit %v", limit.String())
		}
		if request := container.Resources.Requests[corev1.ResourceMemory]; request.String() != "1408Mi" || pod.Spec.NodeSelector["disk"] != "ssd" || container.Env[0].Value != "mine" {
			return fmt.Errorf("pod %+v", pod.Spec)
		}
		if len(pod.Annotations) != 0 || len(pod.Labels) != 3 {
			return fmt.Errorf("labels %v, annotations %v", pod.Labels, pod.Annotations)
		}
		return nil
	})
	// Whose application is not known, it keeps the placement of its driver.
	pod, err := pods.Create(ctx, executor(in.name, "unknown", "other-exec-1"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil || len(pod.Spec.NodeSelector) != 0 || pod.Spec.Containers[0].Resources.Limits.Memory().String() != "3Gi" {
		t.Errorf("unknown application: %v, %v", pod, err)
	}
}

func TestFailurePolicyDecidesWhileTheWebhookIsDown(t *testing.T) {
	ctx := t.Context()
	ignored := install(t, "ignored", admissionregistrationv1.Ignore)
	stored, err := create(ctx, faulty(ignored.name, "pi"))
	if err != nil {
		t.Fatalf("Ignore: %v", err)
	}
	if _, set, _ := unstructured.NestedString(stored.Object, "spec", "type"); set {
		t.Error("Ignore: something has defaulted the application")
	}
	if _, err := api.Core.CoreV1().Pods(ignored.name).Create(ctx, executor(ignored.name, "pi", "pi-exec-1"), metav1.CreateOptions{}); err != nil {
		t.Errorf("Ignore: pod: %v", err)
	}
	failed := install(t, "failed", admissionregistrationv1.Fail)
	_, err = create(ctx, app(failed.name, "pi"))
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code != http.StatusInternalServerError || !strings.Contains(err.Error(), "failed calling webhook") {
		t.Errorf("Fail: %v", err)
	}
	// Both work as soon as there is a webhook.
	for _, in := range []*installation{ignored, failed} {
		in.start(t, in.port)
		in.works(t, 30*time.Second)
	}
}
