// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// Scoped are the caches of one kind: a single one for all namespaces, or one for
// each watched namespace.
type Scoped[T cache.Object] struct {
	caches map[string]cache.TypedSharedIndexInformer[T] // by namespace, "" for all
}

// NewScoped returns the caches of a kind by namespace; the key
// [metav1.NamespaceAll] stands for all namespaces.
func NewScoped[T cache.Object](caches map[string]cache.TypedSharedIndexInformer[T]) *Scoped[T] {
	return &Scoped[T]{caches: caches}
}

// of returns the cache in which objects of the namespace are found.
func (s *Scoped[T]) of(namespace string) (cache.TypedSharedIndexInformer[T], bool) {
	if all, ok := s.caches[metav1.NamespaceAll]; ok {
		return all, true
	}
	one, ok := s.caches[namespace]
	return one, ok
}

// Get returns the cached object of that name. It is shared: copy before changing.
func (s *Scoped[T]) Get(name cache.ObjectName) (object T, found bool) {
	informer, ok := s.of(name.Namespace)
	if !ok {
		return object, false
	}
	item, exists, err := informer.GetStore().GetByKey(name.String())
	if err != nil || !exists {
		return object, false
	}
	object, found = item.(T)
	return object, found
}

// ByIndex returns the cached objects of the namespace that an index function
// gave that value. They are shared: copy before changing.
func (s *Scoped[T]) ByIndex(namespace, index, value string) ([]T, error) {
	informer, ok := s.of(namespace)
	if !ok {
		return nil, nil
	}
	return informer.GetTypedIndexer().ByTypedIndex(index, value)
}

// All yields every cached object in no particular order.
func (s *Scoped[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, informer := range s.caches {
			for _, item := range informer.GetStore().List() {
				if object, ok := item.(T); ok && !yield(object) {
					return
				}
			}
		}
	}
}

// In yields every cached object of a namespace in no particular order.
func (s *Scoped[T]) In(namespace string) iter.Seq[T] {
	return func(yield func(T) bool) {
		informer, ok := s.of(namespace)
		if !ok {
			return
		}
		items, err := informer.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
		if err != nil { // there is no such index
			items = informer.GetStore().List()
		}
		for _, item := range items {
			if object, ok := item.(T); ok && object.GetNamespace() == namespace && !yield(object) {
				return
			}
		}
	}
}

// AddHandler registers the handler with every cache and returns what to wait for
// until it has seen all objects of the initial lists.
func (s *Scoped[T]) AddHandler(handler cache.TypedResourceEventHandler[T]) ([]cache.DoneChecker, error) {
	var synced []cache.DoneChecker
	for _, namespace := range slices.Sorted(maps.Keys(s.caches)) {
		registration, err := s.caches[namespace].AddTypedEventHandler(handler)
		if err != nil {
			return nil, fmt.Errorf("watch namespace %q: %w", namespace, err)
		}
		synced = append(synced, registration.HasSyncedChecker())
	}
	return synced, nil
}

// AddIndexers adds index functions to every cache.
func (s *Scoped[T]) AddIndexers(indexers cache.TypedIndexers[T]) error {
	for namespace, informer := range s.caches {
		if err := informer.AddTypedIndexers(indexers); err != nil {
			return fmt.Errorf("index namespace %q: %w", namespace, err)
		}
	}
	return nil
}

// Store returns the cache in which objects of the namespace are kept, or nil.
func (s *Scoped[T]) Store(namespace string) cache.Store {
	informer, ok := s.of(namespace)
	if !ok {
		return nil
	}
	return informer.GetStore()
}

// LastSyncResourceVersion returns the resource version up to which the cache of
// the namespace has seen the API server, or "" if that is not known.
func (s *Scoped[T]) LastSyncResourceVersion(namespace string) string {
	store := s.Store(namespace)
	if store == nil {
		return ""
	}
	return store.LastStoreSyncResourceVersion()
}
