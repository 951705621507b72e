// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	admissionregistrationv1beta1 "k8s.io/api/admissionregistration/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// kindsOf counts the objects of the admission policies by version and kind.
func kindsOf(text string) map[string]int {
	kinds := map[string]int{}
	for document := range strings.SplitSeq(text, "\n---\n") {
		var version, kind string
		for line := range strings.Lines(document) {
			version, kind = after(line, "apiVersion: ", version), after(line, "kind: ", kind)
		}
		if strings.Contains(kind, "AdmissionPolicy") {
			kinds[version+" "+kind]++
		}
	}
	return kinds
}

func after(line, key, otherwise string) string {
	if value, found := strings.CutPrefix(line, key); found {
		return strings.TrimSpace(value)
	}
	return otherwise
}

// Policies are rendered in the version that the API server serves. Where it serves no
// policy that could store defaults, the refusals remain.
func TestAdmissionPoliciesAreThoseOfTheAPIServer(t *testing.T) {
	const group = "admissionregistration.k8s.io/"
	for name, test := range map[string]struct {
		served []string
		set    string
		want   map[string]int
		fails  string
	}{
		"v1": {[]string{"v1", "v1beta1"}, "admissionPolicies.enable=true", map[string]int{
			group + "v1 MutatingAdmissionPolicy": 1, group + "v1 MutatingAdmissionPolicyBinding": 1,
			group + "v1 ValidatingAdmissionPolicy": 1, group + "v1 ValidatingAdmissionPolicyBinding": 1,
		}, ""},
		"v1beta1": {[]string{"v1beta1"}, "admissionPolicies.enable=true", map[string]int{
			group + "v1beta1 MutatingAdmissionPolicy": 1, group + "v1beta1 MutatingAdmissionPolicyBinding": 1,
			group + "v1 ValidatingAdmissionPolicy": 1, group + "v1 ValidatingAdmissionPolicyBinding": 1,
		}, ""},
		"none": {nil, "admissionPolicies.enable=true", nil, "the API server serves no MutatingAdmissionPolicies"},
		"none, without defaults": {nil, "admissionPolicies.enable=true,admissionPolicies.defaults=false", map[string]int{
			group + "v1 ValidatingAdmissionPolicy": 1, group + "v1 ValidatingAdmissionPolicyBinding": 1,
		}, ""},
		"disabled": {[]string{"v1"}, "admissionPolicies.enable=false", map[string]int{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := []string{"template", "spark-operator", chart, "--namespace", "spark-operator", "--set", test.set}
			for _, version := range test.served {
				arguments = append(arguments, "--api-versions", group+version+"/MutatingAdmissionPolicy")
			}
			text, err := helm(t, arguments...)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("error %v", err)
				}
				return
			}
			if got := kindsOf(text); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%v, error %v", got, err)
			}
		})
	}
}

// The fields are those of both versions.
func TestAdmissionPoliciesDecodeInBothVersions(t *testing.T) {
	for _, version := range []string{"v1", "v1beta1"} {
		text, err := helm(t, "template", "spark-operator", chart, "--namespace", "spark-operator", "--set", "admissionPolicies.enable=true",
			"--show-only", "templates/admission/policies.yaml", "--api-versions", "admissionregistration.k8s.io/"+version+"/MutatingAdmissionPolicy")
		if err != nil {
			t.Fatal(err)
		}
		all := parse(t, text)
		decode[admissionregistrationv1.ValidatingAdmissionPolicy](t, all, "ValidatingAdmissionPolicy")
		decode[admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, all, "ValidatingAdmissionPolicyBinding")
		if version == "v1" {
			decode[admissionregistrationv1.MutatingAdmissionPolicy](t, all, "MutatingAdmissionPolicy")
			decode[admissionregistrationv1.MutatingAdmissionPolicyBinding](t, all, "MutatingAdmissionPolicyBinding")
		} else {
			decode[admissionregistrationv1beta1.MutatingAdmissionPolicy](t, all, "MutatingAdmissionPolicy")
			decode[admissionregistrationv1beta1.MutatingAdmissionPolicyBinding](t, all, "MutatingAdmissionPolicyBinding")
		}
	}
}

