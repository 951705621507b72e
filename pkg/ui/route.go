// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// KindRoute is the kind of the routes of the Gateway API that [Build] returns.
const KindRoute = "HTTPRoute"

// RouteResource is their resource.
var RouteResource = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}

// route builds an HTTPRoute that leads from address to service. It removes the path of
// the address from each request, because Spark serves its UI at the root. Fields that the
// API server would default are set, so that an unchanged route equals the stored one.
func (b *builder) route(name string, to address, service *corev1.Service, options *v1beta2.SparkUIConfiguration) (*unstructured.Unstructured, error) {
	gateways := options.RouteGateways
	if len(gateways) == 0 {
		gateways = b.config.RouteGateways
	}
	if len(gateways) == 0 {
		return nil, errors.New("spec.sparkUIOptions.routeGateways: is empty; name a Gateway, or set the operator flag --ui-route-gateways")
	}
	parents, err := parentRefs(gateways, "spec.sparkUIOptions.routeGateways")
	if err != nil {
		return nil, err
	}
	rule := map[string]any{
		"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": cmp.Or(to.path, "/")}}},
		"backendRefs": backendRefs(service.Name, service.Spec.Ports[0].Port),
	}
	if to.path != "" {
		rule["filters"] = []any{map[string]any{
			"type":       "URLRewrite",
			"urlRewrite": map[string]any{"path": map[string]any{"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
		}}
	}
	spec := map[string]any{"parentRefs": parents, "rules": []any{rule}}
	if to.host != "" {
		spec["hostnames"] = []any{to.host}
	}
	meta := b.objectMeta(name, nil, firstMap(options.RouteAnnotations, b.config.RouteAnnotations))
	return gatewayObject(KindRoute, &meta, spec)
}

// gatewayObject is an object of the Gateway API.
func gatewayObject(kind string, meta *metav1.ObjectMeta, spec map[string]any) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(meta)
	if err != nil {
		return nil, fmt.Errorf("metadata of %s %s: %w", kind, meta.Name, err)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": RouteResource.GroupVersion().String(), "kind": kind, "metadata": content, "spec": spec,
	}}, nil
}

// parentRefs are the Gateways of a route. The error starts with the field.
func parentRefs(gateways []v1beta2.RouteGateway, field string) ([]any, error) {
	parents := make([]any, 0, len(gateways))
	for i := range gateways {
		if err := CheckGateway(&gateways[i]); err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", field, i, err)
		}
		parent := map[string]any{"group": RouteResource.Group, "kind": "Gateway", "name": gateways[i].Name}
		if gateways[i].Namespace != "" {
			parent["namespace"] = gateways[i].Namespace
		}
		if gateways[i].SectionName != "" {
			parent["sectionName"] = gateways[i].SectionName
		}
		parents = append(parents, parent)
	}
	return parents, nil
}

// backendRefs lead to a port of a Service.
func backendRefs(service string, port int32) []any {
	return []any{map[string]any{"group": "", "kind": "Service", "name": service, "port": int64(port), "weight": int64(1)}}
}

// CheckGateway refuses names that no Gateway and no listener can have. The error starts
// with the field.
func CheckGateway(gateway *v1beta2.RouteGateway) error {
	if reasons := validation.IsDNS1123Subdomain(gateway.Name); len(reasons) > 0 {
		return fmt.Errorf("name: %q is not the name of a Gateway: %s", gateway.Name, strings.Join(reasons, ", "))
	}
	if reasons := validation.IsDNS1123Label(gateway.Namespace); gateway.Namespace != "" && len(reasons) > 0 {
		return fmt.Errorf("namespace: %q is not a namespace: %s", gateway.Namespace, strings.Join(reasons, ", "))
	}
	if reasons := validation.IsDNS1123Subdomain(gateway.SectionName); gateway.SectionName != "" && len(reasons) > 0 {
		return fmt.Errorf("sectionName: %q is not the name of a listener: %s", gateway.SectionName, strings.Join(reasons, ", "))
	}
	return nil
}
