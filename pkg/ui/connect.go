// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"cmp"
	"maps"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// KindGRPCRoute is the kind of the routes of the Gateway API that lead to Spark Connect
// servers.
const KindGRPCRoute = "GRPCRoute"

// GRPCRouteResource is their resource.
var GRPCRouteResource = schema.GroupVersionResource{Group: RouteResource.Group, Version: "v1", Resource: "grpcroutes"}

// ConnectRoute is how clients outside of the cluster reach a Spark Connect server. All
// objects belong to the SparkConnect.
type ConnectRoute struct {
	// Ingresses lead to the server, and to its web UI.
	Ingresses []*networkingv1.Ingress
	// GRPC leads to the server, and Web to its web UI; nil if there is none.
	GRPC, Web *unstructured.Unstructured
}

// ConnectBackend is what the route of a server leads to.
type ConnectBackend struct {
	// Service is the name of the Service of the server.
	Service string
	// Port leads to the server, and WebPort to its web UI.
	Port, WebPort int32
	// Class is that of an Ingress which names none; empty for the default of the cluster.
	Class string
}

// ConnectRouteName is the name of the Ingress or GRPCRoute of a server.
func ConnectRouteName(connect *v1alpha1.SparkConnect) string { return connect.Name + "-server" }

// ConnectWebName is the name of the Ingress or HTTPRoute of its web UI.
func ConnectWebName(connect *v1alpha1.SparkConnect) string { return connect.Name + "-ui" }

// Annotations by which ingress-nginx serves gRPC: messages have up to 128 MiB, and a stream
// is silent for minutes. Other controllers ignore them.
var grpcAnnotations = map[string]string{
	backendProtocol: "GRPC",
	"nginx.ingress.kubernetes.io/proxy-body-size":    "0",
	"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
	"nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
}

const backendProtocol = "nginx.ingress.kubernetes.io/backend-protocol"

// BuildConnect returns the route of a server with a valid spec; empty without spec.route.
// The error starts with the field.
func BuildConnect(connect *v1alpha1.SparkConnect, to ConnectBackend) (ConnectRoute, error) {
	var built ConnectRoute
	given := connect.Spec.Route
	if given == nil {
		return built, nil
	}
	if given.Type == v1alpha1.RouteIngress {
		annotations := maps.Clone(grpcAnnotations)
		maps.Copy(annotations, given.Annotations)
		built.Ingresses = append(built.Ingresses, connectIngress(connect, ConnectRouteName(connect), given.Host, annotations, to, to.Port))
		if given.UIHost != "" {
			annotations = maps.Clone(given.Annotations)
			delete(annotations, backendProtocol)
			built.Ingresses = append(built.Ingresses, connectIngress(connect, ConnectWebName(connect), given.UIHost, annotations, to, to.WebPort))
		}
		return built, nil
	}
	parents, err := parentRefs(given.ParentRefs, "spec.route.parentRefs")
	if err != nil {
		return built, err
	}
	meta := connectMeta(connect, ConnectRouteName(connect), given.Annotations)
	rule := map[string]any{"backendRefs": backendRefs(to.Service, to.Port)}
	built.GRPC, err = gatewayObject(KindGRPCRoute, &meta, map[string]any{"parentRefs": parents, "hostnames": []any{given.Host}, "rules": []any{rule}})
	if err != nil || given.UIHost == "" {
		return built, err
	}
	meta = connectMeta(connect, ConnectWebName(connect), given.Annotations)
	rule = map[string]any{
		"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
		"backendRefs": backendRefs(to.Service, to.WebPort),
	}
	built.Web, err = gatewayObject(KindRoute, &meta, map[string]any{"parentRefs": parents, "hostnames": []any{given.UIHost}, "rules": []any{rule}})
	return built, err
}

func connectMeta(connect *v1alpha1.SparkConnect, name string, annotations map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: connect.Namespace, Annotations: maps.Clone(annotations),
		Labels:          map[string]string{v1beta2.LabelCreatedBySparkOperator: "true", v1alpha1.LabelConnectName: connect.Name},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(connect, v1alpha1.SchemeGroupVersion.WithKind("SparkConnect"))},
	}
}

func connectIngress(connect *v1alpha1.SparkConnect, name, host string, annotations map[string]string, to ConnectBackend, port int32) *networkingv1.Ingress {
	given := connect.Spec.Route
	ingress := &networkingv1.Ingress{ObjectMeta: connectMeta(connect, name, annotations)}
	if class := cmp.Or(given.Class, to.Class); class != "" {
		ingress.Spec.IngressClassName = &class
	}
	if given.TLSSecretName != "" {
		ingress.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host}, SecretName: given.TLSSecretName}}
	}
	ingress.Spec.Rules = []networkingv1.IngressRule{{
		Host: host,
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
			Path: "/", PathType: ptr.To(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: to.Service, Port: networkingv1.ServiceBackendPort{Number: port},
			}},
		}}}},
	}}
	return ingress
}
