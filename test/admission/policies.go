// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Applications are the SparkApplications of an API server.
var Applications = schema.GroupVersionResource{Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "sparkapplications"}

// policyResources are the kinds of the chart that a policy consists of.
var policyResources = map[string]string{
	"MutatingAdmissionPolicy":          "mutatingadmissionpolicies",
	"MutatingAdmissionPolicyBinding":   "mutatingadmissionpolicybindings",
	"ValidatingAdmissionPolicy":        "validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

// Policies are the admission policies of the chart.
type Policies struct {
	// Name is the beginning of their names.
	Name string
	// Given are the Spark properties of all applications (controller.defaultSparkConf).
	Given map[string]string
	// RefusalsOnly leaves out those that store defaults, as admissionPolicies.defaults=false
	// of the chart does. Before Kubernetes 1.36 there is nothing else.
	RefusalsOnly bool
	// Namespaces are those that the policies apply to. In the first one is no webhook.
	Namespaces []string
	// Labels are those of an object that the policies apply to; nil if it needs none.
	Labels map[string]string
}

// Install creates the policies that a file has rendered, waits until the API server
// evaluates them, and returns a function that deletes them and waits until it no longer
// does. The end of the test calls it, too.
func (p Policies) Install(t testing.TB, client dynamic.Interface, rendered string) (uninstall func()) {
	t.Helper()
	objects, err := p.read(rendered)
	if err != nil {
		t.Fatal(err)
	}
	resource := func(object *unstructured.Unstructured) dynamic.ResourceInterface {
		return client.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: policyResources[object.GetKind()]})
	}
	for _, object := range objects {
		if _, err := resource(object).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", object.GetKind(), err)
		}
	}
	uninstall = sync.OnceFunc(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, object := range objects {
			if err := resource(object).Delete(ctx, object.GetName(), metav1.DeleteOptions{}); err != nil {
				t.Errorf("%s: %v", object.GetKind(), err)
			}
		}
		p.await(ctx, t, client, false)
	})
	t.Cleanup(uninstall)
	p.await(t.Context(), t, client, true)
	return uninstall
}

// read returns the policies and bindings of a file, with the names and namespaces of p.
func (p Policies) read(rendered string) ([]*unstructured.Unstructured, error) {
	file, err := os.Open(rendered)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if _, wanted := policyResources[object.GetKind()]; !wanted || strings.HasSuffix(object.GetName(), "-selected") {
			continue
		}
		if p.RefusalsOnly && strings.HasPrefix(object.GetKind(), "Mutating") {
			continue
		}
		if err := p.rename(object); err != nil {
			return nil, fmt.Errorf("%s: %w", object.GetKind(), err)
		}
		objects = append(objects, object)
	}
	want := len(policyResources)
	if p.RefusalsOnly {
		want /= 2
	}
	if len(objects) != want {
		return nil, fmt.Errorf("%s has %d policies and bindings, want %d", rendered, len(objects), want)
	}
	return objects, nil
}

func (p Policies) rename(object *unstructured.Unstructured) error {
	name := func(name string) string { return strings.Replace(name, "spark-operator", p.Name, 1) }
	object.SetName(name(object.GetName()))
	if strings.HasSuffix(object.GetKind(), "Binding") {
		policy, _, err := unstructured.NestedString(object.Object, "spec", "policyName")
		if err != nil {
			return err
		}
		namespaces := make([]any, 0, len(p.Namespaces))
		for _, namespace := range p.Namespaces {
			namespaces = append(namespaces, namespace)
		}
		expressions := []any{map[string]any{"key": corev1.LabelMetadataName, "operator": "In", "values": namespaces}}
		if err := unstructured.SetNestedField(object.Object, name(policy), "spec", "policyName"); err != nil {
			return err
		}
		return unstructured.SetNestedSlice(object.Object, expressions, "spec", "matchResources", "namespaceSelector", "matchExpressions")
	}
	variables, _, err := unstructured.NestedSlice(object.Object, "spec", "variables")
	if err != nil {
		return err
	}
	given := p.Given
	if given == nil {
		given = map[string]string{}
	}
	text, err := json.Marshal(given)
	if err != nil {
		return err
	}
	for _, entry := range variables {
		if variable, is := entry.(map[string]any); is && variable["name"] == "given" {
			variable["expression"] = string(text)
		}
	}
	return unstructured.SetNestedSlice(object.Object, variables, "spec", "variables")
}

// await waits until the policies apply to the namespaces, or no longer do.
func (p Policies) await(ctx context.Context, t testing.TB, client dynamic.Interface, active bool) {
	t.Helper()
	try := func(conf map[string]any) (*unstructured.Unstructured, error) {
		probe := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": Applications.GroupVersion().String(), "kind": "SparkApplication", "metadata": map[string]any{"name": "probe"},
			"spec": map[string]any{
				"sparkVersion": "4.0.4", "mainApplicationFile": "local:///a.py", "sparkConf": conf,
				"driver": map[string]any{}, "executor": map[string]any{},
			},
		}}
		probe.SetLabels(p.Labels)
		return client.Resource(Applications).Namespace(p.Namespaces[0]).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	}
	var last string
	for range 600 {
		stored, err := try(map[string]any{})
		if err == nil {
			_, defaulted, _ := unstructured.NestedString(stored.Object, "spec", "type")
			_, refusal := try(map[string]any{"spark.kubernetes.container.image": "spark"})
			if defaulted == (active && !p.RefusalsOnly) && (refusal != nil) == active {
				return
			}
			last = fmt.Sprintf("defaulted %t, refusal %v", defaulted, refusal)
		} else {
			last = err.Error()
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("policies %s in %s are not as expected (active: %t): %s", p.Name, p.Namespaces[0], active, last)
}
