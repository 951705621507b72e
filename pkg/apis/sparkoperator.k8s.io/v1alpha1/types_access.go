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
	Name string `json:"name"`
	// Key of the token in the Secret. Default token.
	// +optional
	// +kubebuilder:validation:MaxLength=253
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
// +kubebuilder:validation:XValidation:rule=`self.type != 'GRPCRoute' || !has(self.class) && !has(self.tlsSecretName)`,message=`class and tlsSecretName are for the type Ingress only`
type Route struct {
	// Kind of the object: Ingress, or GRPCRoute of the Gateway API.
	Type RouteType `json:"type"`
	// Name of the host that clients connect to, on port 443 with TLS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host"`
	// Name of the host for the web UI, which no token protects. Default: the web UI has no route.
	// +optional
	// +kubebuilder:validation:MaxLength=253
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
