// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"iter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// Object is an API object in a cache.
type Object interface {
	metav1.Object
	cache.Object
}

// Handlers translate events to keys; they decide and write nothing.

// Enqueue puts an object of the loop's own kind into the queue whenever it changes.
func Enqueue[T Object](queue Queue) cache.TypedResourceEventHandlerFuncs[T] {
	return cache.TypedResourceEventHandlerFuncs[T]{
		AddFunc:    func(object T) { queue.Add(cache.MetaObjectToName(object)) },
		UpdateFunc: func(_, object T) { queue.Add(cache.MetaObjectToName(object)) },
		DeleteFunc: func(object cache.DeletedObject[T]) { queue.Add(object.GetObjectName()) },
	}
}

// Changes calls changed with each object that is added or updated, and with the last known
// state of one that is deleted, if there is any.
func Changes[T interface {
	comparable
	cache.Object
}](changed func(T)) cache.TypedResourceEventHandlerFuncs[T] {
	return cache.TypedResourceEventHandlerFuncs[T]{
		AddFunc:    changed,
		UpdateFunc: func(_, object T) { changed(object) },
		DeleteFunc: func(object cache.DeletedObject[T]) {
			var none T
			if object.OptionalObj != none {
				changed(object.OptionalObj)
			}
		},
	}
}

// EnqueueAll puts all objects of a namespace into the queue when it becomes a watched
// one. Those of a namespace that is not watched any more are held back by [Gate].
func EnqueueAll[T Object](queue Queue, in func(namespace string) iter.Seq[T]) func(namespace string) {
	return func(namespace string) {
		for object := range in(namespace) {
			queue.Add(cache.MetaObjectToName(object))
		}
	}
}

// Gate decides whether an object may be synced.
type Gate struct {
	// Watched reports whether a namespace is watched, once that is known.
	Watched func(namespace string) (watched, known bool)
	Fresh   *Freshness
}

// CacheDelay is when to sync again an object whose caches do not show our own last write
// yet. Usually the event that carries it comes earlier.
const CacheDelay = 200 * time.Millisecond

// namespaceDelay is when to ask again about a namespace of which nothing is known yet.
const namespaceDelay = time.Second

// Ready reports whether a sync may begin. If it may not, it is to be tried again after
// wait, unless that is 0.
func (g Gate) Ready(key cache.ObjectName) (wait time.Duration, ready bool) {
	switch watched, known := g.Watched(key.Namespace); {
	case !known:
		return namespaceDelay, false
	case !watched:
		return 0, false
	case !g.Fresh.Ready(key):
		return CacheDelay, false
	}
	return 0, true
}
