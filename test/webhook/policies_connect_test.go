// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/sim"
)

var connects = v1alpha1.SchemeGroupVersion.WithResource("sparkconnects")

// TestPoliciesRefuseServersAsTheWebhookDoes: a SparkConnect with a denied property is
// refused in the words of the webhook, new or updated, unless the CRD refuses it. The
// policies store no defaults, and leave other faults to the controller.
func TestPoliciesRefuseServersAsTheWebhookDoes(t *testing.T) {
	hooked, policed := install(t, "connect-hooked", admissionregistrationv1.Ignore), "connect-policed"
	if err := sim.CreateNamespace(t.Context(), api.Core, policed); err != nil {
		t.Fatal(err)
	}
	server := func(name string, conf map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "SparkConnect", "metadata": map[string]any{"name": name},
			"spec": map[string]any{
				"sparkVersion": "4.3.0", "image": "spark", "sparkConf": conf, "server": map[string]any{}, "executor": map[string]any{},
			},
		}}
	}
	image := map[string]any{"spark.kubernetes.container.image": "spark"}
	for _, namespace := range []string{hooked.name, policed} { // stored before there was a webhook
		if _, err := api.Dynamic.Resource(connects).Namespace(namespace).Create(t.Context(), server("stored", image), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	hooked.start(t, hooked.port)
	installPolicies(t, "connect", nil, policed)
	hooked.works(t, 30*time.Second)

	// What the CRD leaves to webhook and policies. The name of the namespace stands for it in the words of both.
	left := map[string]bool{
		"spark.kubernetes.container.image": true, "spark.kubernetes.namespace": true, "spark.kubernetes.authenticate.driver.serviceAccountName": true,
		`{"spec":{"sparkConf":{"spark.kubernetes.driver.container.image":"x"}}}`: true,
	}
	words := func(what, namespace string, stored *unstructured.Unstructured, err error) string {
		if err == nil {
			return fmt.Sprint("stored ", stored.Object["spec"])
		}
		reason, by := denial(err.Error())
		if (by == "schema") == left[what] {
			t.Errorf("%s in %s: refused by the %s: %v", what, namespace, by, err)
		}
		return strings.ReplaceAll(reason, namespace, "NAMESPACE")
	}
	compare := func(what string, refused bool, try func(namespace string) (*unstructured.Unstructured, error)) {
		t.Helper()
		said := map[string]string{}
		for _, namespace := range []string{hooked.name, policed} {
			stored, err := try(namespace)
			if said[namespace] = words(what, namespace, stored, err); (err != nil) != refused {
				t.Errorf("%s in %s: error %v", what, namespace, err)
			}
		}
		if said[hooked.name] != said[policed] {
			t.Errorf("%s:\nthe policies: %s\nthe webhook:  %s", what, said[policed], said[hooked.name])
		}
	}
	dryRun := []string{metav1.DryRunAll}
	for property, refused := range map[string]bool{
		"spark.kubernetes.container.image": true, "spark.master": true, "spark.kubernetes.namespace": true, "spark.kubernetes.authenticate.driver.serviceAccountName": true,
		"spark.kubernetes.authenticate.submission.oauthToken": true, "spark.kubernetes.driver.podTemplateFile": true, "spark.kerberos.keytab": true,
		"spark.sql.shuffle.partitions": false,
	} {
		compare(property, refused, func(namespace string) (*unstructured.Unstructured, error) {
			return api.Dynamic.Resource(connects).Namespace(namespace).Create(t.Context(), server("new", map[string]any{property: "1"}), metav1.CreateOptions{DryRun: dryRun})
		})
	}
	for change, refused := range map[string]bool{
		`{"spec":{"sparkConf":{"spark.x":"y"}}}`: false, `{"spec":{"suspend":true}}`: false,
		`{"spec":{"sparkConf":{"spark.kubernetes.driver.container.image":"x"}}}`: true,
	} {
		compare(change, refused, func(namespace string) (*unstructured.Unstructured, error) {
			return api.Dynamic.Resource(connects).Namespace(namespace).Patch(t.Context(), "stored", types.MergePatchType, []byte(change), metav1.PatchOptions{DryRun: dryRun})
		})
	}
	if _, err := api.Dynamic.Resource(connects).Namespace(policed).Create(t.Context(), server("left", map[string]any{"spark.connect.grpc.binding.port": "65536"}),
		metav1.CreateOptions{DryRun: dryRun}); err != nil {
		t.Errorf("a fault that is no denied property: %v", err)
	}
}
