// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
)

// grant gives the operator the ClusterRoles of the rendered chart and nothing else. An
// administrator would never see what an API server refuses while it starts.
func (p *Plane) grant(ctx context.Context, chart string) error {
	file, err := os.Open(chart)
	if err != nil {
		return fmt.Errorf("rights of the operator: %w", err)
	}
	defer file.Close()
	client, err := kubernetes.NewForConfig(p.Config(Person))
	if err != nil {
		return fmt.Errorf("client of the rights: %w", err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	granted := 0
	for {
		var document runtime.RawExtension
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", chart, err)
		}
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal(document.Raw, &role); err != nil || role.Kind != "ClusterRole" {
			continue // something else
		}
		if _, err := client.RbacV1().ClusterRoles().Create(ctx, &role, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create the ClusterRole of the operator: %w", err)
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: string(Operator)}},
		}
		if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("bind the ClusterRole of the operator: %w", err)
		}
		granted++
	}
	if granted == 0 {
		return fmt.Errorf("%s has no ClusterRole", chart)
	}
	return nil
}
