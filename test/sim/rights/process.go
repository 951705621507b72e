// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

// Process is an account of one process of the operator, which may do what its flags need.
// The chart grants the same: TestRulesAreWhatTheFlagsNeed in test/chart.
type Process struct {
	// Binary is the operator's.
	Binary string
	// Namespace and Name are those of the service account. The namespace exists.
	Namespace, Name string
	// Command and Flags are those of the process, such as controller start.
	Command, Flags []string
}

// User is the account as the API server knows it.
func (p *Process) User() string {
	return "system:serviceaccount:" + p.Namespace + ":" + p.Name
}

// AuthCheck is the command line that checks the permissions of the process.
func (p *Process) AuthCheck(arguments ...string) []string {
	return slices.Concat([]string{"auth-check"}, p.Command, p.Flags, arguments)
}

// Grant creates the account, its roles and their bindings, or brings roles that exist up
// to date.
func (p *Process) Grant(ctx context.Context, client kubernetes.Interface) error {
	output, err := exec.CommandContext(ctx, p.Binary, p.AuthCheck("-o", "rbac")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("rights of %s: %w: %s", p.Name, err, output)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: p.Name}}
	if _, err := client.CoreV1().ServiceAccounts(p.Namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("account %s: %w", p.Name, err)
	}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: p.Namespace, Name: p.Name}}
	for document := range strings.SplitSeq(strings.TrimPrefix(string(output), "---\n"), "\n---\n") {
		var role rbacv1.ClusterRole // of which a Role is a part
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			return fmt.Errorf("rights of %s: %w", p.Name, err)
		}
		role.Name = p.Name
		if err := bind(ctx, client, &role, subjects); err != nil {
			return fmt.Errorf("rights of %s: %w", p.Name, err)
		}
		if err := p.awaitRole(ctx, client, &role); err != nil {
			return fmt.Errorf("rights of %s: %w", p.Name, err)
		}
	}
	return nil
}

// awaitRole waits until the API server has learnt of a role, by its last rule.
func (p *Process) awaitRole(ctx context.Context, client kubernetes.Interface, role *rbacv1.ClusterRole) error {
	rule := &role.Rules[len(role.Rules)-1]
	resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
	attributes := &authorizationv1.ResourceAttributes{
		Namespace: role.Namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: resource, Subresource: subresource,
		Name: strings.Join(rule.ResourceNames, ""),
	}
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: p.User(), ResourceAttributes: attributes},
		}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	})
}

// bind creates a role with a binding of the same name.
func bind(ctx context.Context, client kubernetes.Interface, role *rbacv1.ClusterRole, subjects []rbacv1.Subject) error {
	reference := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: role.Name}
	meta := metav1.ObjectMeta{Namespace: role.Namespace, Name: role.Name}
	rbac := client.RbacV1()
	var granted, bound error
	if role.Kind == "ClusterRole" {
		if _, granted = rbac.ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); apierrors.IsAlreadyExists(granted) {
			_, granted = rbac.ClusterRoles().Update(ctx, role, metav1.UpdateOptions{})
		}
		_, bound = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: reference}, metav1.CreateOptions{})
	} else {
		one := &rbacv1.Role{ObjectMeta: meta, Rules: role.Rules}
		if _, granted = rbac.Roles(role.Namespace).Create(ctx, one, metav1.CreateOptions{}); apierrors.IsAlreadyExists(granted) {
			_, granted = rbac.Roles(role.Namespace).Update(ctx, one, metav1.UpdateOptions{})
		}
		_, bound = rbac.RoleBindings(role.Namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: reference}, metav1.CreateOptions{})
	}
	if apierrors.IsAlreadyExists(bound) {
		bound = nil
	}
	return errors.Join(granted, bound)
}

// Token returns a token of the account.
func (p *Process) Token(ctx context.Context, client kubernetes.Interface) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](3600)}}
	token, err := client.CoreV1().ServiceAccounts(p.Namespace).CreateToken(ctx, p.Name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of %s: %w", p.Name, err)
	}
	return token.Status.Token, nil
}

// ActAs writes a copy of a kubeconfig whose user acts as the account.
func (p *Process) ActAs(kubeconfig, copied string) error {
	config, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	current := config.Contexts[config.CurrentContext]
	user := config.AuthInfos[current.AuthInfo]
	if user == nil {
		user, current.AuthInfo = clientcmdapi.NewAuthInfo(), "administrator"
		config.AuthInfos[current.AuthInfo] = user
	}
	user.Impersonate = p.User()
	if err := clientcmd.WriteToFile(*config, copied); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	return nil
}
