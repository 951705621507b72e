// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestExamplesAreSubmitted applies every example where the restricted Pod Security
// Standard is enforced: the operator submits each, without a complaint, and an executor
// from its template is admitted as well.
func TestExamplesAreSubmitted(t *testing.T) {
	namespace := newNamespace(t, "examples")
	const label = `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`
	if _, err := api.Core.CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType, []byte(label), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spark-operator-spark", "spark-s3", "spark-gcs", "spark-azure"} {
		if err := sim.CreateServiceAccount(t.Context(), api.Core, namespace, name); err != nil {
			t.Fatal(err)
		}
	}
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace, "--enable-log-archive")
	apps := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	for _, file := range glob(t, "examples/*.yaml") {
		for _, object := range readObjects(t, file) {
			if object.GetKind() == "SparkConnect" {
				startExample(t, namespace, file, object)
				continue
			}
			app := exampleApplication(t, object)
			if app == nil {
				continue
			}
			app.Namespace = namespace
			if _, err := apps.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			submitted := waitFor(t, namespace, app.Name, "SUBMITTED with a driver pod", func(app *v1beta2.SparkApplication) bool {
				if state := app.Status.AppState.State; state != "" && state != v1beta2.ApplicationStateSubmitted {
					t.Fatalf("%s: %s is %s: %s", file, app.Name, state, app.Status.AppState.ErrorMessage)
				}
				return app.Status.DriverInfo.PodName != ""
			})
			if err := createExecutor(t, namespace, submitted.Status.DriverInfo.PodName); err != nil {
				t.Errorf("%s: executor: %v", file, err)
			}
		}
	}
	events, err := api.Core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.kind=SparkApplication"})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events.Items {
		t.Errorf("warning for %s: %s: %s", event.InvolvedObject.Name, event.Reason, event.Message)
	}
}

// startExample has the operator start a Spark Connect server.
func startExample(t *testing.T, namespace, file string, object *unstructured.Unstructured) {
	t.Helper()
	s := &server{t: t, namespace: namespace, name: object.GetName()}
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	s.create(string(text))
	s.until("has a server pod", func(status *v1alpha1.SparkConnectStatus) bool {
		if status.State == v1alpha1.SparkConnectStateFailed {
			t.Fatalf("%s: %s failed: %+v", file, s.name, status.Conditions)
		}
		return status.Server.PodUID != ""
	})
	if err := createExecutor(t, namespace, s.pod().Name); err != nil {
		t.Errorf("%s: executor: %v", file, err)
	}
}

// createExecutor creates, as a dry run, the pod of the template that the driver reads.
func createExecutor(t *testing.T, namespace, driverName string) error {
	t.Helper()
	driver, err := api.Core.CoreV1().Pods(namespace).Get(t.Context(), driverName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, volume := range driver.Spec.Volumes {
		if volume.ConfigMap == nil {
			continue
		}
		config, err := api.Core.CoreV1().ConfigMaps(namespace).Get(t.Context(), volume.ConfigMap.Name, metav1.GetOptions{})
		if err != nil || config.Data["podspec-configmap-key"] == "" {
			continue // a ConfigMap of the user
		}
		pod := &corev1.Pod{}
		if err := yaml.Unmarshal([]byte(config.Data["podspec-configmap-key"]), pod); err != nil {
			return err
		}
		pod.Name = "executor"
		for i := range pod.Spec.Containers {
			pod.Spec.Containers[i].Image = "spark" // Spark sets it
		}
		_, err = api.Core.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	return fmt.Errorf("no volume of %s contains the template of its executors", driverName)
}

// exampleApplication returns the application, or that of the schedule; nil for other
// objects.
func exampleApplication(t *testing.T, object *unstructured.Unstructured) *v1beta2.SparkApplication {
	t.Helper()
	app, scheduled := &v1beta2.SparkApplication{}, &v1beta2.ScheduledSparkApplication{}
	var err error
	switch object.GetKind() {
	case "SparkApplication":
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, app)
	case "ScheduledSparkApplication":
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, scheduled)
		app.Name, app.Spec = scheduled.Name, scheduled.Spec.Template
	default:
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return app
}
