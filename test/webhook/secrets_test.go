// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// planted are the secrets of the test, by where they are.
var planted = map[string]string{
	"driver env": "pl4nted-driver-env", "executor env": "pl4nted-executor-env", "envVars": "pl4nted-env-vars", "sparkConf": "pl4nted-spark-conf",
	"hadoopConf": "pl4nted-hadoop-conf", "argument": "pl4nted-argument", "javaOptions": "pl4nted-java-options", "annotation": "pl4nted-annotation",
	"refused property": "pl4nted-refused", "last line of the driver": "pl4nted-driver-message", "message of the kubelet": "pl4nted-kubelet-message",
	"URL in a message": "pl4nted-url",
}

// withSecrets is an application with secrets wherever users put them.
func withSecrets(namespace, name string, fields ...any) *unstructured.Unstructured {
	env := func(value string) []any { return []any{map[string]any{"name": "DB_PASSWORD", "value": value}} }
	driver := map[string]any{
		"env": env(planted["driver env"]), "envVars": map[string]any{"API_TOKEN": planted["envVars"]},
		"javaOptions": "-Djavax.net.ssl.keyStorePassword=" + planted["javaOptions"], "annotations": map[string]any{"example.com/token": planted["annotation"]},
	}
	object := app(namespace, name, append([]any{
		"driver", driver, "executor", map[string]any{"env": env(planted["executor env"])},
		"sparkConf", map[string]any{"spark.hadoop.fs.s3a.secret.key": planted["sparkConf"]},
		"hadoopConf", map[string]any{"fs.azure.account.key.data.blob.core.windows.net": planted["hadoopConf"]},
		"arguments", []any{"--password", planted["argument"]},
	}, fields...)...)
	object.SetAnnotations(map[string]string{"example.com/secret-key": planted["annotation"]})
	return object
}

// TestSecretsStayWhereTheyAre: whatever becomes of applications with secrets, and at the
// highest verbosity, neither process shows them in its log, in events, in a status or in
// its metrics.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	in := install(t, "secrets", admissionregistrationv1.Ignore)
	ctx := t.Context()
	start := func(name string, command []string, flags ...string) *operator.Process {
		process, err := operator.StartReady(ctx, operator.Options{
			Binary: operatorBinary, Kubeconfig: api.Kubeconfig, Command: command, Log: filepath.Join(t.TempDir(), name+".log"),
			Flags: append([]string{"--namespaces", in.name, "--v=10", "--vmodule=request=10,round_trippers=10"}, flags...),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(process.Kill)
		return process
	}
	processes := map[string]*operator.Process{
		"controller": start("controller", []string{"controller", "start"}),
		"webhook": start("webhook", []string{"webhook", "start"}, "--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", in.port),
			"--mutating-webhook-name", in.name, "--validating-webhook-name", in.name, "--webhook-secret-name", in.name, "--webhook-secret-namespace", in.name,
			"--webhook-svc-name", "webhook", "--webhook-svc-namespace", in.name),
	}
	in.works(t, 40*time.Second)

	// One that is refused at admission, and some that run.
	if _, err := create(ctx, withSecrets(in.name, "denied", "sparkConf", map[string]any{
		"spark.kubernetes.authenticate.oauthToken": planted["refused property"],
	})); err == nil {
		t.Error("the property is not refused")
	}
	for _, name := range []string{"completes", "fails", "waits"} {
		if _, err := create(ctx, withSecrets(in.name, name)); err != nil {
			t.Fatal(err)
		}
	}
	schedules := schema.GroupVersionResource{Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "scheduledsparkapplications"}
	if _, err := api.Dynamic.Resource(schedules).Namespace(in.name).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "ScheduledSparkApplication", "metadata": map[string]any{"name": "scheduled"},
		"spec": map[string]any{"schedule": "@every 5s", "concurrencyPolicy": "Forbid", "template": withSecrets("", "").Object["spec"]},
	}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	in.driver(t, "completes", corev1.PodSucceeded, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}})
	in.driver(t, "fails", corev1.PodFailed, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 1, Reason: "Error", Message: "java.sql.SQLException: password=" + planted["last line of the driver"] + "\nconnect to jdbc://etl:" + planted["URL in a message"] + "@db/x\n",
	}})
	in.driver(t, "waits", corev1.PodPending, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
		Reason: "CreateContainerConfigError", Message: `cannot use {"token": "` + planted["message of the kubelet"] + `"}`,
	}})
	in.reached(t, "completes", "COMPLETED")
	in.reached(t, "fails", "FAILED")
	eventually(t, 60*time.Second, func() error {
		list, err := api.Dynamic.Resource(applications).Namespace(in.name).List(ctx, metav1.ListOptions{LabelSelector: "sparkoperator.k8s.io/scheduled-app-name"})
		if err == nil && len(list.Items) == 0 {
			err = fmt.Errorf("the schedule has not run")
		}
		return err
	})

	for name, process := range processes {
		metrics, err := process.Metrics(ctx)
		if err != nil {
			t.Fatal(err)
		}
		clean(t, "metrics of the "+name, strings.Join(slices.Collect(maps.Keys(metrics)), "\n"))
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
		log := process.Log()
		clean(t, "log of the "+name, log)
		if lines := strings.Count(log, "\n"); lines < 50 || strings.Contains(log, "Request Body") || strings.Contains(log, "Response Body") {
			t.Errorf("the log of the %s has %d lines; want many, without the bodies of requests:\n%.2000s", name, lines, log)
		}
	}
	events, err := api.Core.CoreV1().Events(in.name).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events.Items {
		clean(t, "event "+event.Reason, event.Message)
	}
	for _, resource := range []schema.GroupVersionResource{applications, schedules} {
		list, err := api.Dynamic.Resource(resource).Namespace(in.name).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range list.Items {
			status, err := json.Marshal(object.Object["status"])
			if err != nil {
				t.Fatal(err)
			}
			clean(t, "status of "+object.GetName(), string(status))
		}
	}
}

// clean checks that no text contains a secret.
func clean(t *testing.T, where string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for place, secret := range planted {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s: the secret %q is shown: %q", where, place, text[max(0, at-200):min(len(text), at+len(secret)+20)])
			}
		}
	}
}

// driver waits for the driver of an application and gives it a state, as the kubelet does.
func (in *installation) driver(t *testing.T, app string, phase corev1.PodPhase, state corev1.ContainerState) {
	t.Helper()
	pods := api.Core.CoreV1().Pods(in.name)
	eventually(t, 60*time.Second, func() error {
		list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "spark-role=driver,sparkoperator.k8s.io/app-name=" + app})
		if err != nil || len(list.Items) == 0 {
			return fmt.Errorf("no driver of %s: %w", app, err)
		}
		patch, err := json.Marshal(map[string]any{"status": corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "spark-kubernetes-driver", State: state,
		}}}})
		if err != nil {
			return err
		}
		_, err = pods.Patch(t.Context(), list.Items[0].Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		return err
	})
}

// reached waits until an application is in one of the states.
func (in *installation) reached(t *testing.T, app string, states ...string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		object, err := api.Dynamic.Resource(applications).Namespace(in.name).Get(t.Context(), app, metav1.GetOptions{})
		if err != nil {
			return err
		}
		state, _, _ := unstructured.NestedString(object.Object, "status", "applicationState", "state")
		if !slices.Contains(states, state) {
			return fmt.Errorf("%s is %q", app, state)
		}
		return nil
	})
}
