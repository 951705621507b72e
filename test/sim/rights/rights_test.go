// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

const rendered = "../../chart/testdata/all-namespaces.golden.yaml"

// TestGrant: the account of the chart and others are bound to the roles of the chart.
func TestGrant(t *testing.T) {
	client := fake.NewClientset().RbacV1()
	other := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "other"}
	if err := Grant(t.Context(), client, rendered, other); err != nil {
		t.Fatal(err)
	}
	bindings, err := client.ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(bindings.Items) == 0 {
		t.Fatalf("bindings %v, %v", bindings, err)
	}
	bound := false
	for i := range bindings.Items {
		binding := &bindings.Items[i]
		if _, err := client.ClusterRoles().Get(t.Context(), binding.RoleRef.Name, metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
		if !slices.Contains(binding.Subjects, other) {
			t.Errorf("%s does not bind the other: %v", binding.Name, binding.Subjects)
		}
		bound = bound || slices.ContainsFunc(binding.Subjects, func(subject rbacv1.Subject) bool {
			return strings.Join([]string{"system:serviceaccount", subject.Namespace, subject.Name}, ":") == Account
		})
	}
	if !bound {
		t.Errorf("%s is not bound", Account)
	}
}

// TestGrantWithoutRoles: a file that grants nothing is not the chart.
func TestGrantWithoutRoles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chart.yaml")
	if err := os.WriteFile(file, []byte("kind: Service\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Grant(t.Context(), fake.NewClientset().RbacV1(), file); err == nil || !strings.Contains(err.Error(), "has no ClusterRole") {
		t.Errorf("got %v", err)
	}
}
