// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// complete is an application that has every default.
func complete(namespace, name string) *unstructured.Unstructured {
	role := func() map[string]any { return map[string]any{"cores": int64(1), "memory": "1g"} }
	executor := role()
	executor["instances"] = int64(1)
	return app(namespace, name, "type", "Scala", "mode", "cluster", "driver", role(), "executor", executor, "restartPolicy", map[string]any{
		"type": "OnFailure", "onFailureRetries": int64(1), "onSubmissionFailureRetries": int64(1),
		"onFailureRetryInterval": int64(5), "onSubmissionFailureRetryInterval": int64(5),
	}, "dynamicAllocation", map[string]any{"enabled": true, "shuffleTrackingEnabled": true})
}

// TestEachMissingDefaultIsStored: the condition under which the API server calls the webhook
// leaves no default out.
func TestEachMissingDefaultIsStored(t *testing.T) {
	in := install(t, "lacks-defaults", admissionregistrationv1.Fail)
	in.start(t, in.port)
	in.works(t, 30*time.Second)
	for path, want := range map[string]any{
		"type": "Scala", "mode": "cluster", "restartPolicy": map[string]any{"type": "Never"}, "restartPolicy.type": "Never",
		"restartPolicy.onFailureRetryInterval": 5, "restartPolicy.onSubmissionFailureRetryInterval": 5,
		"driver.cores": 1, "driver.memory": "1g", "executor.cores": 1, "executor.memory": "1g", "executor.instances": 1,
		"dynamicAllocation.shuffleTrackingEnabled": true,
	} {
		fields := append([]string{"spec"}, strings.Split(path, ".")...)
		for name, edit := range map[string]func(*unstructured.Unstructured) error{
			"missing": func(o *unstructured.Unstructured) error {
				unstructured.RemoveNestedField(o.Object, fields...)
				return nil
			},
			"null": func(o *unstructured.Unstructured) error { return unstructured.SetNestedField(o.Object, nil, fields...) },
		} {
			object := complete(in.name, "pi")
			if path == "executor.instances" {
				unstructured.RemoveNestedField(object.Object, "spec", "dynamicAllocation")
			}
			if err := edit(object); err != nil {
				t.Fatal(err)
			}
			stored, err := create(t.Context(), object, metav1.DryRunAll)
			if err != nil {
				t.Errorf("%s %s: %v", path, name, err)
				continue
			}
			if got, _, _ := unstructured.NestedFieldNoCopy(stored.Object, fields...); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s %s: stored with %v", path, name, got)
			}
		}
	}
}

// TestCallsThatCouldChangeNothingAreNotMade: while the webhook is down, with the failure
// policy Fail, what needs no review works.
func TestCallsThatCouldChangeNothingAreNotMade(t *testing.T) {
	const namespace = "not-called"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t.Context(), complete(namespace, "pi")); err != nil {
		t.Fatal(err)
	}
	schedule := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "ScheduledSparkApplication", "metadata": map[string]any{"name": "pi"},
		"spec": map[string]any{"schedule": "@daily", "template": complete("", "").Object["spec"]},
	}}
	if _, err := api.Dynamic.Resource(schedules).Namespace(namespace).Create(t.Context(), schedule, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	admission.Install(t, api.Core, namespace, admissionregistrationv1.Fail, namespace)
	for _, resource := range []string{"sparkapplications", "scheduledsparkapplications"} {
		client := api.Dynamic.Resource(applications.GroupVersion().WithResource(resource)).Namespace(namespace)
		patch := func(patch string) error {
			_, err := client.Patch(t.Context(), "pi", types.MergePatchType, []byte(patch), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		}
		eventually(t, 10*time.Second, func() error {
			err := patch(`{"spec":{"suspend":true}}`)
			switch {
			case err == nil:
				return fmt.Errorf("%s: the spec changed without a review", resource)
			case !strings.Contains(err.Error(), "failed calling webhook"):
				return fmt.Errorf("%s: %w", resource, err)
			}
			return nil
		})
		for _, patched := range []string{`{"metadata":{"labels":{"a":"b"}}}`, `{"metadata":{"finalizers":["example.com/x"]}}`, `{"spec":{}}`} {
			if err := patch(patched); err != nil {
				t.Errorf("%s: %s: %v", resource, patched, err)
			}
		}
	}
	pods := api.Core.CoreV1().Pods(namespace)
	plain := executor(namespace, "pi", "pi-exec-1")
	delete(plain.Labels, "sparkoperator.k8s.io/complete-executor")
	if _, err := pods.Create(t.Context(), plain, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("executor without overridden fields: %v", err)
	}
	if _, err := pods.Create(t.Context(), executor(namespace, "pi", "pi-exec-2"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err == nil {
		t.Error("an executor with overridden fields was not reviewed")
	}
}
