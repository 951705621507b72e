// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// verbs returns what the rules allow on a resource such as "pods" or
// "networking.k8s.io/ingresses", on all names.
func verbs(rules []rbacv1.PolicyRule, resource string) []string {
	group, name, inGroup := strings.Cut(resource, ".k8s.io/")
	if inGroup {
		group += ".k8s.io"
	} else {
		group, name = "", resource
	}
	var allowed []string
	for _, rule := range rules {
		if len(rule.ResourceNames) == 0 && slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, name) {
			allowed = append(allowed, rule.Verbs...)
		}
	}
	slices.Sort(allowed)
	return slices.Compact(allowed)
}

func TestNoWildcards(t *testing.T) {
	for name, values := range valuesFiles(t) {
		for role, rules := range roles(t, render(t, "--values", values)) {
			for _, rule := range rules {
				if slices.Contains(rule.Verbs, "*") || slices.Contains(rule.Resources, "*") || slices.Contains(rule.APIGroups, "*") {
					t.Errorf("%s: role %s has a wildcard: %v", name, role, rule)
				}
			}
		}
	}
}

// Who lists namespaces needs no cluster-wide right to install the operator.
func TestListedNamespacesNeedNoClusterRole(t *testing.T) {
	all := render(t, "--set", "spark.jobNamespaces={team-a,team-b}")
	if found := len(decode[rbacv1.ClusterRole](t, all, "ClusterRole")) + len(decode[rbacv1.ClusterRoleBinding](t, all, "ClusterRoleBinding")); found != 0 {
		t.Errorf("%d cluster roles and bindings", found)
	}
	rules := roles(t, all)
	for _, name := range []string{"spark-operator-controller/team-a", "spark-operator-controller/team-b"} {
		if !slices.Equal(verbs(rules[name], "pods"), []string{"create", "delete", "get", "list", "patch", "watch"}) {
			t.Errorf("%s: pods %v", name, verbs(rules[name], "pods"))
		}
	}
	own := rules["spark-operator-controller/spark-operator"]
	if len(verbs(own, "pods")) != 0 || !slices.Contains(verbs(own, "coordination.k8s.io/leases"), "create") {
		t.Errorf("release namespace: %v", own)
	}
	if len(rules) != 5 { // three of the controller, two of drivers
		t.Errorf("%d roles: %v", len(rules), rules)
	}
}

// What is not listed is reached through a ClusterRole, once.
func TestUnlistedNamespacesNeedClusterRole(t *testing.T) {
	for _, set := range []string{"spark.jobNamespaces={}", "spark.jobNamespaces={,team-a}", "spark.jobNamespaceSelector=spark=enabled"} {
		rules := roles(t, render(t, "--set", set))
		if len(verbs(rules["spark-operator-controller"], "pods")) == 0 {
			t.Errorf("%s: no ClusterRole for pods", set)
		}
		if got := verbs(rules["spark-operator-controller"], "nodes"); !slices.Equal(got, []string{"get"}) {
			t.Errorf("%s: nodes %v", set, got)
		}
		selects := strings.Contains(set, "Selector")
		if reads := len(verbs(rules["spark-operator-controller"], "namespaces")) > 0; reads != selects {
			t.Errorf("%s: reads namespaces: %t", set, reads)
		}
		if _, ok := rules["spark-operator-spark/default"]; ok != selects {
			t.Errorf("%s: role of drivers in default: %t", set, ok)
		}
	}
}

// A release namespace that is a job namespace has one Role with both parts.
func TestReleaseNamespaceRunsJobs(t *testing.T) {
	rules := roles(t, render(t, "--set", "spark.jobNamespaces={spark-operator}"))
	own := rules["spark-operator-controller/spark-operator"]
	if len(verbs(own, "pods")) == 0 || len(verbs(own, "coordination.k8s.io/leases")) == 0 || len(rules) != 2 {
		t.Errorf("%v", rules)
	}
}

func TestLeastRights(t *testing.T) {
	rules := roles(t, render(t, "--set", "spark.jobNamespaces={team-a}"))
	controller, driver := rules["spark-operator-controller/team-a"], rules["spark-operator-spark/team-a"]
	// For the tokens of SparkConnects. Without them, none.
	if got := verbs(controller, "secrets"); !slices.Equal(got, []string{"create", "get"}) {
		t.Errorf("the controller may %v secrets", got)
	}
	for _, off := range []string{"controller.sparkConnect.authentication.enable=false", "controller.sparkConnect.enable=false"} {
		if got := verbs(roles(t, render(t, "--set", "spark.jobNamespaces={team-a},"+off))["spark-operator-controller/team-a"], "secrets"); len(got) != 0 {
			t.Errorf("%s: the controller may %v secrets", off, got)
		}
	}
	for _, verb := range []string{"update", "patch"} {
		if slices.Contains(verbs(controller, "sparkoperator.k8s.io/sparkapplications"), verb) {
			t.Errorf("the controller may %s the spec of users' applications", verb)
		}
	}
	if len(verbs(driver, "secrets")) != 0 || len(verbs(driver, "sparkoperator.k8s.io/sparkapplications")) != 0 {
		t.Errorf("drivers: %v", driver)
	}
	// Spark deletes its executors' pods, services, claims and config maps by label.
	for _, resource := range []string{"pods", "services", "configmaps", "persistentvolumeclaims"} {
		if !slices.Contains(verbs(driver, resource), "deletecollection") {
			t.Errorf("drivers may not clean up %s: %v", resource, verbs(driver, resource))
		}
	}
	if got := verbs(controller, "events.k8s.io/events"); !slices.Equal(got, []string{"create", "patch"}) {
		t.Errorf("events: %v", got)
	}
	if got := verbs(controller, "events"); !slices.Equal(got, []string{"list"}) {
		t.Errorf("events of pods: %v", got)
	}
}

func TestNoRBAC(t *testing.T) {
	if rules := roles(t, render(t, "--set", "controller.rbac.create=false,spark.rbac.create=false")); len(rules) != 0 {
		t.Errorf("%v", rules)
	}
}

// The operator runs spark-submit in Jobs where applications ask for it; drivers
// may create policies only where the administrator says so.
func TestSubmitterRights(t *testing.T) {
	for _, submit := range []bool{false, true} {
		rules := roles(t, render(t, "--set", "spark.jobNamespaces={team-a}", "--set", fmt.Sprintf("spark.rbac.submit=%t", submit)))
		operator := rules["spark-operator-controller/team-a"]
		if got := verbs(operator, "pods/log"); !slices.Equal(got, []string{"get"}) {
			t.Errorf("pods/log %v", got)
		}
		jobs := slices.ContainsFunc(operator, func(rule rbacv1.PolicyRule) bool {
			return slices.Equal(rule.APIGroups, []string{"batch"}) && slices.Equal(rule.Resources, []string{"jobs"}) &&
				slices.Equal(rule.Verbs, []string{"get", "create", "delete"})
		})
		if !jobs {
			t.Errorf("no rule for jobs: %v", operator)
		}
		if got := len(verbs(rules["spark-operator-spark/team-a"], "networking.k8s.io/networkpolicies")) > 0; got != submit {
			t.Errorf("submit=%t: drivers create policies: %t", submit, got)
		}
	}
}
