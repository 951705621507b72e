// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/labels"
	coreinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	sparkinformers "github.com/spark-operator/spark-operator/pkg/client/informers/externalversions"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// Config selects what to watch. The zero value watches all namespaces.
type Config struct {
	// Namespaces to watch; empty, or containing "": all.
	Namespaces []string
	// NamespaceSelector adds the namespaces whose labels match; nil for none.
	NamespaceSelector labels.Selector
}

// Clients are the API clients of the caches. Spark should come from [NewClient],
// so that one malformed object does not stop the others. Metadata may be nil if
// Config has no NamespaceSelector.
type Clients struct {
	Kube     kubernetes.Interface
	Spark    versioned.Interface
	Metadata metadata.Interface
}

// Set are all caches of the operator.
type Set struct {
	Applications *Applications
	Scheduled    *Scoped[*v1beta2.ScheduledSparkApplication]
	// Pods are driver and executor pods, indexed by [DriversByApplication] and
	// [ExecutorsBySubmission].
	Pods *Scoped[*podview.Pod]
	// Namespaces says which namespaces are watched.
	Namespaces *Namespaces

	factories  []factory
	namespaces []cache.DoneChecker
	received   atomic.Int64
}

// factory is what the factories of all clients have in common.
type factory interface {
	StartWithContext(ctx context.Context)
	Shutdown()
}

// metadataFactory gives the factory of metadata caches the methods of the others.
type metadataFactory struct {
	metadatainformer.SharedInformerFactory
}

func (f metadataFactory) StartWithContext(ctx context.Context) { f.Start(ctx.Done()) }

// New prepares the caches. Nothing is read before Start.
func New(config Config, clients Clients) (*Set, error) {
	set := &Set{Namespaces: NewNamespaces(config.Namespaces, config.NamespaceSelector, nil)}
	if config.NamespaceSelector != nil {
		f := metadatainformer.NewSharedInformerFactoryWithOptions(clients.Metadata, 0, metadatainformer.WithTransform(trimNamespace))
		informer := f.ForResource(namespaceResource).Informer()
		set.Namespaces.store, set.Namespaces.informer = informer.GetStore(), informer
		set.namespaces = append(set.namespaces, informer.HasSyncedChecker())
		set.factories = append(set.factories, metadataFactory{f})
	}

	applications := map[string]cache.TypedSharedIndexInformer[*Application]{}
	scheduled := map[string]cache.TypedSharedIndexInformer[*v1beta2.ScheduledSparkApplication]{}
	pods := map[string]cache.TypedSharedIndexInformer[*podview.Pod]{}
	for _, namespace := range set.Namespaces.scopes() {
		spark := sparkinformers.NewSharedInformerFactoryWithOptions(clients.Spark, 0,
			sparkinformers.WithNamespace(namespace),
			sparkinformers.WithTransform(set.counting(compactApplication)))
		core := coreinformers.NewSharedInformerFactoryWithOptions(clients.Kube, 0,
			coreinformers.WithNamespace(namespace),
			coreinformers.WithTransform(set.counting(compactPod)))
		set.factories = append(set.factories, spark, core)

		// Decoded from the answer of the API server; the transform makes the cached form.
		applications[namespace] = cache.NewTypedSharedIndexInformer[*Application](spark.Sparkoperator().V1beta2().SparkApplications().Informer())
		scheduled[namespace] = spark.Sparkoperator().V1beta2().ScheduledSparkApplications().TypedInformer()
		pods[namespace] = newPodInformer(core, namespace)
	}
	set.Applications = &Applications{NewScoped(applications)}
	set.Scheduled = NewScoped(scheduled)
	set.Pods = NewScoped(pods)
	return set, nil
}

// counting is a transform that counts the objects that it sees.
func (s *Set) counting(transform cache.TransformFunc) cache.TransformFunc {
	return func(object any) (any, error) {
		s.received.Add(1)
		return transform(object)
	}
}

// Received is how many objects the API server has sent so far. While the caches are
// filled, it shows whether there is progress.
func (s *Set) Received() int64 { return s.received.Load() }

// Start begins to list and watch; handlers should be registered before. It
// returns at once.
func (s *Set) Start(ctx context.Context) {
	for _, f := range s.factories {
		f.StartWithContext(ctx)
	}
}

// Synced returns what to wait for besides the handlers of the caller.
func (s *Set) Synced() []cache.DoneChecker { return s.namespaces }

// Shutdown waits until every watch has ended, which the context of Start causes.
func (s *Set) Shutdown() {
	var wg sync.WaitGroup
	for _, f := range s.factories {
		wg.Go(f.Shutdown)
	}
	wg.Wait()
}
