// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestArrivalLater: what an application names and what forbids it may come and go
// later than the application. The API server's words are its own here.
func TestArrivalLater(t *testing.T) {
	t.Parallel()
	account := func(ctx context.Context, namespace string) error {
		_, err := api.Core.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "etl"}}, metav1.CreateOptions{})
		return err
	}
	none := func(context.Context, string) error { return nil }
	for name, test := range map[string]struct {
		before func(ctx context.Context, namespace string) error
		edit   func(app *v1beta2.SparkApplication)
		reason string
		flags  []string // of the operator
		fix    func(ctx context.Context, namespace string) error
	}{
		"account": {none, func(app *v1beta2.SparkApplication) { app.Spec.Driver.ServiceAccount = ptr.To("etl") }, "ReferenceNotFound", nil, account},
		"priority": {none, func(app *v1beta2.SparkApplication) { app.Spec.Driver.PriorityClassName = ptr.To("arrival-late") }, "ReferenceNotFound", nil,
			func(ctx context.Context, _ string) error {
				class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "arrival-late"}, Value: 10}
				_, err := api.Core.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{})
				return err
			}},
		"runtime": {none, func(app *v1beta2.SparkApplication) {
			app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{RuntimeClassName: ptr.To("arrival-late")}}
		}, "ReferenceNotFound", nil, func(ctx context.Context, _ string) error {
			_, err := api.Core.NodeV1().RuntimeClasses().Create(ctx, &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "arrival-late"}, Handler: "h"}, metav1.CreateOptions{})
			return err
		}},
		"range": {func(ctx context.Context, namespace string) error {
			limit := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "small"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")},
			}}}}
			_, err := api.Core.CoreV1().LimitRanges(namespace).Create(ctx, limit, metav1.CreateOptions{})
			return err
		}, func(*v1beta2.SparkApplication) {}, "AdmissionDenied", nil, func(ctx context.Context, namespace string) error {
			return api.Core.CoreV1().LimitRanges(namespace).Delete(ctx, "small", metav1.DeleteOptions{})
		}},
		"quota": {func(ctx context.Context, namespace string) error {
			quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}}
			quotas := api.Core.CoreV1().ResourceQuotas(namespace)
			quota, err := quotas.Create(ctx, quota, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			// The controller that counts does not run here.
			quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}
			_, err = quotas.UpdateStatus(ctx, quota, metav1.UpdateOptions{})
			return err
		}, func(*v1beta2.SparkApplication) {}, "QuotaExceeded", nil, func(ctx context.Context, namespace string) error {
			return api.Core.CoreV1().ResourceQuotas(namespace).Delete(ctx, "team", metav1.DeleteOptions{})
		}},
		"security": {func(ctx context.Context, namespace string) error {
			return label(ctx, namespace, "pod-security.kubernetes.io/enforce", "restricted")
		}, func(*v1beta2.SparkApplication) {}, "AdmissionDenied", nil, func(ctx context.Context, namespace string) error {
			return label(ctx, namespace, "pod-security.kubernetes.io/enforce", "privileged")
		}},
		"policy": {denyPods, func(*v1beta2.SparkApplication) {}, "AdmissionDenied", nil, allowPods},
		"group": {none, func(app *v1beta2.SparkApplication) { app.Spec.BatchScheduler = ptr.To("coscheduling") },
			"KindNotServed", []string{"--enable-batch-scheduler", "--kube-scheduler-names=coscheduling"}, servePodGroups},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, "arrival-"+name)
			if err := test.before(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
			sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace, test.flags...)
			app := sparkPi("late")
			test.edit(app)
			if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			app = waitFor(t, namespace, "late", "stalled", func(app *v1beta2.SparkApplication) bool {
				return meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionStalled) || app.Status.SubmissionID != ""
			})
			stalled := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled)
			if app.Status.AppState.State != v1beta2.ApplicationStateSubmitted || stalled == nil || stalled.Reason != test.reason || !strings.Contains(stalled.Message, "next try at ") {
				t.Errorf("status %+v", app.Status)
			}
			if err := test.fix(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
			app = waitFor(t, namespace, "late", "submitted", func(app *v1beta2.SparkApplication) bool { return app.Status.SubmissionID != "" })
			if app.Status.AppState.State != v1beta2.ApplicationStateSubmitted || app.Status.SubmissionAttempts != 1 ||
				meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled) != nil {
				t.Errorf("status %+v", app.Status)
			}
		})
	}
}

