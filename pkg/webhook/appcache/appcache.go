// SPDX-License-Identifier: Apache-2.0

// Package appcache keeps what the webhook needs of the watched namespaces, so that no
// review makes a request: of applications the fields of executors that only a webhook
// can apply, and ResourceQuotas where these are checked.
package appcache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	sparkinformers "github.com/spark-operator/spark-operator/pkg/client/informers/externalversions"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// Clients are the API clients of the caches. Spark comes from [informers.NewClient].
// Metadata may be nil without a selector. Quotas is for reading ResourceQuotas, nil to
// read none.
type Clients struct {
	Spark    versioned.Interface
	Metadata metadata.Interface
	Quotas   kubernetes.Interface
}

// Cache knows the applications of the watched namespaces.
type Cache struct {
	applications *informers.Scoped[*v1beta2.SparkApplication]
	quotas       *informers.Scoped[*corev1.ResourceQuota] // nil if they are not read
	namespaces   *informers.Namespaces

	start    []func(context.Context)
	shutdown []func()
	synced   []cache.DoneChecker
	received atomic.Int64
}

// New prepares the caches of the namespaces that config selects. Nothing is read before
// Start.
func New(config informers.Config, clients Clients) *Cache {
	c := &Cache{}
	var labelled cache.Store
	if config.NamespaceSelector != nil {
		factory := metadatainformer.NewSharedInformerFactoryWithOptions(clients.Metadata, 0, metadatainformer.WithTransform(labelsOnly))
		informer := factory.ForResource(corev1.SchemeGroupVersion.WithResource("namespaces")).Informer()
		labelled = informer.GetStore()
		c.synced = append(c.synced, informer.HasSyncedChecker())
		c.start = append(c.start, func(ctx context.Context) { factory.Start(ctx.Done()) })
		c.shutdown = append(c.shutdown, factory.Shutdown)
	}
	c.namespaces = informers.NewNamespaces(config.Namespaces, config.NamespaceSelector, labelled)

	scopes := slices.Clone(config.Namespaces)
	if config.NamespaceSelector != nil || len(scopes) == 0 || slices.Contains(scopes, metav1.NamespaceAll) {
		scopes = []string{metav1.NamespaceAll}
	}
	if clients.Quotas != nil {
		c.quotas = informers.NewScoped(c.quotaCaches(clients.Quotas, scopes))
	}
	applications := map[string]cache.TypedSharedIndexInformer[*v1beta2.SparkApplication]{}
	for _, namespace := range scopes {
		factory := sparkinformers.NewSharedInformerFactoryWithOptions(clients.Spark, 0,
			sparkinformers.WithNamespace(namespace), sparkinformers.WithTransform(c.counted))
		informer := factory.Sparkoperator().V1beta2().SparkApplications().TypedInformer()
		applications[namespace] = informer
		c.synced = append(c.synced, informer.HasSyncedChecker())
		c.start = append(c.start, factory.StartWithContext)
		c.shutdown = append(c.shutdown, factory.Shutdown)
	}
	c.applications = informers.NewScoped(applications)
	return c
}

// quotaCaches prepares a cache of ResourceQuotas for each scope.
func (c *Cache) quotaCaches(client kubernetes.Interface, scopes []string) map[string]cache.TypedSharedIndexInformer[*corev1.ResourceQuota] {
	quotas := map[string]cache.TypedSharedIndexInformer[*corev1.ResourceQuota]{}
	for _, namespace := range scopes {
		factory := coreinformers.NewSharedInformerFactoryWithOptions(client, 0,
			coreinformers.WithNamespace(namespace), coreinformers.WithTransform(c.countedQuota))
		informer := factory.Core().V1().ResourceQuotas().TypedInformer()
		quotas[namespace] = informer
		c.synced = append(c.synced, informer.HasSyncedChecker())
		c.start = append(c.start, factory.StartWithContext)
		c.shutdown = append(c.shutdown, factory.Shutdown)
	}
	return quotas
}

