// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/client-go/dynamic"

	"github.com/spark-operator/spark-operator/test/sim"
)

// TestDefaultsAreNoDrift applies every manifest twice, on the client as `kubectl apply`
// does and on the server, with the defaults of the webhook and with those of the admission
// policies. The second time nothing changes, and nothing differs for `kubectl diff` and for
// the comparisons of Argo CD.
func TestDefaultsAreNoDrift(t *testing.T) {
	hooked, policed := install(t, "drift-hooked", admissionregistrationv1.Fail), "drift-policed"
	if err := sim.CreateNamespace(t.Context(), api.Core, policed); err != nil {
		t.Fatal(err)
	}
	hooked.start(t, hooked.port)
	installPolicies(t, "drift", nil, policed)
	hooked.works(t, 30*time.Second)
	applied := map[string]int{}
	for _, m := range manifests(t, 20) {
		for _, namespace := range []string{hooked.name, policed} {
			object := m.in(t, namespace)
			client := api.Dynamic.Resource(resourceOf(object)).Namespace(namespace)
			stored, err := client.Create(t.Context(), object.DeepCopy(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				continue // refused
			}
			applied[namespace]++
			t.Run(namespace+"/"+m.name, func(t *testing.T) {
				lost := !contains(stored.Object["spec"], object.Object["spec"])
				appliedByClient(t, client, object, lost)
				appliedByServer(t, client, object)
			})
		}
	}
	if applied[hooked.name] < 150 || applied[policed] < 150 {
		t.Errorf("applied only %v manifests", applied)
	}
}

// contains reports whether everything in part is in whole: the schema drops fields that it
// does not know, and nulls.
func contains(whole, part any) bool {
	parts, is := part.(map[string]any)
	if !is {
		return reflect.DeepEqual(whole, part)
	}
	wholes, _ := whole.(map[string]any)
	for key := range parts {
		if value, found := wholes[key]; !found || !contains(value, parts[key]) {
			return false
		}
	}
	return true
}

// appliedByClient applies an object twice as `kubectl apply` does: by the three-way merge
// patch of the last applied manifest, the manifest, and what is stored. `kubectl diff` and
// the three-way comparison of Argo CD show the same patch. Lost is true if the schema does
// not keep all of the manifest; a patch then adds it again each time, with or without
// defaults.
func appliedByClient(t *testing.T, client dynamic.ResourceInterface, manifest *unstructured.Unstructured, lost bool) {
	t.Helper()
	original, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	with := manifest.DeepCopy()
	annotations := with.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[corev1.LastAppliedConfigAnnotation] = string(original)
	with.SetAnnotations(annotations)
	first, err := client.Create(t.Context(), with, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, client, manifest.GetName())
	modified, err := json.Marshal(with)
	if err != nil {
		t.Fatal(err)
	}
	live, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, live)
	if err != nil {
		t.Fatal(err)
	}
	if string(patch) != "{}" && !lost {
		t.Errorf("the second time the patch is %s", patch)
	}
	second, err := client.Patch(t.Context(), manifest.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-client-side-apply"})
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, "applied again on the client", first, second)

	// An object that a client has applied can be applied on the server.
	options := metav1.ApplyOptions{FieldManager: "argocd-controller", Force: true}
	third, err := client.Apply(t.Context(), manifest.GetName(), manifest, options)
	if err != nil {
		t.Fatal(err)
	}
	if third.GetGeneration() != first.GetGeneration() {
		t.Errorf("applying it on the server changes the spec")
	}
}

// appliedByServer applies an object twice with server-side apply. The comparison of Argo CD
// on the server is a dry run of the same request.
func appliedByServer(t *testing.T, client dynamic.ResourceInterface, manifest *unstructured.Unstructured) {
	t.Helper()
	options := metav1.ApplyOptions{FieldManager: "argocd-controller"}
	first, err := client.Apply(t.Context(), manifest.GetName(), manifest, options)
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, client, manifest.GetName())
	options.DryRun = []string{metav1.DryRunAll}
	predicted, err := client.Apply(t.Context(), manifest.GetName(), manifest, options)
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, "predicted by a dry run", first, predicted)
	options.DryRun = nil
	second, err := client.Apply(t.Context(), manifest.GetName(), manifest, options)
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, "applied again on the server", first, second)
}

func unchanged(t *testing.T, when string, first, second *unstructured.Unstructured) {
	t.Helper()
	if first.GetResourceVersion() != second.GetResourceVersion() || first.GetGeneration() != second.GetGeneration() ||
		!reflect.DeepEqual(first.Object["spec"], second.Object["spec"]) {
		t.Errorf("%s: generation %d, then %d:\n%v\n%v", when, first.GetGeneration(), second.GetGeneration(), first.Object, second.Object)
	}
}

func remove(t *testing.T, client dynamic.ResourceInterface, name string) {
	t.Helper()
	if err := client.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}); err != nil {
		t.Error(fmt.Errorf("delete: %w", err))
	}
}
