// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	coreinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
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
	// ApplicationSelector selects the applications, schedules and SparkConnects of this
	// operator by their labels; nil for all.
	ApplicationSelector labels.Selector
}

// TweakListOptions restricts a cache to the objects that ApplicationSelector selects.
func (c Config) TweakListOptions(options *metav1.ListOptions) {
	if c.ApplicationSelector != nil {
		options.LabelSelector = c.ApplicationSelector.String()
	}
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
	*Watches
	Applications *Applications
	Scheduled    *Scoped[*v1beta2.ScheduledSparkApplication]
	// Connects are the SparkConnects. Their CRD need not be installed, so they are read
	// when [Set.StartConnects] is called; until then, the cache is empty and not synced.
	Connects *Scoped[*v1alpha1.SparkConnect]
	// Pods are driver and executor pods, indexed by [DriversByApplication],
	// [ExecutorsBySubmission] and [ExecutorsByServer].
	Pods *Scoped[*podview.Pod]

	connects []Factory
}

// StartConnects begins to list and watch SparkConnects. It returns at once.
func (s *Set) StartConnects(ctx context.Context) {
	for _, f := range s.connects {
		f.StartWithContext(ctx)
	}
}

// Shutdown waits until every watch has ended, which the contexts of the starts cause.
func (s *Set) Shutdown() {
	s.Watches.Shutdown()
	for _, f := range s.connects {
		f.Shutdown()
	}
}

// New prepares the caches. Nothing is read before Start.
func New(config Config, clients Clients) (*Set, error) {
	set := &Set{Watches: NewWatches(config, clients.Metadata)}
	applications := map[string]cache.TypedSharedIndexInformer[*Application]{}
	scheduled := map[string]cache.TypedSharedIndexInformer[*v1beta2.ScheduledSparkApplication]{}
	connects := map[string]cache.TypedSharedIndexInformer[*v1alpha1.SparkConnect]{}
	pods := map[string]cache.TypedSharedIndexInformer[*podview.Pod]{}
	for _, namespace := range set.Namespaces.Scopes() {
		spark := sparkinformers.NewSharedInformerFactoryWithOptions(clients.Spark, 0,
			sparkinformers.WithNamespace(namespace),
			sparkinformers.WithTransform(set.Counting(compactApplication)))
		core := coreinformers.NewSharedInformerFactoryWithOptions(clients.Kube, 0,
			coreinformers.WithNamespace(namespace),
			coreinformers.WithTransform(set.Counting(compactPod)))
		ownSchedules := sparkinformers.NewSharedInformerFactoryWithOptions(clients.Spark, 0,
			sparkinformers.WithNamespace(namespace),
			sparkinformers.WithTweakListOptions(config.TweakListOptions),
			sparkinformers.WithTransform(set.Counting(compactApplication)))
		set.Add(spark)
		set.Add(ownSchedules)
		set.Add(core)

		// Decoded from the answer of the API server; the transform makes the cached form.
		applications[namespace] = cache.NewTypedSharedIndexInformer[*Application](spark.Sparkoperator().V1beta2().SparkApplications().Informer())
		ownConnects := sparkinformers.NewSharedInformerFactoryWithOptions(clients.Spark, 0,
			sparkinformers.WithNamespace(namespace),
			sparkinformers.WithTweakListOptions(config.TweakListOptions),
			sparkinformers.WithTransform(set.Counting(compactApplication)))
		set.connects = append(set.connects, ownConnects)
		connects[namespace] = ownConnects.Sparkoperator().V1alpha1().SparkConnects().TypedInformer()
		scheduled[namespace] = ownSchedules.Sparkoperator().V1beta2().ScheduledSparkApplications().TypedInformer()
		pods[namespace] = newPodInformer(core, namespace)
	}
	set.Applications = NewApplications(applications, config.ApplicationSelector)
	set.Scheduled = NewScoped(scheduled)
	set.Connects = NewScoped(connects)
	set.Pods = NewScoped(pods)
	return set, nil
}
