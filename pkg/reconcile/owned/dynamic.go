// SPDX-License-Identifier: Apache-2.0

package owned

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// Dynamic makes a client for objects of a type that is not compiled in one for this
// package.
func Dynamic(client dynamic.ResourceInterface) DynamicClient { return DynamicClient{client} }

// DynamicClient implements [Client], [Updater] and [Deleter].
type DynamicClient struct{ resource dynamic.ResourceInterface }

// Create implements [Creator].
func (d DynamicClient) Create(ctx context.Context, object *unstructured.Unstructured, options metav1.CreateOptions) (*unstructured.Unstructured, error) {
	return d.resource.Create(ctx, object, options)
}

// Get implements [Client].
func (d DynamicClient) Get(ctx context.Context, name string, options metav1.GetOptions) (*unstructured.Unstructured, error) {
	return d.resource.Get(ctx, name, options)
}

// Update implements [Updater].
func (d DynamicClient) Update(ctx context.Context, object *unstructured.Unstructured, options metav1.UpdateOptions) (*unstructured.Unstructured, error) {
	return d.resource.Update(ctx, object, options)
}

// Delete implements [Deleter].
func (d DynamicClient) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return d.resource.Delete(ctx, name, options)
}
