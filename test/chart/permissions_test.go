// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// granted returns what rules of roles grant, one text for each verb on each resource.
func granted(rules map[string][]rbacv1.PolicyRule) map[string]bool {
	all := map[string]bool{}
	for role, rules := range rules {
		_, namespace, _ := strings.Cut(role, "/")
		for _, rule := range rules {
			names := rule.ResourceNames
			if len(names) == 0 {
				names = []string{""}
			}
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, name := range names {
						for _, verb := range rule.Verbs {
							all[fmt.Sprintf("namespace %q: %s %s.%s %q", namespace, verb, resource, group, name)] = true
						}
					}
				}
			}
		}
	}
	return all
}

// needed returns what the process of a Deployment needs with its arguments, as
// auth-check says.
func needed(t *testing.T, d *appsv1.Deployment) map[string]bool {
	t.Helper()
	arguments := append([]string{"auth-check"}, d.Spec.Template.Spec.Containers[0].Args...)
	output, err := exec.CommandContext(t.Context(), program(t, "spark-operator"), append(arguments, "-o", "rbac")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return granted(roles(t, parse(t, string(output))))
}

// TestRulesAreWhatTheFlagsNeed: with every combination of features, the roles of the chart
// grant what the flags of the processes need, and nothing else.
func TestRulesAreWhatTheFlagsNeed(t *testing.T) {
	cases := map[string][]string{}
	for name, values := range valuesFiles(t) {
		cases[name] = []string{"--values", values}
	}
	features := []string{
		"", "controller.leaderElection.enable=false", "controller.leaderElection.enable=false,controller.replicas=2", "controller.nodeLossGracePeriod=0s",
		"controller.driverPodDisruptionBudget.enable=true", "controller.batchScheduler.enable=true",
		"controller.sparkConnect.authentication.enable=false", "controller.sparkConnect.enable=false",
		"controller.uiRoute.enable=true", "controller.uiRoute.enable=true,controller.uiRoute.urlFormat=a.example.com",
		"webhook.resourceQuotaEnforcement.enable=true", "webhook.leaderElection.enable=false", partialRestart, "certManager.enable=true", "prometheus.metrics.secureMetrics.enable=true",
		"certManager.enable=true,controller.driverPodDisruptionBudget.enable=true,controller.batchScheduler.enable=true,webhook.resourceQuotaEnforcement.enable=true",
	}
	for _, scope := range []string{"spark.jobNamespaces={team-a,team-b}", "spark.jobNamespaces={spark-operator}", "spark.jobNamespaces={}", "spark.jobNamespaceSelector=a=b"} {
		for _, feature := range features {
			cases[scope+" "+feature] = []string{"--set", "webhook.enable=true," + scope, "--set", feature}
		}
	}
	for name, arguments := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := render(t, arguments...)
			for _, deployment := range decode[appsv1.Deployment](t, all, "Deployment") {
				switch deployment.Spec.Selector.MatchLabels["app.kubernetes.io/component"] {
				case "history", "log-archiver":
					continue // not the operator; the one has no role, TestLogArchiverHasItsOwnRights is for the other
				}
				rules := roles(t, all)
				maps.DeleteFunc(rules, func(role string, _ []rbacv1.PolicyRule) bool {
					own, _, _ := strings.Cut(role, "/")
					return own != deployment.Name
				})
				got, want := granted(rules), needed(t, &deployment)
				for _, permission := range slices.Sorted(maps.Keys(want)) {
					if !got[permission] {
						t.Errorf("%s: the chart does not grant %s", deployment.Name, permission)
					}
				}
				for _, permission := range slices.Sorted(maps.Keys(got)) {
					if !want[permission] {
						t.Errorf("%s: the chart grants what no flag needs: %s", deployment.Name, permission)
					}
				}
			}
		})
	}
}
