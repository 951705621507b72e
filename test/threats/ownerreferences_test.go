// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestOwnerReferencesNeedPermission: with the admission plugin
// OwnerReferencesPermissionEnforcement, an account that may not update the finalizers of an
// owner may not create what the operator creates for it.
func TestOwnerReferencesNeedPermission(t *testing.T) {
	t.Parallel()
	const namespace = "rights-owners"
	newNamespace(t, namespace, "unprivileged")
	process, config := account(t, namespace, []string{"controller", "start"}, "--namespaces="+namespace)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for kind, version := range map[string]string{
		"SparkApplication": v1beta2.SchemeGroupVersion.String(), "ScheduledSparkApplication": v1beta2.SchemeGroupVersion.String(),
		"SparkConnect": v1alpha1.SchemeGroupVersion.String(),
	} {
		owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: version, Kind: kind, Name: "owner", UID: "1", Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
		}}}}
		try := func(ctx context.Context) error {
			_, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, owned, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		}
		if err := try(t.Context()); err != nil {
			t.Fatal(err)
		}
		resource := strings.ToLower(kind) + "s/finalizers"
		role, err := api.Core.RbacV1().Roles(namespace).Get(t.Context(), process.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		count := len(role.Rules)
		for i := range role.Rules {
			if slices.Equal(role.Rules[i].Resources, []string{resource}) {
				role.Rules = slices.Delete(role.Rules, i, i+1)
				break
			}
		}
		if len(role.Rules) == count {
			t.Fatalf("no rule for %s", resource)
		}
		if _, err := api.Core.RbacV1().Roles(namespace).Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, func(ctx context.Context) error {
			if err := try(ctx); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "cannot set blockOwnerDeletion") {
				return fmt.Errorf("%s: without the permission: %w", kind, err)
			}
			return nil
		})
	}
}
