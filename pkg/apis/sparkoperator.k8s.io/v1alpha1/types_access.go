// SPDX-License-Identifier: Apache-2.0

package v1alpha1

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
