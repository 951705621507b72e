// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"
)

const (
	// rewriteTarget makes ingress-nginx cut off the path that matched; other
	// controllers ignore it.
	rewriteTarget = "nginx.ingress.kubernetes.io/rewrite-target"
	// rewriteValue is the part of the path behind the prefix, see pathSuffix.
	rewriteValue = "/$2"
	// pathSuffix turns a path into a regular expression whose second group is
	// what follows the path.
	pathSuffix = "(/|$)(.*)"
)

// ingress builds an Ingress with one rule that leads from address to service.
func (b *builder) ingress(name string, to address, service *corev1.Service, annotations map[string]string, tls []networkingv1.IngressTLS) *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{ObjectMeta: b.objectMeta(name, nil, annotations)}
	path := to.path
	if path != "" {
		path += pathSuffix
		if ingress.Annotations == nil {
			ingress.Annotations = make(map[string]string, 1)
		}
		if _, given := ingress.Annotations[rewriteTarget]; !given {
			ingress.Annotations[rewriteTarget] = rewriteValue
		}
	}
	if b.config.IngressClassName != "" {
		ingress.Spec.IngressClassName = ptr.To(b.config.IngressClassName)
	}
	for i := range tls {
		ingress.Spec.TLS = append(ingress.Spec.TLS, *tls[i].DeepCopy())
	}
	ingress.Spec.Rules = []networkingv1.IngressRule{{
		Host: to.host,
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{
				Path:     path,
				PathType: ptr.To(networkingv1.PathTypeImplementationSpecific),
				Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
					Name: service.Name,
					Port: networkingv1.ServiceBackendPort{Number: service.Spec.Ports[0].Port},
				}},
			}},
		}},
	}}
	return ingress
}

// firstMap returns the first map that has an entry.
func firstMap(candidates ...map[string]string) map[string]string {
	for _, candidate := range candidates {
		if len(candidate) > 0 {
			return candidate
		}
	}
	return nil
}

// firstTLS returns the first list that has an element.
func firstTLS(candidates ...[]networkingv1.IngressTLS) []networkingv1.IngressTLS {
	for _, candidate := range candidates {
		if len(candidate) > 0 {
			return candidate
		}
	}
	return nil
}

// tlsFor returns those entries whose certificate is for a host. One without hosts is
// for all, and a rule without a host is for any.
func tlsFor(host string, all []networkingv1.IngressTLS) []networkingv1.IngressTLS {
	var matching []networkingv1.IngressTLS
	for _, entry := range all {
		if host == "" || len(entry.Hosts) == 0 || slices.ContainsFunc(entry.Hosts, func(of string) bool { return coversHost(of, host) }) {
			matching = append(matching, entry)
		}
	}
	return matching
}

// coversHost reports whether a host of a certificate, which may begin with *. for
// one label, is the given one.
func coversHost(of, host string) bool {
	of = strings.ToLower(of)
	if of == host {
		return true
	}
	domain, isWildcard := strings.CutPrefix(of, "*")
	label, found := strings.CutSuffix(host, domain)
	return isWildcard && found && label != "" && label != "*" && !strings.Contains(label, ".")
}
