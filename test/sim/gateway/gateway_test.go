// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// What the proxy does not know is refused instead of left out, so that a test cannot pass
// because of a rule that nothing follows.

func TestRoutesThatTheProxyDoesNotKnowAreRefused(t *testing.T) {
	const known = `{hostnames: [a.example], rules: [{
		matches: [{path: {type: PathPrefix, value: /ns/pi}}],
		filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}],
		backendRefs: [{name: pi, port: 4040}]}]}`
	for change, isKnown := range map[string]bool{
		"":                    true,
		"PathPrefix -> Exact": false,
		"replacePrefixMatch: / -> replacePrefixMatch: /a":                      false,
		"type: URLRewrite, urlRewrite -> type: RequestMirror, requestMirror":   false,
		"{name: pi, port: 4040} -> {name: pi}":                                 false,
		"{name: pi, port: 4040} -> {name: pi, port: 4040}, {name: b, port: 1}": false,
	} {
		var route gatewayv1.HTTPRoute
		if err := yaml.Unmarshal([]byte(changed(known, change)), &route.Spec); err != nil {
			t.Fatal(err)
		}
		if _, err := FromRoute(&route); (err == nil) != isKnown {
			t.Errorf("%q: %v", change, err)
		}
	}
}

func TestIngressesThatTheProxyDoesNotKnowAreRefused(t *testing.T) {
	const known = `{metadata: {annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}}, spec: {rules: [{host: a.example, http: {paths: [
		{path: /ns/pi(/|$)(.*), pathType: ImplementationSpecific, backend: {service: {name: pi, port: {number: 4040}}}}]}}]}}`
	for change, isKnown := range map[string]bool{
		"":                                 true,
		"ImplementationSpecific -> Prefix": false,
		"rewrite-target -> other":          false,
		// What the chart creates for the history server.
		"{metadata: {annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}}, spec: {rules: [{host: a.example, http: {paths: [\n\t\t{path: /ns/pi(/|$)(.*), pathType: ImplementationSpecific -> " +
			"{spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix": true,
		"{metadata: {annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}}, spec: {rules: [{host: a.example, http: {paths: [\n\t\t{path: /ns/pi(/|$)(.*), pathType: ImplementationSpecific -> " +
			"{spec: {rules: [{host: a.example, http: {paths: [{path: /a, pathType: Prefix": false,
		"service: {name: pi, port: {number: 4040}} -> resource: {kind: A, name: a}": false,
	} {
		var ingress networkingv1.Ingress
		if err := yaml.Unmarshal([]byte(changed(known, change)), &ingress); err != nil {
			t.Fatal(err)
		}
		if _, err := FromIngress(&ingress); (err == nil) != isKnown {
			t.Errorf("%q: %v", change, err)
		}
	}
}

// changed applies a change of the form "old -> new"; an empty one changes nothing.
func changed(text, change string) string {
	before, after, _ := strings.Cut(change, " -> ")
	return strings.ReplaceAll(strings.Replace(text, before, after, 1), "\t", " ")
}
