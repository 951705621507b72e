// SPDX-License-Identifier: Apache-2.0

package permissions

import (
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Roles returns the ClusterRole, nil if it would be empty, and the Roles that grant exactly
// the permissions that are not optional. All have the same name.
func Roles(name string, permissions []Permission) (cluster *rbacv1.ClusterRole, roles []*rbacv1.Role) {
	byNamespace := map[string][]rbacv1.PolicyRule{}
	for _, p := range permissions {
		if !p.Optional {
			byNamespace[p.Namespace] = grant(byNamespace[p.Namespace], &p)
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		rules := byNamespace[namespace]
		if namespace == "" {
			cluster = &rbacv1.ClusterRole{
				TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
				ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules,
			}
			continue
		}
		roles = append(roles, &rbacv1.Role{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "Role"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Rules: rules,
		})
	}
	return cluster, roles
}

// grant adds a permission to the rule of its resource and name.
func grant(rules []rbacv1.PolicyRule, p *Permission) []rbacv1.PolicyRule {
	at := slices.IndexFunc(rules, func(r rbacv1.PolicyRule) bool {
		return r.APIGroups[0] == p.Group && r.Resources[0] == p.Resource && strings.Join(r.ResourceNames, "") == p.Name
	})
	if at < 0 {
		at = len(rules)
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{p.Group}, Resources: []string{p.Resource}})
		if p.Name != "" {
			rules[at].ResourceNames = []string{p.Name}
		}
	}
	rules[at].Verbs = append(rules[at].Verbs, p.Verb)
	return rules
}
