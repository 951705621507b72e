// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// installCRDsWithoutRules takes out of all CRDs what refuses values, until restore is
// called or the test ends.
func installCRDsWithoutRules(t *testing.T) (restore func()) {
	t.Helper()
	crds := api.Dynamic.Resource(crdResource)
	original := map[string]any{}
	restore = func() {
		for name, spec := range original {
			replaceCRD(t, name, spec)
		}
	}
	t.Cleanup(restore)
	for _, name := range []string{
		"sparkapplications.sparkoperator.k8s.io", "scheduledsparkapplications.sparkoperator.k8s.io", "sparkconnects.sparkoperator.k8s.io",
	} {
		crd, err := crds.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		reduced := crd.DeepCopy()
		original[name] = crd.Object["spec"]
		withoutRules(reduced.Object["spec"])
		replaceCRD(t, name, reduced.Object["spec"])
	}
	return restore
}

// withoutRules removes the constraints of a schema and of all that is in it, besides what
// the schemas of Kubernetes' own types require.
func withoutRules(node any) {
	switch node := node.(type) {
	case map[string]any:
		for _, constraint := range []string{
			"x-kubernetes-validations", "minimum", "maximum", "minLength", "maxLength", "maxItems", "maxProperties", "enum",
		} {
			if _, isSchema := node[constraint].(map[string]any); !isSchema { // of a field that has this name
				delete(node, constraint)
			}
		}
		for _, child := range node {
			withoutRules(child)
		}
		properties, _ := node["properties"].(map[string]any)
		if properties["mainApplicationFile"] != nil || properties["servicePort"] != nil || properties["schedule"] != nil {
			delete(node, "required")
		}
	case []any:
		for _, child := range node {
			withoutRules(child)
		}
	}
}

// notStored are the bad manifests that every version of the CRD refuses, and a schedule
// whose runs alone are refused.
var notStored = map[string]bool{
	"name-in-capitals": true, "main-file-missing": true, "schedule-missing": true, "template-main-class": true, "history-claim-name": true,
	"version-missing": true,
}

// ratchetsStatus is the first minor version of Kubernetes that writes the status of a stored
// object although a CEL rule refuses its spec. Older ones check the rules again with each
// write of the status, so such an application never gets one; nothing else differs.
const ratchetsStatus = 33

// TestRulesDoNotLockStoredObjects: every bad manifest is stored, as it was before the CRD
// had rules; then the CRD is updated. The operator writes its status, and the object can
// be labelled, suspended and deleted with its finalizer.
func TestRulesDoNotLockStoredObjects(t *testing.T) {
	namespace := newNamespace(t, "ratchet")
	restore := installCRDsWithoutRules(t)
	collection, err := admission.BadManifests()
	if err != nil {
		t.Fatal(err)
	}
	resources := map[string]schema.GroupVersionResource{
		"SparkApplication":          {Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "sparkapplications"},
		"ScheduledSparkApplication": {Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "scheduledsparkapplications"},
		"SparkConnect":              {Group: "sparkoperator.k8s.io", Version: "v1alpha1", Resource: "sparkconnects"},
	}
	type stored struct {
		admission.Bad
		resource schema.GroupVersionResource
	}
	create := func(bad *stored, options metav1.CreateOptions) error {
		_, err := api.Dynamic.Resource(bad.resource).Namespace(namespace).Create(t.Context(), bad.Object, options)
		return err
	}
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	var all []*stored
	for i, bad := range collection {
		if bad.CRD != "" || notStored[bad.Name] || strings.HasPrefix(bad.Name, "size of ") && bad.Name != "size of spec.imagePullSecrets" {
			continue // the CRD does not refuse it, every CRD does, or it is one of many of a kind
		}
		one := &stored{Bad: bad, resource: resources[bad.Object.GetKind()]}
		if one.Object.GetName() == "bad" {
			one.Object.SetName("bad-" + strings.ToLower(string(rune('a'+i/26))+string(rune('a'+i%26))))
		}
		one.Object.SetFinalizers([]string{"example.com/keep"})
		// The API server takes a moment to use another CRD.
		err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
			err := create(one, metav1.CreateOptions{})
			if err == nil {
				all = append(all, one)
			}
			return err == nil, nil
		})
		if err != nil {
			t.Fatalf("%s: the CRD without rules refuses it: %v", one.Name, create(one, dryRun))
		}
	}
	t.Logf("%d objects are stored", len(all))
	if len(all) < 60 {
		t.Fatalf("%d objects are too few", len(all))
	}

	restore()
	for _, one := range all {
		probe := one.Object.DeepCopy()
		probe.SetName("probe-" + one.Object.GetName())
		if strings.HasPrefix(one.Name, "name-") {
			probe.SetName(one.Object.GetName()) // refused before its existence is known
		}
		err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
			_, err := api.Dynamic.Resource(one.resource).Namespace(namespace).Create(ctx, probe, dryRun)
			return apierrors.IsInvalid(err), nil
		})
		if err != nil {
			t.Errorf("%s: the CRD accepts a new one", one.Name)
		}
	}

	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	without := 0
	for _, one := range all {
		objects, name := api.Dynamic.Resource(one.resource).Namespace(namespace), one.Object.GetName()
		var state, reason string
		var refused bool
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			object, err := objects.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			if state, _, _ = unstructured.NestedString(object.Object, "status", "scheduleState"); state != "" {
				reason, _, _ = unstructured.NestedString(object.Object, "status", "reason")
				return state == "FailedValidation" && reason != "", nil
			}
			if api.Minor < ratchetsStatus && object.Object["status"] == nil {
				object.Object["status"] = map[string]any{}
				_, err := objects.UpdateStatus(ctx, object, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
				refused = apierrors.IsInvalid(err)
				return refused, nil
			}
			if one.Object.GetKind() == "SparkConnect" {
				state, _, _ = unstructured.NestedString(object.Object, "status", "state")
				return state == string(v1alpha1.SparkConnectStateFailed), nil
			}
			state, _, _ = unstructured.NestedString(object.Object, "status", "applicationState", "state")
			reason, _, _ = unstructured.NestedString(object.Object, "status", "applicationState", "errorMessage")
			return state == "FAILED" && reason != "", nil
		})
		if err != nil {
			t.Errorf("%s: state %q, reason %q: %v", one.Name, state, reason, err)
		}
		if refused {
			without++
		}
		for _, patch := range []string{`{"metadata":{"labels":{"a":"b"}}}`, `{"spec":{"suspend":true}}`} {
			if _, err := objects.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Errorf("%s: %s: %v", one.Name, patch, err)
			}
		}
		if err := objects.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("%s: delete: %v", one.Name, err)
		}
		if _, err := objects.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
			t.Errorf("%s: finalizer: %v", one.Name, err)
		}
		if _, err := objects.Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s: still there: %v", one.Name, err)
		}
	}
	if without > 0 {
		t.Logf("%d objects get no status before Kubernetes 1.%d", without, ratchetsStatus)
	}
}
