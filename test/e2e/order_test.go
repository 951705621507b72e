// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestApplicationBeforeWhatItNeeds applies ServiceAccount, Role, RoleBinding, ConfigMap
// and application as kubectl does with a file: one after the other. All 120 orders are
// tried without a node in test/integration; here Spark runs in the worst and in one in
// between.
func TestApplicationBeforeWhatItNeeds(t *testing.T) {
	for n, order := range [][]string{
		{"application", "config", "binding", "role", "account"},
		{"role", "account", "application", "binding", "config"},
	} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			name := fmt.Sprintf("any-order-%d", n)
			of := metav1.ObjectMeta{Name: name}
			core, rbac := cluster.core.CoreV1(), cluster.core.RbacV1()
			rules := []rbacv1.PolicyRule{{
				APIGroups: []string{""}, Resources: []string{"pods", "services", "configmaps", "persistentvolumeclaims"}, Verbs: []string{"*"},
			}}
			var app *v1beta2.SparkApplication
			steps := map[string]func() error{
				"account": func() error {
					_, err := core.ServiceAccounts(jobNamespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: of}, metav1.CreateOptions{})
					return err
				},
				"role": func() error {
					_, err := rbac.Roles(jobNamespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: of, Rules: rules}, metav1.CreateOptions{})
					return err
				},
				"binding": func() error {
					_, err := rbac.RoleBindings(jobNamespace).Create(t.Context(), &rbacv1.RoleBinding{
						ObjectMeta: of, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
						Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: jobNamespace}},
					}, metav1.CreateOptions{})
					return err
				},
				"config": func() error {
					_, err := core.ConfigMaps(jobNamespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: of, Data: map[string]string{"a": "b"}}, metav1.CreateOptions{})
					return err
				},
				"application": func() error {
					wanted := sparkPi(name, "2")
					wanted.Spec.RestartPolicy.Type = v1beta2.RestartPolicyNever
					wanted.Spec.Driver.ServiceAccount = ptr.To(name)
					wanted.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: name, Path: "/etc/job"}}
					app = create(t, wanted)
					return nil
				},
			}
			for _, what := range order {
				if err := steps[what](); err != nil {
					t.Fatal(errors.Join(errors.New(what), err))
				}
			}
			done := waitForState(t, app, v1beta2.ApplicationStateCompleted)
			wantPi(t, done)
			if done.Status.SubmissionAttempts != 1 {
				t.Errorf("%d submissions", done.Status.SubmissionAttempts)
			}
		})
	}
}
