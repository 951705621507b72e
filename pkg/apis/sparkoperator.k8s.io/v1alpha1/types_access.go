// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// DefaultTokenKey is the key of a token in its Secret, unless
// spec.authentication.tokenSecret.key names another one.
const DefaultTokenKey = "token"

// Authentication says which token clients have to present. It has exactly one of its
// fields.
// +kubebuilder:validation:XValidation:rule=`has(self.tokenSecret) != (has(self.generate) && self.generate)`,message=`set either tokenSecret, or generate to true`
type Authentication struct {
	// Secret with the token.
	// +optional
	TokenSecret *TokenSecret `json:"tokenSecret,omitempty"`
	// Whether the operator generates the token: it creates the Secret NAME-token with the key token once, and never
	// changes it. The Secret is deleted with this object.
	// +optional
	Generate bool `json:"generate,omitempty"`
}

// TokenSecret names a token in a Secret.
type TokenSecret struct {
	// Name of a Secret in the namespace of this object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.size() > 253 || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message=`must be a DNS subdomain: lower case letters, digits, - and ., with a letter or digit at both ends of each part`
	Name string `json:"name"`
	// Key of the token in the Secret. Default token.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.size() == 0 || self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')`,message=`must be a key of a Secret: letters, digits, -, _ and .`
	Key string `json:"key,omitempty"`
}

// RouteType is the kind of object by which clients outside of the cluster reach a server.
// +kubebuilder:validation:Enum=Ingress;GRPCRoute
type RouteType string

// Types of routes.
const (
	// RouteIngress is an Ingress, and another one for the web UI.
	RouteIngress RouteType = "Ingress"
	// RouteGRPC is a GRPCRoute of the Gateway API, and an HTTPRoute for the web UI.
	RouteGRPC RouteType = "GRPCRoute"
)

// Route is how clients outside of the cluster reach a server. TLS ends at the ingress
// controller or Gateway.
// +kubebuilder:validation:XValidation:rule=`self.type != 'Ingress' || !has(self.parentRefs)`,message=`parentRefs are for the type GRPCRoute only`
// +kubebuilder:validation:XValidation:rule=`self.type != 'GRPCRoute' || has(self.parentRefs)`,message=`the type GRPCRoute needs parentRefs`
// +kubebuilder:validation:XValidation:rule=`self.type != 'GRPCRoute' || (!has(self.class) || self.class.size() == 0) && (!has(self.tlsSecretName) || self.tlsSecretName.size() == 0)`,message=`class and tlsSecretName are for the type Ingress only`
// +kubebuilder:validation:XValidation:rule=`!has(self.uiHost) || self.uiHost.size() == 0 || self.uiHost != self.host`,message=`must differ from spec.route.host; the web UI needs a host of its own`,fieldPath=`.uiHost`
// +kubebuilder:validation:XValidation:rule=`self.type != 'Ingress' || !has(self.class) || self.class.size() == 0 || self.class.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message=`not the name of an object: must be a DNS subdomain: lower case letters, digits, - and ., with a letter or digit at both ends of each part`,fieldPath=`.class`
// +kubebuilder:validation:XValidation:rule=`self.type != 'Ingress' || !has(self.tlsSecretName) || self.tlsSecretName.size() == 0 || self.tlsSecretName.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message=`not the name of an object: must be a DNS subdomain: lower case letters, digits, - and ., with a letter or digit at both ends of each part`,fieldPath=`.tlsSecretName`
// +kubebuilder:validation:XValidation:rule=`self.type != 'GRPCRoute' || !has(self.parentRefs) || self.parentRefs.all(p, p.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'))`,message=`the name of a Gateway must be a DNS subdomain: lower case letters, digits, - and ., with a letter or digit at both ends of each part`,fieldPath=`.parentRefs`
type Route struct {
	// Kind of the object: Ingress, or GRPCRoute of the Gateway API.
	Type RouteType `json:"type"`
	// Name of the host that clients connect to, on port 443 with TLS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$') && !self.matches('^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])([.](25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$')`,message=`not the name of a host; use one such as connect.example.com, without port and wildcard`
	Host string `json:"host"`
	// Name of the host for the web UI, which no token protects. Default: the web UI has no route.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.size() == 0 || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$') && !self.matches('^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])([.](25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$')`,message=`not the name of a host; use one such as connect.example.com, without port and wildcard`
	UIHost string `json:"uiHost,omitempty"`
	// IngressClass of an Ingress. Default: the class of the operator, otherwise that of the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Class string `json:"class,omitempty"`
	// Gateways of a GRPCRoute.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	ParentRefs []v1beta2.RouteGateway `json:"parentRefs,omitempty"`
	// Secret with the certificate of an Ingress. Default: the certificate of the ingress controller.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TLSSecretName string `json:"tlsSecretName,omitempty"`
	// Annotations of the Ingress or route.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Annotations map[string]string `json:"annotations,omitempty"`
}
