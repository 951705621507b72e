// SPDX-License-Identifier: Apache-2.0

// Package garbage lists every object of a namespace, whatever its kind, and deletes
// what a garbage collector would delete.
package garbage

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

// Object is one of any kind.
type Object struct {
	Resource schema.GroupVersionResource
	metav1.PartialObjectMetadata
}

func (o *Object) String() string { return o.Resource.Resource + "/" + o.Name }

// Collector is the garbage collector of one namespace.
type Collector struct {
	discovery discovery.DiscoveryInterface
	client    metadata.Interface
	namespace string
}

// New prepares a collector, which makes no request yet.
func New(config *rest.Config, namespace string) *Collector {
	return &Collector{
		discovery: discovery.NewDiscoveryClientForConfigOrDie(config),
		client:    metadata.NewForConfigOrDie(config),
		namespace: namespace,
	}
}

// List returns all objects of the namespace that can be deleted, except events and
// leases, which go by themselves.
func (c *Collector) List(ctx context.Context) ([]*Object, error) {
	lists, err := c.discovery.ServerPreferredNamespacedResources()
	if err != nil {
		return nil, fmt.Errorf("discover resources: %w", err)
	}
	var found []*Object
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || !slices.Contains(resource.Verbs, "delete") ||
				resource.Name == "events" || resource.Name == "leases" {
				continue
			}
			kind := version.WithResource(resource.Name)
			objects, err := c.client.Resource(kind).Namespace(c.namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", kind, err)
			}
			for _, item := range objects.Items {
				found = append(found, &Object{kind, item})
			}
		}
	}
	return found, nil
}

// Collect deletes those of the listed objects that are garbage. Their owners must be
// among the listed objects, too, if they exist.
func (c *Collector) Collect(ctx context.Context, objects []*Object) error {
	remaining := map[types.UID]bool{}
	for _, o := range Remaining(slices.Clone(objects)) {
		remaining[o.UID] = true
	}
	for _, o := range objects {
		if remaining[o.UID] {
			continue
		}
		err := c.client.Resource(o.Resource).Namespace(c.namespace).Delete(ctx, o.Name, metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(o.UID)), GracePeriodSeconds: ptr.To[int64](0),
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("collect %s: %w", o, err)
		}
	}
	return nil
}

// Remaining returns what a garbage collector leaves of objects, in their order: it
// removes those whose owners are all gone, then those that these owned, and so on. From
// the others it removes the references to owners that are gone. An owner exists if it
// is one of the objects or of others.
func Remaining[T metav1.Object](objects []T, others ...types.UID) []T {
	for {
		live := map[types.UID]bool{}
		for _, uid := range others {
			live[uid] = true
		}
		for _, object := range objects {
			live[object.GetUID()] = true
		}
		before := len(objects)
		objects = slices.DeleteFunc(objects, func(object T) bool {
			owners := object.GetOwnerReferences()
			left := slices.DeleteFunc(slices.Clone(owners), func(owner metav1.OwnerReference) bool { return !live[owner.UID] })
			if len(left) == len(owners) {
				return false
			}
			object.SetOwnerReferences(left)
			return len(left) == 0
		})
		if len(objects) == before {
			return objects
		}
	}
}
