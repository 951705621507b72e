// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
)

// Namespaces says which namespaces are watched: those that are named, and those
// whose labels match the selector; all if neither is given.
type Namespaces struct {
	named    []string
	selector labels.Selector // nil if none
	store    cache.Store     // of namespaces as PartialObjectMetadata; nil without selector
	informer cache.SharedIndexInformer
}

// NewNamespaces returns the rule for the namespaces named and, if selector is not
// nil, those in store that match it.
func NewNamespaces(named []string, selector labels.Selector, store cache.Store) *Namespaces {
	return &Namespaces{named: named, selector: selector, store: store}
}

// Match reports whether the namespace is watched. The second result is false
// while the labels of the namespace are not known yet: a new namespace and the
// first object in it may arrive in either order, so the caller asks again.
func (n *Namespaces) Match(namespace string) (watched, known bool) {
	if slices.Contains(n.named, metav1.NamespaceAll) || slices.Contains(n.named, namespace) {
		return true, true
	}
	if n.selector == nil {
		return len(n.named) == 0, true
	}
	item, exists, err := n.store.GetByKey(namespace)
	if err != nil || !exists {
		return false, false
	}
	object, ok := item.(metav1.Object)
	return ok && n.selector.Matches(labels.Set(object.GetLabels())), true
}

// OnWatched registers what to do when new labels of an existing namespace make it a
// watched one. It returns what to wait for; nothing without selector.
func (n *Namespaces) OnWatched(do func(namespace string)) ([]cache.DoneChecker, error) {
	if n.informer == nil {
		return nil, nil
	}
	selected := func(item any) bool {
		object, ok := item.(metav1.Object)
		return ok && n.selector.Matches(labels.Set(object.GetLabels()))
	}
	registration, err := n.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: func(before, now any) {
		if object, ok := now.(metav1.Object); ok && !selected(before) && selected(now) {
			do(object.GetName())
		}
	}})
	if err != nil {
		return nil, fmt.Errorf("watch namespaces: %w", err)
	}
	return []cache.DoneChecker{registration.HasSyncedChecker()}, nil
}

// Scopes returns the namespaces that need caches of their own; a selector needs
// caches of all.
func (n *Namespaces) Scopes() []string {
	if n.selector != nil || len(n.named) == 0 || slices.Contains(n.named, metav1.NamespaceAll) {
		return []string{metav1.NamespaceAll}
	}
	unique := slices.Clone(n.named)
	slices.Sort(unique)
	return slices.Compact(unique)
}

var namespaceResource = corev1.SchemeGroupVersion.WithResource("namespaces")
