// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestManifestsAreAdmitted creates every manifest of the project, and what the
// examples need besides the application, with strict field validation as kubectl asks
// for it.
func TestManifestsAreAdmitted(t *testing.T) {
	namespace := newNamespace(t, "manifests")
	mapper := newMapper(t)
	admitted := 0
	for _, file := range append(glob(t, "examples/*.yaml"), glob(t, "pkg/apis/sparkoperator.k8s.io/v1beta2/testdata/*.yaml")...) {
		for _, object := range readObjects(t, file) {
			kind := object.GroupVersionKind()
			mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			target := api.Dynamic.Resource(mapping.Resource).Namespace("")
			if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
				object.SetNamespace(namespace)
				target = api.Dynamic.Resource(mapping.Resource).Namespace(namespace)
			}
			_, err = target.Create(t.Context(), object,
				metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				t.Errorf("%s: %s: %v", file, object.GetName(), err)
			}
			admitted++
		}
	}
	t.Logf("%d manifests", admitted)
}

// glob returns the files of the repository that match.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sim.Repository, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifest matches %s: %v", pattern, err)
	}
	return files
}

func newMapper(t *testing.T) meta.RESTMapper {
	t.Helper()
	groups, err := restmapper.GetAPIGroupResources(api.Core.Discovery())
	if err != nil {
		t.Fatal(err)
	}
	return restmapper.NewDiscoveryRESTMapper(groups)
}

// TestInstallationManifestsAreAdmitted applies what manifests/ holds for kubectl and
// kustomize, besides the CRDs, with strict field validation.
func TestInstallationManifestsAreAdmitted(t *testing.T) {
	newNamespace(t, "spark-operator")
	mapper := newMapper(t)
	for _, file := range []string{
		"base/namespace.yaml", "base/operator.yaml", "overlays/namespaced/namespace.yaml", "overlays/namespaced/operator.yaml",
		"overlays/webhook/operator.yaml", "overlays/ha/deployment.yaml", "overlays/ha/poddisruptionbudget.yaml",
	} {
		objects := readObjects(t, filepath.Join(sim.Repository, "manifests", file))
		if len(objects) == 0 {
			t.Errorf("%s has no objects", file)
		}
		for _, object := range objects {
			kind := object.GroupVersionKind()
			mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			text, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			options := metav1.PatchOptions{FieldManager: file, Force: new(true), FieldValidation: metav1.FieldValidationStrict}
			if strings.HasSuffix(kind.Kind, "WebhookConfiguration") {
				options.DryRun = []string{metav1.DryRunAll} // no webhook answers the other tests
			}
			_, err = api.Dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace()).Patch(t.Context(), object.GetName(), types.ApplyPatchType, text, options)
			if err != nil {
				t.Errorf("%s: %s: %v", file, object.GetName(), err)
			}
		}
	}
}

// TestUnknownFieldsArePruned: Airflow writes spec.labels, which no version of the
// API has; it must be dropped, not refused. A pod template keeps what it holds.
func TestUnknownFieldsArePruned(t *testing.T) {
	namespace := newNamespace(t, "pruning")
	object := &unstructured.Unstructured{}
	err := yaml.Unmarshal([]byte(`
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: pruned}
spec:
  labels: {dag_id: d}
  type: Scala
  sparkVersion: 4.3.0
  mainClass: Main
  mainApplicationFile: local:///a.jar
  driver:
    template: {spec: {fromTheFuture: 1, containers: []}}
  executor: {}
`), object)
	if err != nil {
		t.Fatal(err)
	}
	resource, _ := resourceOf(object)
	stored, err := api.Dynamic.Resource(resource).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, found, _ := unstructured.NestedMap(stored.Object, "spec", "labels"); found {
		t.Error("spec.labels was kept")
	}
	if _, found, _ := unstructured.NestedFieldNoCopy(stored.Object, "spec", "driver", "template", "spec", "fromTheFuture"); !found {
		t.Error("a field of the pod template was dropped")
	}
}

func readObjects(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(text), "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
	return objects
}

func resourceOf(object *unstructured.Unstructured) (resource schema.GroupVersionResource, ours bool) {
	switch object.GetKind() {
	case "SparkApplication":
		return v1beta2.SchemeGroupVersion.WithResource("sparkapplications"), true
	case "ScheduledSparkApplication":
		return v1beta2.SchemeGroupVersion.WithResource("scheduledsparkapplications"), true
	case "SparkConnect":
		return v1alpha1.SchemeGroupVersion.WithResource("sparkconnects"), true
	}
	return schema.GroupVersionResource{}, false
}

// TestMetadataOfEphemeralClaimsIsKept: the schema knows metadata of embedded
// objects, so that strict validation accepts it and nothing of it is pruned.
func TestMetadataOfEphemeralClaimsIsKept(t *testing.T) {
	namespace := newNamespace(t, "ephemeral-metadata")
	const spec = `
  type: Scala
  sparkVersion: 3.5.9
  mainClass: Main
  mainApplicationFile: local:///opt/app/job.jar
  volumes:
  - name: spark-local-dir-1
    ephemeral:
      volumeClaimTemplate:
        metadata:
          labels: {cost-centre: analytics}
          annotations: {example.org/tier: fast}
        spec:
          accessModes: [ReadWriteOnce]
          resources: {requests: {storage: 250G}}
  driver:
    template: {metadata: {labels: {team: a}, annotations: {example.org/a: b}}, spec: {containers: []}}
  executor:
    volumeMounts: [{name: spark-local-dir-1, mountPath: /scratch}]
`
	for kind, text := range map[string]string{
		"SparkApplication":          "spec:" + spec,
		"ScheduledSparkApplication": "spec:\n schedule: '@daily'\n template:" + strings.ReplaceAll(spec, "\n", "\n "),
	} {
		object := &unstructured.Unstructured{}
		text = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: " + kind + "\nmetadata: {name: scratch}\n" + text
		if err := yaml.Unmarshal([]byte(text), object); err != nil {
			t.Fatal(err)
		}
		resource, _ := resourceOf(object)
		stored, err := api.Dynamic.Resource(resource).Namespace(namespace).Create(t.Context(), object.DeepCopy(),
			metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(stored.Object["spec"], object.Object["spec"]) {
			t.Errorf("%s: stored %v\ninstead of %v", kind, stored.Object["spec"], object.Object["spec"])
		}
	}
}
