// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// excludes reports whether a selector leaves out the namespaces that are never reviewed.
func excludes(selector *metav1.LabelSelector) bool {
	return selector != nil && slices.ContainsFunc(selector.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
		return r.Key == corev1.LabelMetadataName && r.Operator == metav1.LabelSelectorOpNotIn && slices.Equal(r.Values, []string{"kube-system", "spark-operator"})
	})
}

// Names and paths of the entries are those of kubeflow/spark-operator; kube-system and
// the namespace of the release are never reviewed, whatever is watched.
func TestWebhookConfigurations(t *testing.T) {
	for set, only := range map[string]string{
		"spark.jobNamespaces={team-a,team-b}":                                  "[team-a team-b]",
		"spark.jobNamespaces={}":                                               "[]",
		"spark.jobNamespaceSelector=spark=enabled":                             "[]",
		"spark.jobNamespaces={},spark.jobNamespaceSelector=spark in (enabled)": "[enabled]", // the values of the label
		"spark.jobNamespaces={kube-system,team-a}":                             "[kube-system team-a]",
		"spark.jobNamespaces={spark-operator,team-a}":                          "[spark-operator team-a]",
	} {
		all := render(t, "--set", set, "--set", "webhook.enable=true")
		mutating := decode[admissionregistrationv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration")
		validating := decode[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration")
		if len(mutating) != 1 || len(validating) != 1 || mutating[0].Name != "spark-operator-webhook" || validating[0].Name != "spark-operator-webhook" {
			t.Fatalf("%s: %v, %v", set, mutating, validating)
		}
		found := map[string]string{}
		check := func(name string, client admissionregistrationv1.WebhookClientConfig, selector *metav1.LabelSelector, policy *admissionregistrationv1.FailurePolicyType) {
			if !excludes(selector) {
				t.Errorf("%s: %s: namespaces %v", set, name, selector)
			}
			if got := fmt.Sprint(namespacesOf(selector)); got != only {
				t.Errorf("%s: %s: namespaces %s", set, name, got)
			}
			if client.Service.Name != "spark-operator-webhook-svc" || client.Service.Namespace != "spark-operator" || *client.Service.Port != 9443 {
				t.Errorf("%s: %s: service %v", set, name, client.Service)
			}
			found[strings.TrimSuffix(name, ".sparkoperator.k8s.io")] = *client.Service.Path + " " + string(*policy)
		}
		for _, w := range mutating[0].Webhooks {
			check(w.Name, w.ClientConfig, w.NamespaceSelector, w.FailurePolicy)
		}
		for _, w := range validating[0].Webhooks {
			check(w.Name, w.ClientConfig, w.NamespaceSelector, w.FailurePolicy)
		}
		want := map[string]string{
			"mutate--v1-pod": "/mutate--v1-pod Ignore",
			"mutate-sparkoperator-k8s-io-v1beta2-sparkapplication":            "/mutate-sparkoperator-k8s-io-v1beta2-sparkapplication Fail",
			"validate-sparkoperator-k8s-io-v1beta2-sparkapplication":          "/validate-sparkoperator-k8s-io-v1beta2-sparkapplication Fail",
			"validate-sparkoperator-k8s-io-v1beta2-scheduledsparkapplication": "/validate-sparkoperator-k8s-io-v1beta2-scheduledsparkapplication Fail",
			"validate-sparkoperator-k8s-io-v1alpha1-sparkconnect":             "/validate-sparkoperator-k8s-io-v1alpha1-sparkconnect Fail",
		}
		if fmt.Sprint(found) != fmt.Sprint(want) {
			t.Errorf("%s:\n got %v\nwant %v", set, found, want)
		}
	}
}

// partialRestart are values that enable the feature gate.
const partialRestart = "controller.featureGates[0].name=PartialRestart,controller.featureGates[0].enabled=true"

// TestReviewedExecutors: those with fields that Spark overrides, and all of them with the
// feature gate PartialRestart, which the webhook places.
func TestReviewedExecutors(t *testing.T) {
	for values, marked := range map[string]string{"webhook.enable=true": "true", "webhook.enable=true," + partialRestart: ""} {
		for _, w := range decode[admissionregistrationv1.MutatingWebhookConfiguration](t, render(t, "--set", values), "MutatingWebhookConfiguration")[0].Webhooks {
			if w.ObjectSelector == nil {
				continue
			}
			if labels := w.ObjectSelector.MatchLabels; labels["spark-role"] != "executor" || labels["sparkoperator.k8s.io/complete-executor"] != marked {
				t.Errorf("%s: %s: %v", values, w.Name, labels)
			}
		}
	}
}

func namespacesOf(selector *metav1.LabelSelector) []string {
	for _, r := range selector.MatchExpressions {
		if r.Operator == metav1.LabelSelectorOpIn {
			return r.Values
		}
	}
	return []string{}
}

func TestWebhookAcceptsArguments(t *testing.T) {
	for _, values := range []string{"everything", "namespace-selector"} {
		args := deploymentOf(t, render(t, "--values", "testdata/"+values+".values.yaml"), "webhook").Spec.Template.Spec.Containers[0].Args
		if err := startOperator(t, args...); !strings.Contains(err, "find the API server") {
			t.Errorf("%s: %s\n%q", values, err, args)
		}
	}
}

// The webhook writes one Secret and the two configurations of its own; cert-manager
// takes even that from it. It reads applications for the feature gate PartialRestart alone.
func TestLeastRightsOfTheWebhook(t *testing.T) {
	rules := roles(t, render(t, "--set", "webhook.enable=true,spark.jobNamespaces={team-a}"))
	for _, rule := range rules["spark-operator-webhook"] {
		if !slices.Equal(rule.ResourceNames, []string{"spark-operator-webhook"}) || !slices.Equal(rule.Verbs, []string{"get", "list", "watch", "patch"}) {
			t.Errorf("ClusterRole: %v", rule)
		}
	}
	if got := verbs(rules["spark-operator-webhook/spark-operator"], "secrets"); !slices.Equal(got, []string{"create"}) {
		t.Errorf("secrets of any name: %v", got)
	}
	if got, exists := rules["spark-operator-webhook/team-a"]; exists {
		t.Errorf("job namespace: %v", got)
	}
	rules = roles(t, render(t, "--set", "webhook.enable=true,certManager.enable=true,spark.jobNamespaces={team-a}"))
	if _, cluster := rules["spark-operator-webhook"]; cluster || len(verbs(rules["spark-operator-webhook/spark-operator"], "secrets")) != 0 {
		t.Errorf("with cert-manager: %v", rules)
	}
	rules = roles(t, render(t, "--set", "webhook.enable=true,spark.jobNamespaces={team-a}", "--set", partialRestart))
	if got := verbs(rules["spark-operator-webhook/team-a"], "sparkoperator.k8s.io/sparkapplications"); !slices.Equal(got, []string{"list", "watch"}) || len(rules["spark-operator-webhook/team-a"]) != 1 {
		t.Errorf("job namespace with PartialRestart: %v", rules["spark-operator-webhook/team-a"])
	}
}

// Without the webhook nothing of it is there.
func TestNoWebhook(t *testing.T) {
	for _, object := range render(t) {
		if text := string(object); strings.Contains(text, "spark-operator-webhook") || strings.Contains(text, "pod-webhook") {
			t.Errorf("%s", text)
		}
	}
}

// Only a webhook that checks quotas may read them, and only in the job namespaces.
func TestQuotasAreReadOnlyWhenTheyAreChecked(t *testing.T) {
	for set, role := range map[string]string{
		"spark.jobNamespaces={team-a}":             "spark-operator-webhook/team-a",
		"spark.jobNamespaces={}":                   "spark-operator-webhook",
		"spark.jobNamespaceSelector=spark=enabled": "spark-operator-webhook",
	} {
		for _, enabled := range []bool{false, true} {
			arguments := []string{"--set", set, "--set", fmt.Sprintf("webhook.enable=true,webhook.resourceQuotaEnforcement.enable=%t", enabled)}
			for name, rules := range roles(t, render(t, arguments...)) {
				var want []string
				if enabled && name == role {
					want = []string{"list", "watch"}
				}
				if got := verbs(rules, "resourcequotas"); !slices.Equal(got, want) {
					t.Errorf("%s, enabled %t: %s may %v", set, enabled, name, got)
				}
			}
		}
	}
	if text := notes(t, "--set", "webhook.enable=false,webhook.resourceQuotaEnforcement.enable=true"); !strings.Contains(text, "webhook.resourceQuotaEnforcement.enable: only the webhook checks quotas") {
		t.Errorf("the notes do not say that the value has no effect:\n%s", text)
	}
}
