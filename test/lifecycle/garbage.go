// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/utils/ptr"
)

// object is one of any kind.
type object struct {
	resource schema.GroupVersionResource
	metav1.PartialObjectMetadata
}

func (o *object) String() string { return o.resource.Resource + "/" + o.Name }

// inventory lists all objects of the namespace, whatever they are, except events
// and leases, which go by themselves.
func (w *World) inventory(ctx context.Context) []*object {
	w.t.Helper()
	lists, err := discovery.NewDiscoveryClientForConfigOrDie(w.config).ServerPreferredNamespacedResources()
	if err != nil {
		w.t.Fatalf("discover resources: %v", err)
	}
	client := metadata.NewForConfigOrDie(w.config)
	var found []*object
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || !slices.Contains(resource.Verbs, "delete") ||
				resource.Name == "events" || resource.Name == "leases" {
				continue
			}
			kind := version.WithResource(resource.Name)
			objects, err := client.Resource(kind).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				w.t.Fatalf("list %s: %v", kind, err)
			}
			for _, item := range objects.Items {
				found = append(found, &object{kind, item})
			}
		}
	}
	return found
}

// checkNothingLeft waits until nothing exists but what was there before, with this
// World in the place of the garbage collector.
func (w *World) checkNothingLeft() {
	w.t.Helper()
	known := map[types.UID]bool{}
	for _, o := range w.before {
		known[o.UID] = true
	}
	var left []string
	err := wait.PollUntilContextTimeout(w.t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		left = nil
		objects := w.inventory(ctx)
		for _, o := range objects {
			if !known[o.UID] {
				left = append(left, fmt.Sprintf("%s (owners %v)", o, o.OwnerReferences))
			}
		}
		return len(left) == 0, w.collect(ctx, objects)
	})
	if err != nil {
		w.t.Errorf("left behind: %s (%v)", strings.Join(left, ", "), err)
	}
}

// collect deletes the objects whose owners are all gone.
func (w *World) collect(ctx context.Context, objects []*object) error {
	live := map[types.UID]bool{}
	for _, o := range objects {
		live[o.UID] = true
	}
	client := metadata.NewForConfigOrDie(w.config)
	for _, o := range objects {
		owned := slices.ContainsFunc(o.OwnerReferences, func(owner metav1.OwnerReference) bool { return live[owner.UID] })
		if owned || len(o.OwnerReferences) == 0 {
			continue
		}
		err := client.Resource(o.resource).Namespace(w.namespace).Delete(ctx, o.Name, metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(o.UID)), GracePeriodSeconds: ptr.To[int64](0),
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("collect %s: %w", o, err)
		}
	}
	return nil
}
