// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestPoliciesApplyToTheSelectedObjects: of the objects in one namespace, the policies of
// this operator change and refuse only those that spark.applicationSelector selects. An
// update that labels an object for another operator is that operator's to review.
func TestPoliciesApplyToTheSelectedObjects(t *testing.T) {
	const namespace = "selected-policed"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	ours := map[string]string{"team": "data"}
	admission.Policies{Name: "selected", Namespaces: []string{namespace}, Labels: ours}.Install(t, api.Dynamic, rendered)
	object := func(kind, conf string, labels map[string]string) *unstructured.Unstructured {
		object := app(namespace, strings.ToLower(kind), "sparkConf", map[string]any{conf: "x"})
		spec := object.Object["spec"]
		switch kind {
		case "ScheduledSparkApplication":
			object.Object["spec"] = map[string]any{"schedule": "@daily", "template": spec}
		case "SparkConnect":
			object.SetAPIVersion(v1alpha1.SchemeGroupVersion.String())
			object.Object["spec"] = map[string]any{
				"sparkVersion": "4.3.0", "image": "spark", "sparkConf": map[string]any{conf: "x"}, "server": map[string]any{}, "executor": map[string]any{},
			}
		}
		object.SetKind(kind)
		object.SetLabels(labels)
		return object
	}
	store := func(object *unstructured.Unstructured, options ...string) (*unstructured.Unstructured, error) {
		return api.Dynamic.Resource(resourceOf(object)).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{DryRun: options})
	}
	const denied, permitted = "spark.kubernetes.container.image", "spark.x"
	selected := map[string]bool{"team=data": true, "team=ml": true, "team=data,stage=prod": true}
	for _, labels := range []string{
		"team=data", "team=ml", "team=data,stage=prod",
		"", "team=", "team=other", "stage=prod", "team=data,stage=test", "team=data,legacy=", "team=data,legacy=yes",
	} {
		set := map[string]string{}
		for pair := range strings.SplitSeq(labels, ",") {
			if key, value, found := strings.Cut(pair, "="); found {
				set[key] = value
			}
		}
		for _, kind := range []string{"SparkApplication", "ScheduledSparkApplication", "SparkConnect"} {
			_, err := store(object(kind, denied, set), metav1.DryRunAll)
			if selected[labels] != (err != nil && strings.Contains(err.Error(), "use the image field")) || !selected[labels] && err != nil {
				t.Errorf("%s with the labels %q and a denied property: %v", kind, labels, err)
			}
		}
		stored, err := store(object("SparkApplication", permitted, set), metav1.DryRunAll)
		if err != nil {
			t.Errorf("labels %q: %v", labels, err)
		} else if kind, _, _ := unstructured.NestedString(stored.Object, "spec", "type"); (kind == "Scala") != selected[labels] {
			t.Errorf("labels %q: the type is stored as %q", labels, kind)
		}
	}

	for _, kind := range []string{"SparkApplication", "ScheduledSparkApplication", "SparkConnect"} {
		theirs, err := store(object(kind, permitted, nil))
		if err != nil {
			t.Fatal(err)
		}
		path := `{"spec":{"sparkConf":{%q:"y"}}}`
		if kind == "ScheduledSparkApplication" {
			path = `{"spec":{"template":{"sparkConf":{%q:"y"}}}}`
		}
		edit := fmt.Sprintf(path, denied)
		update := func(labels, edit string, options ...string) (*unstructured.Unstructured, error) {
			edit = strings.Replace(edit, "{", `{"metadata":{"labels":`+labels+`},`, 1)
			return api.Dynamic.Resource(resourceOf(theirs)).Namespace(namespace).Patch(t.Context(), theirs.GetName(), types.MergePatchType, []byte(edit), metav1.PatchOptions{DryRun: options})
		}
		if _, err := update(`{}`, edit, metav1.DryRunAll); err != nil {
			t.Errorf("%s: an update of an object of another operator: %v", kind, err)
		}
		if _, err := update(`{"team":"data"}`, edit, metav1.DryRunAll); err == nil || !strings.Contains(err.Error(), "use the image field") {
			t.Errorf("%s: an update that labels it for this operator: %v", kind, err)
		}
		moved, err := update(`{"team":"data"}`, `{"spec":{}}`)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "SparkApplication" {
			if mode, _, _ := unstructured.NestedString(moved.Object, "spec", "mode"); mode != "cluster" {
				t.Errorf("the mode of an application that moves to this operator is stored as %q", mode)
			}
			away, err := update(`{"team":"other"}`, `{"spec":{"mode":null}}`, metav1.DryRunAll)
			if err != nil {
				t.Fatal(err)
			}
			if mode, found, _ := unstructured.NestedString(away.Object, "spec", "mode"); found {
				t.Errorf("the mode of an application that moves to another operator is stored as %q", mode)
			}
		}
		if _, err := update(`{"team":"other"}`, edit, metav1.DryRunAll); err != nil {
			t.Errorf("%s: an update that labels it for another operator: %v", kind, err)
		}
	}
}
