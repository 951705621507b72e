// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// byName returns objects by kind, namespace and name, without what says who manages them.
func byName(t *testing.T, documents []string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for _, document := range documents {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(object.Object) == 0 {
			continue
		}
		labels := object.GetLabels()
		delete(labels, "helm.sh/chart")
		delete(labels, "app.kubernetes.io/managed-by")
		object.SetLabels(labels)
		found[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = object.Object
	}
	return found
}

// TestManifestsAreTheChart: who uses kubectl or kustomize gets what Helm installs, the
// CRDs and a namespace.
func TestManifestsAreTheChart(t *testing.T) {
	crds, err := filepath.Glob(chart + "/crds/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for folder, arguments := range map[string][]string{
		"base":                {"--set", "spark.jobNamespaces={}"},
		"overlays/namespaced": nil,
		"overlays/webhook":    {"--set", "spark.jobNamespaces={},webhook.enable=true"},
		"overlays/ha":         {"--values", "testdata/ha.values.yaml"},
	} {
		t.Run(folder, func(t *testing.T) {
			text, err := template(t, arguments...)
			if err != nil {
				t.Fatal(err)
			}
			want := byName(t, strings.Split(text, "\n---\n"))
			for _, file := range crds {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for name, object := range byName(t, []string{string(content)}) {
					want[name] = object
				}
			}
			var stderr bytes.Buffer
			build := exec.CommandContext(t.Context(), program(t, "kustomize"), "build", root+"/manifests/"+folder)
			build.Stderr = &stderr
			output, err := build.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, &stderr)
			}
			got := byName(t, strings.Split(string(output), "\n---\n"))
			delete(got, "Namespace /spark-operator")
			for name, object := range want {
				if !reflect.DeepEqual(got[name], object) {
					t.Errorf("%s differs from the chart's: run make generate-chart\n got %v\nwant %v", name, got[name], object)
				}
				delete(got, name)
			}
			for name := range got {
				t.Errorf("%s is not in the chart", name)
			}
		})
	}
}