// Start begins to list and watch. It returns at once.
func (c *Cache) Start(ctx context.Context) {
	for _, start := range c.start {
		start(ctx)
	}
}

// Synced returns what to wait for until everything was read once.
func (c *Cache) Synced() []cache.DoneChecker { return c.synced }

// Received is how many objects the API server has sent so far: progress, while
// they are read.
func (c *Cache) Received() int64 { return c.received.Load() }

// Shutdown waits until every watch has ended, which the context of Start causes.
func (c *Cache) Shutdown() {
	var ending sync.WaitGroup
	for _, shutdown := range c.shutdown {
		ending.Go(shutdown)
	}
	ending.Wait()
}

// Application returns the fields of an application that concern its executors; nil if it
// is not known. It is shared and must not be changed.
func (c *Cache) Application(namespace, name string) *v1beta2.SparkApplication {
	app, found := c.applications.Get(cache.NewObjectName(namespace, name))
	if !found {
		return nil
	}
	return app
}

// Quotas returns the ResourceQuotas of a namespace in no particular order: none if they
// are not read. They are shared and must not be changed.
func (c *Cache) Quotas(namespace string) []*corev1.ResourceQuota {
	if c.quotas == nil {
		return nil
	}
	return slices.Collect(c.quotas.In(namespace))
}

// Watched reports whether the operator works in the namespace. A namespace whose labels
// are not known yet counts as watched: reviewed too much does no harm.
func (c *Cache) Watched(namespace string) bool {
	watched, known := c.namespaces.Match(namespace)
	return watched || !known
}

// counted is executorFields for one more application.
func (c *Cache) counted(object any) (any, error) {
	c.received.Add(1)
	return executorFields(object)
}

// countedQuota is the transform of the cache of quotas: the field ownership is not read.
func (c *Cache) countedQuota(object any) (any, error) {
	c.received.Add(1)
	if quota, ok := object.(*corev1.ResourceQuota); ok {
		quota.ManagedFields, quota.Annotations = nil, nil
	}
	return object, nil
}

// executorFields is the transform of the cache: it keeps what [podspec.FieldsOf] reads
// and package podspec applies to executor pods at admission. The labels and everything
// that only the driver needs are left out.
func executorFields(object any) (any, error) {
	app, ok := object.(*v1beta2.SparkApplication)
	if !ok {
		return object, nil
	}
	kept := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{
		Namespace: app.Namespace, Name: app.Name, UID: app.UID, ResourceVersion: app.ResourceVersion,
	}}
	from, to := &app.Spec, &kept.Spec
	if name, given := from.SparkConf[podspec.Executor.ContainerNameKey()]; given {
		to.SparkConf = map[string]string{podspec.Executor.ContainerNameKey(): name}
	}
	to.SparkConfigMap, to.HadoopConfigMap, to.BatchScheduler = from.SparkConfigMap, from.HadoopConfigMap, from.BatchScheduler
	to.Executor.Env = from.Executor.Env
	to.Executor.MemoryLimit = from.Executor.MemoryLimit
	to.Executor.Lifecycle = from.Executor.Lifecycle
	to.Executor.Affinity = from.Executor.Affinity
	to.Executor.NodeSelector = from.Executor.NodeSelector
	to.Executor.PriorityClassName = from.Executor.PriorityClassName
	to.Executor.SchedulerName = from.Executor.SchedulerName
	to.Executor.Tolerations = from.Executor.Tolerations
	return kept, nil
}

// labelsOnly is the transform of the cache of namespaces.
func labelsOnly(object any) (any, error) {
	namespace, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return object, nil
	}
	return &metav1.PartialObjectMetadata{TypeMeta: namespace.TypeMeta, ObjectMeta: metav1.ObjectMeta{
		Name: namespace.Name, UID: namespace.UID, ResourceVersion: namespace.ResourceVersion, Labels: namespace.Labels,
	}}, nil
}
