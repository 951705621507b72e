// SPDX-License-Identifier: Apache-2.0

// Package rights gives an operator outside of the cluster what the chart grants, and
// nothing else: an administrator would never see what an API server refuses.
package rights

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"sigs.k8s.io/yaml"
)

// Account is the user to whom the chart grants its rights, as it is rendered in
// test/chart.
const Account = "system:serviceaccount:spark-operator:spark-operator-controller"

// Namespace is where the chart is installed. It must exist before Grant.
const Namespace = "spark-operator"

// Grant creates the roles and the bindings of a rendered chart, of which each kind must
// be there. Others get what Account gets.
func Grant(ctx context.Context, client rbacclient.RbacV1Interface, chart string, others ...rbacv1.Subject) error {
	file, err := os.Open(chart)
	if err != nil {
		return fmt.Errorf("rights of the operator: %w", err)
	}
	defer file.Close()
	granted := map[string]int{}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(file))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var kind metav1.TypeMeta
		if err = errors.Join(err, yaml.Unmarshal(document, &kind)); err != nil {
			return fmt.Errorf("%s: %w", chart, err)
		}
		switch kind.Kind {
		case "ClusterRole":
			err = create(ctx, document, client.ClusterRoles(), func(*rbacv1.ClusterRole) {})
		case "ClusterRoleBinding":
			err = create(ctx, document, client.ClusterRoleBindings(), func(b *rbacv1.ClusterRoleBinding) { b.Subjects = append(b.Subjects, others...) })
		case "Role":
			err = create(ctx, document, client.Roles(Namespace), func(*rbacv1.Role) {})
		case "RoleBinding":
			err = create(ctx, document, client.RoleBindings(Namespace), func(b *rbacv1.RoleBinding) { b.Subjects = append(b.Subjects, others...) })
		default:
			continue
		}
		if err != nil {
			return fmt.Errorf("create the %s of %s: %w", kind.Kind, chart, err)
		}
		granted[kind.Kind]++
	}
	for _, kind := range []string{"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} {
		if granted[kind] == 0 {
			return fmt.Errorf("%s has no %s", chart, kind)
		}
	}
	return nil
}

type creator[T any] interface {
	Create(ctx context.Context, object *T, options metav1.CreateOptions) (*T, error)
}

func create[T any](ctx context.Context, document []byte, client creator[T], change func(*T)) error {
	object := new(T)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return err
	}
	change(object)
	_, err := client.Create(ctx, object, metav1.CreateOptions{})
	return err
}
