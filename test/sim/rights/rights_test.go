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
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
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

// TestActAs: the copy of a kubeconfig acts as the account, with and without a user before.
func TestActAs(t *testing.T) {
	process := &Process{Namespace: "spark-operator", Name: "one", Command: []string{"controller", "start"}, Flags: []string{"--namespaces=a"}}
	for name, user := range map[string]string{"administrator": "u", "proxy": ""} {
		folder := t.TempDir()
		given, copied := filepath.Join(folder, "given"), filepath.Join(folder, "copied")
		config := clientcmdapi.NewConfig()
		config.Clusters["c"] = &clientcmdapi.Cluster{Server: "http://127.0.0.1:1"}
		config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: user}
		config.CurrentContext = "x"
		if user != "" {
			config.AuthInfos[user] = clientcmdapi.NewAuthInfo()
		}
		if err := clientcmd.WriteToFile(*config, given); err != nil {
			t.Fatal(err)
		}
		if err := process.ActAs(given, copied); err != nil {
			t.Fatal(err)
		}
		loaded, err := clientcmd.BuildConfigFromFlags("", copied)
		if err != nil || loaded.Impersonate.UserName != "system:serviceaccount:spark-operator:one" {
			t.Errorf("%s: %+v, %v", name, loaded, err)
		}
	}
	if got, want := strings.Join(process.AuthCheck("-o", "rbac"), " "), "auth-check controller start --namespaces=a -o rbac"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
