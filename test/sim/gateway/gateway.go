// SPDX-License-Identifier: Apache-2.0

// Package gateway runs a real proxy, Caddy, by HTTPRoutes and Ingresses, in the place of an
// implementation of the Gateway API and of an ingress controller.
package gateway

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Rewrite is the annotation by which an Ingress asks ingress-nginx for another path.
const Rewrite = "nginx.ingress.kubernetes.io/rewrite-target"

// Backend is a port of a Service in the namespace of what refers to it.
type Backend struct {
	Service string
	Port    int32
}

// Rule is what a proxy is to do with some requests.
type Rule struct {
	hosts   []string
	match   map[string]any
	rewrite map[string]any
	backend Backend
}

// FromRoute reads an HTTPRoute with one rule that matches a prefix of the path. An error
// names what the proxy does not know.
func FromRoute(route *gatewayv1.HTTPRoute) (Rule, error) {
	if len(route.Spec.Rules) != 1 || len(route.Spec.Rules[0].Matches) != 1 || len(route.Spec.Rules[0].BackendRefs) != 1 {
		return Rule{}, fmt.Errorf("HTTPRoute %s: want one rule with one match and one backend: %+v", route.Name, route.Spec)
	}
	of := route.Spec.Rules[0]
	path, to := of.Matches[0].Path, of.BackendRefs[0].BackendRef
	if path == nil || *path.Type != gatewayv1.PathMatchPathPrefix || to.Port == nil || to.Namespace != nil {
		return Rule{}, fmt.Errorf("HTTPRoute %s: want a prefix of the path and the port of a Service beside the route: %+v", route.Name, of)
	}
	rule := Rule{backend: Backend{Service: string(to.Name), Port: *to.Port}}
	for _, host := range route.Spec.Hostnames {
		rule.hosts = append(rule.hosts, string(host))
	}
	// A prefix matches whole elements of the path.
	prefix := strings.TrimSuffix(*path.Value, "/")
	rule.match = map[string]any{"path": []string{prefix, prefix + "/*"}}
	for _, filter := range of.Filters {
		to := filter.URLRewrite
		if to == nil || to.Hostname != nil || to.Path == nil || to.Path.ReplacePrefixMatch == nil || *to.Path.ReplacePrefixMatch != "/" {
			return Rule{}, fmt.Errorf("HTTPRoute %s: want no filter except one that removes the prefix: %+v", route.Name, filter)
		}
		rule.rewrite = map[string]any{"strip_path_prefix": prefix}
	}
	return rule, nil
}

// FromIngress reads an Ingress with one path as ingress-nginx does: with the annotation
// [Rewrite], the path is a regular expression. Without it, the rule is for all paths.
func FromIngress(ingress *networkingv1.Ingress) (Rule, error) {
	if len(ingress.Spec.Rules) != 1 || ingress.Spec.Rules[0].HTTP == nil || len(ingress.Spec.Rules[0].HTTP.Paths) != 1 {
		return Rule{}, fmt.Errorf("ingress %s: want one rule with one path: %+v", ingress.Name, ingress.Spec)
	}
	of := ingress.Spec.Rules[0]
	path, target := of.HTTP.Paths[0], ingress.Annotations[Rewrite]
	if target == "" && *path.PathType == networkingv1.PathTypePrefix && path.Path == "/" && path.Backend.Service != nil {
		return Rule{hosts: []string{of.Host}, backend: Backend{Service: path.Backend.Service.Name, Port: path.Backend.Service.Port.Number}}, nil
	}
	if *path.PathType != networkingv1.PathTypeImplementationSpecific || path.Backend.Service == nil || target == "" {
		return Rule{}, fmt.Errorf("ingress %s: want a regular expression, %s and a Service: %+v", ingress.Name, Rewrite, path)
	}
	expression := "^" + path.Path
	return Rule{
		hosts:   []string{of.Host},
		match:   map[string]any{"path_regexp": map[string]any{"pattern": expression}},
		rewrite: map[string]any{"path_regexp": []any{map[string]any{"find": expression, "replace": target}}},
		backend: Backend{Service: path.Backend.Service.Name, Port: path.Backend.Service.Port.Number},
	}, nil
}

// route is the rule as a route of Caddy; address is that of the backend.
func (r Rule) route(address string) map[string]any {
	match := map[string]any{"host": r.hosts}
	for matcher, value := range r.match {
		match[matcher] = value
	}
	handlers := []any{map[string]any{"handler": "reverse_proxy", "upstreams": []any{map[string]any{"dial": address}}}}
	if r.rewrite != nil {
		rewrite := map[string]any{"handler": "rewrite"}
		for field, value := range r.rewrite {
			rewrite[field] = value
		}
		handlers = append([]any{rewrite}, handlers...)
	}
	return map[string]any{"match": []any{match}, "handle": handlers, "terminal": true}
}
