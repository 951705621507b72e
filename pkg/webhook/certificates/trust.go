// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// trust has the configurations trust the authorities.
func (m *Manager) trust(ctx context.Context, authorities []byte) error {
	_, err := m.trustChanged(ctx, authorities)
	return err
}

// trustChanged does the same and reports whether a configuration was changed. One that
// does not exist is none of ours: its chart was installed without it.
func (m *Manager) trustChanged(ctx context.Context, authorities []byte) (changed bool, err error) {
	registration := m.Client.AdmissionregistrationV1()
	if name := m.MutatingConfiguration; name != "" {
		configuration, err := registration.MutatingWebhookConfigurations().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			if !apierrors.IsNotFound(err) {
				return changed, fmt.Errorf("read MutatingWebhookConfiguration %s: %w", name, err)
			}
		} else if patch := trustPatch(configuration.ResourceVersion, authorities, len(configuration.Webhooks), func(i int) *admissionregistrationv1.WebhookClientConfig {
			return &configuration.Webhooks[i].ClientConfig
		}); patch != nil {
			if _, err := registration.MutatingWebhookConfigurations().Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
				return changed, fmt.Errorf("patch MutatingWebhookConfiguration %s: %w", name, err)
			}
			changed = true
		}
	}
	if name := m.ValidatingConfiguration; name != "" {
		configuration, err := registration.ValidatingWebhookConfigurations().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			if !apierrors.IsNotFound(err) {
				return changed, fmt.Errorf("read ValidatingWebhookConfiguration %s: %w", name, err)
			}
		} else if patch := trustPatch(configuration.ResourceVersion, authorities, len(configuration.Webhooks), func(i int) *admissionregistrationv1.WebhookClientConfig {
			return &configuration.Webhooks[i].ClientConfig
		}); patch != nil {
			if _, err := registration.ValidatingWebhookConfigurations().Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
				return changed, fmt.Errorf("patch ValidatingWebhookConfiguration %s: %w", name, err)
			}
			changed = true
		}
	}
	if changed {
		klog.FromContext(ctx).Info("The webhook configurations trust another authority now", "mutating", m.MutatingConfiguration, "validating", m.ValidatingConfiguration)
	}
	return changed, nil
}

// trustPatch returns the JSON patch that sets the bundle of authorities of n webhooks;
// nil if all have it. It fails if the configuration is not the one that was read.
func trustPatch(version string, authorities []byte, n int, client func(int) *admissionregistrationv1.WebhookClientConfig) []byte {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	operations := []operation{{"test", "/metadata/resourceVersion", version}}
	for i := range n {
		if !bytes.Equal(client(i).CABundle, authorities) {
			operations = append(operations, operation{"add", fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), authorities})
		}
	}
	if len(operations) == 1 {
		return nil
	}
	text, err := json.Marshal(operations)
	if err != nil {
		return nil // texts and numbers can always be written
	}
	return text
}