// Policies apply to the namespaces whose applications the operator runs, and to no
// others. kube-system is never one; the namespace of the release is one if it is listed.
func TestAdmissionPoliciesApplyToJobNamespaces(t *testing.T) {
	namespace := func(name string, more ...string) labels.Set {
		set := labels.Set{corev1.LabelMetadataName: name}
		for i := 0; i < len(more); i += 2 {
			set[more[i]] = more[i+1]
		}
		return set
	}
	for set, want := range map[string][]bool{
		// team-a, team-b, spark, one with a label, kube-system, spark-operator
		"spark.jobNamespaces={team-a,team-b}":                                     {true, true, false, false, false, false},
		"spark.jobNamespaces={}":                                                  {true, true, true, true, false, false},
		"spark.jobNamespaces={spark-operator,team-a}":                             {true, false, false, false, false, true},
		"spark.jobNamespaces={kube-system,team-a}":                                {true, false, false, false, false, false},
		"spark.jobNamespaces={},spark.jobNamespaceSelector=spark=enabled":         {false, false, false, true, false, false},
		"spark.jobNamespaces={team-a,labelled},spark.jobNamespaceSelector=!spark": {true, true, true, true, false, false},
	} {
		all := render(t, "--set", set, "--set", "admissionPolicies.enable=true")
		selectors := map[string][]*metav1.LabelSelector{}
		for _, b := range decode[admissionregistrationv1.MutatingAdmissionPolicyBinding](t, all, "MutatingAdmissionPolicyBinding") {
			selectors[b.Spec.PolicyName] = append(selectors[b.Spec.PolicyName], b.Spec.MatchResources.NamespaceSelector)
		}
		for _, b := range decode[admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, all, "ValidatingAdmissionPolicyBinding") {
			selectors[b.Spec.PolicyName] = append(selectors[b.Spec.PolicyName], b.Spec.MatchResources.NamespaceSelector)
		}
		for _, policy := range []string{"spark-operator-defaults", "spark-operator-refusals"} {
			for i, labels := range []labels.Set{
				namespace("team-a"), namespace("team-b"), namespace("spark"), namespace("labelled", "spark", "enabled"), namespace("kube-system"), namespace("spark-operator"),
			} {
				matches := 0
				for _, selector := range selectors[policy] {
					if asSelector(t, selector).Matches(labels) {
						matches++
					}
				}
				if matches > 1 || matches == 1 != want[i] {
					t.Errorf("%s: %s applies %d times to %v", set, policy, matches, labels)
				}
			}
		}
	}
}

func asSelector(t *testing.T, selector *metav1.LabelSelector) labels.Selector {
	t.Helper()
	converted, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return converted
}

// The chart reads a label selector as the operator does.
func TestSelectorsAreReadAsTheOperatorReadsThem(t *testing.T) {
	for _, selector := range []string{
		"spark=enabled", "a=b,c==d, e = f,g!=h,i != j,k,!l,! m,example.com/n.o=p,q=,in=r",
		"a in (b,c),d in ( e , f ),g=h,i notin (j),notin notin (in)",
	} {
		want, err := labels.Parse(selector)
		if err != nil {
			t.Fatal(err)
		}
		check := func(of string, got *metav1.LabelSelector) {
			if got == nil || canonical(t, asSelector(t, got).String()) != canonical(t, want.String()) {
				t.Errorf("%s: %q became %v, want %q", of, selector, got, want)
			}
		}
		values := strings.ReplaceAll(selector, ",", `\,`)
		all := render(t, "--set", "spark.jobNamespaces={}", "--set", "admissionPolicies.enable=true,webhook.enable=true",
			"--set-string", "spark.jobNamespaceSelector="+values+",spark.applicationSelector="+values)
		for _, resources := range boundResources(t, all) {
			check("namespaces of a policy", withoutNames(resources.NamespaceSelector))
			check("objects of a policy", resources.ObjectSelector)
		}
		for _, configuration := range decode[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration") {
			for _, webhook := range configuration.Webhooks {
				check("objects of a webhook", webhook.ObjectSelector)
				check("namespaces of a webhook", withoutNames(webhook.NamespaceSelector))
			}
		}
	}
}

// withoutNames returns a selector of namespaces without the requirements of their names.
func withoutNames(selector *metav1.LabelSelector) *metav1.LabelSelector {
	own := selector.DeepCopy()
	own.MatchExpressions = slices.DeleteFunc(own.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool { return r.Key == corev1.LabelMetadataName })
	return own
}

// boundResources returns the selectors of all bindings.
func boundResources(t *testing.T, all objects) (resources []*admissionregistrationv1.MatchResources) {
	t.Helper()
	for _, binding := range decode[admissionregistrationv1.MutatingAdmissionPolicyBinding](t, all, "MutatingAdmissionPolicyBinding") {
		resources = append(resources, binding.Spec.MatchResources)
	}
	for _, binding := range decode[admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, all, "ValidatingAdmissionPolicyBinding") {
		resources = append(resources, binding.Spec.MatchResources)
	}
	return resources
}

// Without a selector, the policies apply to all objects.
func TestAdmissionPoliciesApplyToAllObjects(t *testing.T) {
	for _, resources := range boundResources(t, render(t, "--set", "admissionPolicies.enable=true")) {
		if resources.ObjectSelector != nil {
			t.Errorf("objects %v", resources.ObjectSelector)
		}
	}
}

// canonical writes a=b and a in (b) alike.
func canonical(t *testing.T, selector string) string {
	t.Helper()
	parsed, err := labels.ParseToRequirements(selector)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, r := range parsed {
		operator := strings.NewReplacer("==", "in", "!=", "notin", "=", "in").Replace(string(r.Operator()))
		values := r.Values().UnsortedList()
		slices.Sort(values)
		texts = append(texts, fmt.Sprint(r.Key(), operator, values))
	}
	slices.Sort(texts)
	return strings.Join(texts, ",")
}

// Nothing of the operator needs a permission because of the policies.
func TestAdmissionPoliciesNeedNoRights(t *testing.T) {
	if with, without := roles(t, render(t, "--set", "admissionPolicies.enable=true")), roles(t, render(t)); !reflect.DeepEqual(with, without) {
		t.Errorf("with policies %v, without %v", with, without)
	}
}
