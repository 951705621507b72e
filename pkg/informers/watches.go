// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

// Watches is what all caches of a process share: the rule for the namespaces, when
// they start and end, and how far the first lists are.
type Watches struct {
	// Namespaces says which namespaces are watched.
	Namespaces *Namespaces

	factories  []Factory
	namespaces []cache.DoneChecker
	received   atomic.Int64
}

// Factory is what the informer factories of all clients have in common.
type Factory interface {
	StartWithContext(ctx context.Context)
	Shutdown()
}

// metadataFactory gives the factory of metadata caches the methods of the others.
type metadataFactory struct {
	metadatainformer.SharedInformerFactory
}

func (f metadataFactory) StartWithContext(ctx context.Context) { f.Start(ctx.Done()) }

// NewWatches prepares the cache of namespaces, if config has a selector; without one,
// client may be nil. Nothing is read before Start.
func NewWatches(config Config, client metadata.Interface) *Watches {
	w := &Watches{Namespaces: NewNamespaces(config.Namespaces, config.NamespaceSelector, nil)}
	if config.NamespaceSelector != nil {
		f := metadatainformer.NewSharedInformerFactoryWithOptions(client, 0, metadatainformer.WithTransform(trimNamespace))
		informer := f.ForResource(namespaceResource).Informer()
		w.Namespaces.store, w.Namespaces.informer = informer.GetStore(), informer
		w.namespaces = append(w.namespaces, informer.HasSyncedChecker())
		w.Add(metadataFactory{f})
	}
	return w
}

// Add has the informers of a factory start and end with the others.
func (w *Watches) Add(f Factory) { w.factories = append(w.factories, f) }

// Counting is a transform that counts the objects that it sees.
func (w *Watches) Counting(transform cache.TransformFunc) cache.TransformFunc {
	return func(object any) (any, error) {
		w.received.Add(1)
		return transform(object)
	}
}

// Received is how many objects the API server has sent so far. While the caches are
// filled, it shows whether there is progress.
func (w *Watches) Received() int64 { return w.received.Load() }

// Start begins to list and watch; handlers should be registered before. It
// returns at once.
func (w *Watches) Start(ctx context.Context) {
	for _, f := range w.factories {
		f.StartWithContext(ctx)
	}
}

// Synced returns what to wait for besides the handlers of the caller.
func (w *Watches) Synced() []cache.DoneChecker { return w.namespaces }

// Shutdown waits until every watch has ended, which the context of Start causes.
func (w *Watches) Shutdown() {
	var wg sync.WaitGroup
	for _, f := range w.factories {
		wg.Go(f.Shutdown)
	}
	wg.Wait()
}
