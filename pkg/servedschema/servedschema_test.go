// SPDX-License-Identifier: Apache-2.0

package servedschema

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/openapi"
	"k8s.io/klog/v2/ktesting"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// document is the OpenAPI document of our CRDs after an edit of the properties of each
// status.
func document(t *testing.T, edit func(kind string, status map[string]any)) []byte {
	t.Helper()
	schemas := map[string]any{}
	for kind, file := range map[string]string{
		"SparkApplication":          "sparkoperator.k8s.io_sparkapplications.yaml",
		"ScheduledSparkApplication": "sparkoperator.k8s.io_scheduledsparkapplications.yaml",
	} {
		content, err := os.ReadFile("../../manifests/crd/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var crd map[string]any
		if err := yaml.Unmarshal(content, &crd); err != nil {
			t.Fatal(err)
		}
		versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
		object := within(t, versions[0], "schema", "openAPIV3Schema")
		edit(kind, within(t, object, "properties", "status", "properties"))
		object["x-kubernetes-group-version-kind"] = []any{map[string]any{
			"group": v1beta2.SchemeGroupVersion.Group, "version": v1beta2.SchemeGroupVersion.Version, "kind": kind,
		}}
		schemas["io.k8s.sparkoperator.v1beta2."+kind] = object
	}
	raw, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": schemas}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// within returns the map at a path.
func within(t *testing.T, value any, path ...string) map[string]any {
	t.Helper()
	for _, key := range path {
		value = value.(map[string]any)[key]
	}
	found, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("there is nothing at %q", path)
	}
	return found
}

// TestMissingFields: our own CRDs lack nothing; what is taken from them is named.
func TestMissingFields(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(kind string, status map[string]any)
		want []string
	}{
		"our own": {func(string, map[string]any) {}, nil},
		"one field": {func(kind string, status map[string]any) {
			if kind == "SparkApplication" {
				delete(status, "observedSpecHash")
			}
		}, []string{"SparkApplication.status.observedSpecHash"}},
		"a field of a list": {func(kind string, status map[string]any) {
			if kind == "SparkApplication" {
				delete(within(t, status, "attempts", "items", "properties"), "logTail")
			}
		}, []string{"SparkApplication.status.attempts[].logTail"}},
		"a field of a schedule": {func(kind string, status map[string]any) {
			if kind == "ScheduledSparkApplication" {
				delete(status, "settledTime")
			}
		}, []string{"ScheduledSparkApplication.status.settledTime"}},
		"those that the CRDs of kubeflow/spark-operator lack": {func(kind string, status map[string]any) {
			delete(status, "conditions")
			delete(status, "observedGeneration")
		}, []string{
			"ScheduledSparkApplication.status.conditions", "ScheduledSparkApplication.status.observedGeneration",
			"SparkApplication.status.conditions", "SparkApplication.status.observedGeneration",
		}},
	} {
		got, err := missingFields(document(t, test.edit), v1beta2.SchemeGroupVersion)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

// TestCheckFollowsTheServer: what is missing is known until the CRDs are brought up to
// date, and a server that does not answer changes nothing.
func TestCheckFollowsTheServer(t *testing.T) {
	_, ctx := ktesting.NewTestContext(t)
	server := &server{document: document(t, func(_ string, status map[string]any) { delete(status, "conditions") })}
	checker := New(server)
	if checker.Err() != nil {
		t.Error("something is missing before anything was read")
	}
	checker.Check(ctx)
	if err := checker.Err(); err == nil || !strings.Contains(err.Error(), "SparkApplication.status.conditions") || !strings.Contains(err.Error(), Remedy) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	server.err = errors.New("no answer")
	checker.Check(ctx)
	if len(checker.Missing()) == 0 {
		t.Error("forgotten when the server did not answer")
	}
	server.err = nil // the hash in the address stays the same
	server.document = document(t, func(string, map[string]any) {})
	checker.Check(ctx)
	if err := checker.Err(); err != nil {
		t.Errorf("error %v after the CRDs were brought up to date", err)
	}
}

// server publishes one document.
type server struct {
	document []byte
	err      error
}

func (s *server) Paths() (map[string]openapi.GroupVersion, error) {
	return map[string]openapi.GroupVersion{"apis/" + v1beta2.SchemeGroupVersion.String(): s}, s.err
}

func (s *server) Schema(string) ([]byte, error) {
	return s.document, nil
}

func (s *server) ServerRelativeURL() string { return "/openapi?hash=1" }

// TestMissingFieldsOfServers: the CRD of SparkConnect is compared as well, if it is
// installed.
func TestMissingFieldsOfServers(t *testing.T) {
	content, err := os.ReadFile("../../manifests/crd/sparkoperator.k8s.io_sparkconnects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd map[string]any
	if err := yaml.Unmarshal(content, &crd); err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
	object := within(t, versions[0], "schema", "openAPIV3Schema")
	version := v1alpha1.SchemeGroupVersion
	object["x-kubernetes-group-version-kind"] = []any{map[string]any{"group": version.Group, "version": version.Version, "kind": "SparkConnect"}}
	for _, removed := range []string{"", "stopReason"} {
		delete(within(t, object, "properties", "status", "properties"), removed)
		raw, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": map[string]any{"any": object}}})
		if err != nil {
			t.Fatal(err)
		}
		missing, err := missingFields(raw, version)
		if err != nil || removed == "" && len(missing) > 0 || removed != "" && !slices.Equal(missing, []string{"SparkConnect.status." + removed}) {
			t.Errorf("without %q: missing %q, %v", removed, missing, err)
		}
	}
}
