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

// trustChanged does the same and reports whether a configuration was changed.
func (m *Manager) trustChanged(ctx context.Context, authorities []byte) (changed bool, err error) {
	registration := m.Client.AdmissionregistrationV1()
	mutating, err := trustIn(ctx, registration.MutatingWebhookConfigurations(), "MutatingWebhookConfiguration", m.MutatingConfiguration, authorities,
		func(c *admissionregistrationv1.MutatingWebhookConfiguration) (clients []*admissionregistrationv1.WebhookClientConfig) {
			for i := range c.Webhooks {
				clients = append(clients, &c.Webhooks[i].ClientConfig)
			}
			return clients
		})
	if err != nil {
		return mutating, err
	}
	validating, err := trustIn(ctx, registration.ValidatingWebhookConfigurations(), "ValidatingWebhookConfiguration", m.ValidatingConfiguration, authorities,
		func(c *admissionregistrationv1.ValidatingWebhookConfiguration) (clients []*admissionregistrationv1.WebhookClientConfig) {
			for i := range c.Webhooks {
				clients = append(clients, &c.Webhooks[i].ClientConfig)
			}
			return clients
		})
	changed = mutating || validating
	if changed && err == nil {
		klog.FromContext(ctx).Info("The webhook configurations trust another authority now", "mutating", m.MutatingConfiguration, "validating", m.ValidatingConfiguration)
	}
	return changed, err
}

// configurationClient is what the clients of both kinds of webhook configurations have in common.
type configurationClient[T metav1.Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	Patch(ctx context.Context, name string, kind types.PatchType, patch []byte, options metav1.PatchOptions, subresources ...string) (T, error)
}

// trustIn has one configuration trust the authorities and reports whether it was
// changed. One that does not exist is none of ours: its chart was installed without it.
func trustIn[T metav1.Object](ctx context.Context, client configurationClient[T], kind, name string, authorities []byte,
	webhooks func(T) []*admissionregistrationv1.WebhookClientConfig,
) (changed bool, err error) {
	if name == "" {
		return false, nil
	}
	configuration, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s %s: %w", kind, name, err)
	}
	patch := trustPatch(configuration.GetResourceVersion(), authorities, webhooks(configuration))
	if patch == nil {
		return false, nil
	}
	if _, err := client.Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		return false, fmt.Errorf("patch %s %s: %w", kind, name, err)
	}
	return true, nil
}

// trustPatch returns the JSON patch that sets the bundle of authorities of the webhooks;
// nil if all have it. It fails if the configuration is not the one that was read.
func trustPatch(version string, authorities []byte, clients []*admissionregistrationv1.WebhookClientConfig) []byte {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	operations := []operation{{"test", "/metadata/resourceVersion", version}}
	for i, client := range clients {
		if !bytes.Equal(client.CABundle, authorities) {
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