// servePodGroups installs the kind of the scheduler plugin coscheduling.
func servePodGroups(ctx context.Context, _ string) error {
	definition := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{
			"name": "podgroups.scheduling.x-k8s.io", "annotations": map[string]any{"api-approved.kubernetes.io": "https://example.com/test"},
		},
		"spec": map[string]any{
			"group": "scheduling.x-k8s.io", "scope": "Namespaced",
			"names": map[string]any{"plural": "podgroups", "singular": "podgroup", "kind": "PodGroup", "listKind": "PodGroupList"},
			"versions": []any{map[string]any{
				"name": "v1alpha1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}}
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	_, err := api.Dynamic.Resource(definitions).Create(ctx, definition, metav1.CreateOptions{})
	return err
}

func label(ctx context.Context, namespace, key, value string) error {
	object, err := api.Core.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if err != nil {
		return err
	}
	metav1.SetMetaDataLabel(&object.ObjectMeta, key, value)
	_, err = api.Core.CoreV1().Namespaces().Update(ctx, object, metav1.UpdateOptions{})
	return err
}

// denyPods makes a policy that denies all pods of a namespace, and waits until it does.
func denyPods(ctx context.Context, namespace string) error {
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "no pods today"}},
		},
	}
	if _, err := api.Core.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}},
		},
	}
	if _, err := api.Core.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "example.com/c"}}}}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := api.Core.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil, nil
	})
}

func allowPods(ctx context.Context, namespace string) error {
	return api.Core.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Delete(ctx, namespace, metav1.DeleteOptions{})
}

// TestAnyOrder applies an application with its ServiceAccount, Role, RoleBinding and
// ConfigMap in each of the 120 orders. All run, after one submission.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	const namespace = "orders"
	plane := newGrantedPlane(t, namespace)
	sim.StartOperator(t, operatorBinary, plane.operator, namespace)
	plane.endDrivers(t, namespace)
	ctx := t.Context()
	var appliers sync.WaitGroup

	orders := permutations([]int{0, 1, 2, 3, 4})
	failed := make(chan error, len(orders))
	const together = 12
	for first := range together {
		appliers.Go(func() {
			for n := first; n < len(orders); n += together {
				failed <- plane.apply(ctx, namespace, fmt.Sprintf("order-%d", n), orders[n])
			}
		})
	}
	appliers.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
	apps := plane.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	ended := 0
	err := wait.PollUntilContextTimeout(ctx, time.Second, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := apps.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		ended = 0
		for i := range list.Items {
			switch status := &list.Items[i].Status; status.AppState.State {
			case v1beta2.ApplicationStateFailed, v1beta2.ApplicationStateFailedSubmission:
				return false, fmt.Errorf("%s: %s", list.Items[i].Name, status.AppState.ErrorMessage)
			case v1beta2.ApplicationStateCompleted:
				if status.SubmissionAttempts != 1 {
					return false, fmt.Errorf("%s: %d submissions", list.Items[i].Name, status.SubmissionAttempts)
				}
				ended++
			default: // under way
			}
		}
		return ended == len(orders), nil
	})
	if err != nil {
		t.Errorf("%d of %d completed: %v", ended, len(orders), err)
	}
}

// apply creates an application and what it needs, in the given order.
func (p *grantedPlane) apply(ctx context.Context, namespace, name string, order []int) error {
	of := metav1.ObjectMeta{Name: name}
	create := []func() error{
		func() error {
			app := sparkPi(name)
			app.Spec.RestartPolicy.Type = v1beta2.RestartPolicyNever
			app.Spec.Driver.ServiceAccount = ptr.To(name)
			app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: name, Path: "/etc/job"}}
			_, err := p.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, app, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := p.Core.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: of}, metav1.CreateOptions{})
			return err
		},
		func() error {
			rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods", "services", "configmaps"}, Verbs: []string{"*"}}}
			_, err := p.Core.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: of, Rules: rules}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := p.Core.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
				ObjectMeta: of, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
				Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}},
			}, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := p.Core.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: of}, metav1.CreateOptions{})
			return err
		},
	}
	for _, which := range order {
		if err := create[which](); err != nil {
			return errors.Join(fmt.Errorf("%s %v", name, order), err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil
}

// permutations returns all orders of a list.
func permutations(list []int) [][]int {
	if len(list) <= 1 {
		return [][]int{list}
	}
	var all [][]int
	for i, first := range list {
		rest := append(append([]int{}, list[:i]...), list[i+1:]...)
		for _, order := range permutations(rest) {
			all = append(all, append([]int{first}, order...))
		}
	}
	return all
}
