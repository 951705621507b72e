// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"sync"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/cache"
)

// CacheKind identifies a cache; the caller defines the values.
type CacheKind int

// Cache is the part of a cache that is needed here.
type Cache interface {
	// LastSyncResourceVersion returns the resource version up to which the cache
	// has seen the namespace, or "" if unknown.
	LastSyncResourceVersion(namespace string) string
}

// Freshness lets a loop read its own writes. It remembers the latest writes on behalf of
// each object that a controller works on.
//
// A cache may lag behind the process that fills it: right after a write it still
// shows the state before. A controller that decides on such a state does work for
// nothing. It therefore records the resource version of each write here and, when
// the same object is due again, waits until its caches have seen that version.
//
// Correctness never depends on it: names that are derived from owner and attempt,
// and compare-and-swap on the resource version, hold without it. It replaces the
// expectation counters of older controllers (see KEP-5647).
//
// It is safe for concurrent use.
type Freshness struct {
	caches map[CacheKind]Cache

	lock   sync.Mutex
	writes map[cache.ObjectName]map[CacheKind]string // resource versions
}

// NewFreshness returns a store that compares writes with what the given caches have seen.
func NewFreshness(caches map[CacheKind]Cache) *Freshness {
	return &Freshness{caches: caches, writes: map[cache.ObjectName]map[CacheKind]string{}}
}

// Wrote records a write made while working on owner: the API server answered with
// that resource version of an object of that kind in owner's namespace.
func (s *Freshness) Wrote(owner cache.ObjectName, kind CacheKind, resourceVersion string) {
	if resourceVersion == "" {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	kinds := s.writes[owner]
	if kinds == nil {
		kinds = map[CacheKind]string{}
		s.writes[owner] = kinds
	}
	if latest, recorded := kinds[kind]; !recorded || Older(latest, resourceVersion) {
		kinds[kind] = resourceVersion
	}
}

// Ready reports whether the caches have seen every write recorded for owner, and
// forgets those that they have.
func (s *Freshness) Ready(owner cache.ObjectName) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	kinds := s.writes[owner]
	for kind, written := range kinds {
		if source, known := s.caches[kind]; known && Older(source.LastSyncResourceVersion(owner.Namespace), written) {
			return false
		}
		delete(kinds, kind)
	}
	delete(s.writes, owner)
	return true
}

// Forget drops what is recorded for owner; call it when owner is gone.
func (s *Freshness) Forget(owner cache.ObjectName) {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.writes, owner)
}

// Older reports whether resource version a is known to come before b. Versions
// that cannot be compared, such as an unknown one, are no reason
// to wait.
func Older(a, b string) bool {
	if a == "" || a == b {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
