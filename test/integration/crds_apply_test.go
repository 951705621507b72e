// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/spark-operator/spark-operator/test/sim"
)

var crdNames = []string{"scheduledsparkapplications.sparkoperator.k8s.io", "sparkapplications.sparkoperator.k8s.io", "sparkconnects.sparkoperator.k8s.io"}

// TestCRDsApply: the command upgrades the CRDs of kubeflow/spark-operator with no more
// rights than the chart's hook has, changes nothing when there is nothing to change,
// and refuses to replace a newer CRD.
func TestCRDsApply(t *testing.T) {
	crds := api.Dynamic.Resource(crdResource)
	get := func(ctx context.Context, name string) *unstructured.Unstructured {
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return crd
	}
	originals := map[string]*unstructured.Unstructured{}
	for _, name := range crdNames {
		originals[name] = get(t.Context(), name)
	}
	t.Cleanup(func() {
		for name, original := range originals {
			replaceCRD(t, name, original.Object["spec"])
		}
	})

	kubeconfig := hookKubeconfig(t)
	apply := func(arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), operatorBinary, append([]string{"crds", "apply", "--kubeconfig", kubeconfig}, arguments...)...)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		output, err := command.Output()
		for line := range strings.Lines(stderr.String()) {
			if strings.HasPrefix(line, "Error: ") {
				output = append(output, line...)
			}
		}
		return string(output), err
	}
	expect := func(what string, lines ...string) {
		t.Helper()
		output, err := apply()
		if err != nil {
			t.Fatalf("%s: %v: %s", what, err, output)
		}
		for i, line := range lines {
			lines[i] = crdNames[i] + " " + line + "\n"
		}
		if want := strings.Join(lines, ""); output != want {
			t.Errorf("%s: %q, want %q", what, output, want)
		}
	}

	paths := kubeflowPaths(t)
	for _, name := range crdNames {
		reduced := originals[name].DeepCopy()
		kind, _, _ := unstructured.NestedString(reduced.Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(reduced.Object, "spec", "versions")
		schema := versions[0].(map[string]any)["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
		if removed := reduceTo(schema, "", paths[kind]); removed < 5 {
			t.Fatalf("%s: only %d fields are ours", kind, removed)
		}
		if err := unstructured.SetNestedSlice(reduced.Object, versions, "spec", "versions"); err != nil {
			t.Fatal(err)
		}
		replaceCRD(t, name, reduced.Object["spec"])
	}

	output, err := apply("--dry-run")
	if err != nil || strings.Count(output, "configured (dry run)") != len(crdNames) {
		t.Errorf("dry run: %v, %s", err, output)
	}
	if crd := get(t.Context(), crdNames[1]); hasField(crd, "status", "attempts") {
		t.Error("the dry run changed the CRD")
	}
	expect("upgrade", "configured", "configured", "configured")
	for _, name := range crdNames {
		if got, want := get(t.Context(), name).Object["spec"], originals[name].Object["spec"]; !equal(got, want) {
			t.Errorf("%s differs from that of a new installation", name)
		}
	}
	expect("again", "unchanged", "unchanged", "unchanged")

	// A field of a later version.
	newer := originals[crdNames[1]].DeepCopy()
	versions, _, _ := unstructured.NestedSlice(newer.Object, "spec", "versions")
	err = unstructured.SetNestedField(versions[0].(map[string]any), "string",
		"schema", "openAPIV3Schema", "properties", "spec", "properties", "ofTheFuture", "type")
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]any{}
	maps.Copy(old, versions[0].(map[string]any))
	old["name"], old["storage"], old["served"] = "v1beta1", false, false
	if err := unstructured.SetNestedSlice(newer.Object, append(versions, old), "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	replaceCRD(t, crdNames[1], newer.Object["spec"])
	generation := get(t.Context(), crdNames[1]).GetGeneration()
	output, err = apply()
	if err == nil || !strings.Contains(output, "objects would lose spec.ofTheFuture") || strings.Count(output, "\n") != 1 {
		t.Errorf("downgrade: %v, %q", err, output)
	}
	if get(t.Context(), crdNames[1]).GetGeneration() != generation {
		t.Error("the refused downgrade changed the CRD")
	}

	// Without that field the old version stays.
	unstructured.RemoveNestedField(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", "ofTheFuture")
	if err := unstructured.SetNestedSlice(newer.Object, append(versions, old), "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	replaceCRD(t, crdNames[1], newer.Object["spec"])
	expect("with an old version", "unchanged", "unchanged, keeps v1beta1", "unchanged")
	kept, _, _ := unstructured.NestedSlice(get(t.Context(), crdNames[1]).Object, "spec", "versions")
	if len(kept) != 2 {
		t.Errorf("%d versions, want the old one, too", len(kept))
	}
}

func equal(a, b any) bool {
	left, right := &unstructured.Unstructured{Object: map[string]any{"a": a}}, &unstructured.Unstructured{Object: map[string]any{"a": b}}
	x, errX := left.MarshalJSON()
	y, errY := right.MarshalJSON()
	return errX == nil && errY == nil && slices.Equal(x, y)
}

func hasField(crd *unstructured.Unstructured, part, field string) bool {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	_, found, _ := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", part, "properties", field)
	return found
}

// hookKubeconfig returns a kubeconfig with the rights of the chart's hook, which
// TestHook of test/chart pins.
func hookKubeconfig(t *testing.T) string {
	t.Helper()
	const name = "crds-hook"
	meta := metav1.ObjectMeta{Name: name}
	group := []string{crdResource.Group}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: group, Resources: []string{crdResource.Resource}, Verbs: []string{"get", "patch"}, ResourceNames: crdNames},
		{APIGroups: group, Resources: []string{crdResource.Resource}, Verbs: []string{"create"}},
	}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
	}
	if _, err := api.Core.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Core.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return impersonating(t, name)
}

// impersonating returns a kubeconfig of a user who has no rights but those given to the
// name.
func impersonating(t *testing.T, name string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(api.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		user.Impersonate = name
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// kubeflowPaths are the schema paths of the CRDs of kubeflow/spark-operator, by kind.
func kubeflowPaths(t *testing.T) map[string]map[string]bool {
	t.Helper()
	file, err := os.Open(sim.Repository + "/pkg/apis/sparkoperator.k8s.io/v1beta2/testdata/crd-paths.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]map[string]bool{}
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if strings.HasPrefix(lines.Text(), "#") || len(fields) < 3 {
			continue
		}
		if paths[fields[0]] == nil {
			paths[fields[0]] = map[string]bool{}
		}
		paths[fields[0]][fields[2]] = true
	}
	return paths
}

// reduceTo removes the properties of spec and status whose paths are not listed and
// returns how many it removed.
func reduceTo(schema map[string]any, path string, listed map[string]bool) (removed int) {
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		below := strings.TrimPrefix(path+"."+name, ".")
		top, _, _ := strings.Cut(below, ".")
		if top != "spec" && top != "status" {
			continue
		}
		if !listed[below] {
			delete(properties, name)
			removed++
			continue
		}
		removed += reduceTo(property.(map[string]any), below, listed)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		removed += reduceTo(items, path+"[]", listed)
	}
	if values, ok := schema["additionalProperties"].(map[string]any); ok {
		removed += reduceTo(values, path+"{}", listed)
	}
	// What is not there cannot be required, nor ruled.
	if required, ok := schema["required"].([]any); ok && properties != nil {
		schema["required"] = slices.DeleteFunc(required, func(name any) bool { return properties[name.(string)] == nil })
	}
	delete(schema, "x-kubernetes-validations")
	return removed
}
