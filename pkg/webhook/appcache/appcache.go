// SPDX-License-Identifier: Apache-2.0

// Package appcache keeps what the webhook needs of the watched namespaces, so that no
// review makes a request: of applications the placement of executors with PartialRestart,
// and ResourceQuotas where these are checked.
package appcache

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	sparkinformers "github.com/spark-operator/spark-operator/pkg/client/informers/externalversions"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// Clients are the API clients of the caches. Spark comes from [informers.NewClient], nil
// to read no applications. Metadata may be nil without a selector. Quotas is for reading
// ResourceQuotas, nil to read none.
type Clients struct {
	Spark    versioned.Interface
	Metadata metadata.Interface
	Quotas   kubernetes.Interface
}

// Cache knows the applications of the watched namespaces.
type Cache struct {
	*informers.Watches
	applications *informers.Scoped[*v1beta2.SparkApplication] // nil if they are not read
	quotas       *informers.Scoped[*corev1.ResourceQuota]     // nil if they are not read
	synced       []cache.DoneChecker
}

// New prepares the caches of the namespaces that config selects. Nothing is read before
// Start.
func New(config informers.Config, clients Clients) *Cache {
	c := &Cache{Watches: informers.NewWatches(config, clients.Metadata)}
	applications := map[string]cache.TypedSharedIndexInformer[*v1beta2.SparkApplication]{}
	quotas := map[string]cache.TypedSharedIndexInformer[*corev1.ResourceQuota]{}
	for _, namespace := range c.Namespaces.Scopes() {
		if clients.Spark != nil {
			spark := sparkinformers.NewSharedInformerFactoryWithOptions(clients.Spark, 0,
				sparkinformers.WithNamespace(namespace), sparkinformers.WithTweakListOptions(config.TweakListOptions),
				sparkinformers.WithTransform(c.Counting(placement)))
			informer := spark.Sparkoperator().V1beta2().SparkApplications().TypedInformer()
			applications[namespace] = informer
			c.add(spark, informer.HasSyncedChecker())
		}
		if clients.Quotas != nil {
			core := coreinformers.NewSharedInformerFactoryWithOptions(clients.Quotas, 0,
				coreinformers.WithNamespace(namespace), coreinformers.WithTransform(c.Counting(trimQuota)))
			informer := core.Core().V1().ResourceQuotas().TypedInformer()
			quotas[namespace] = informer
			c.add(core, informer.HasSyncedChecker())
		}
	}
	if clients.Spark != nil {
		c.applications = informers.NewScoped(applications)
	}
	if clients.Quotas != nil {
		c.quotas = informers.NewScoped(quotas)
	}
	return c
}

func (c *Cache) add(factory informers.Factory, synced cache.DoneChecker) {
	c.Add(factory)
	c.synced = append(c.synced, synced)
}

// Synced returns what to wait for until everything was read once.
func (c *Cache) Synced() []cache.DoneChecker { return slices.Concat(c.Watches.Synced(), c.synced) }

// Application returns the fields of an application that place its executors; nil if it is
// not known or none are read. It is shared and must not be changed.
func (c *Cache) Application(namespace, name string) *v1beta2.SparkApplication {
	if c.applications == nil {
		return nil
	}
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
	watched, known := c.Namespaces.Match(namespace)
	return watched || !known
}

// trimQuota is the transform of the cache of quotas: the field ownership is not read.
func trimQuota(object any) (any, error) {
	if quota, ok := object.(*corev1.ResourceQuota); ok {
		quota.ManagedFields, quota.Annotations = nil, nil
	}
	return object, nil
}

// placement is the transform of the cache: it keeps what [podspec.Fields.Place] applies to
// executor pods.
func placement(object any) (any, error) {
	app, ok := object.(*v1beta2.SparkApplication)
	if !ok {
		return object, nil
	}
	kept := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{
		Namespace: app.Namespace, Name: app.Name, UID: app.UID, ResourceVersion: app.ResourceVersion,
	}}
	from, to := &app.Spec, &kept.Spec
	to.BatchScheduler = from.BatchScheduler
	to.Executor.Affinity = from.Executor.Affinity
	to.Executor.NodeSelector = from.Executor.NodeSelector
	to.Executor.PriorityClassName = from.Executor.PriorityClassName
	to.Executor.SchedulerName = from.Executor.SchedulerName
	to.Executor.Tolerations = from.Executor.Tolerations
	return kept, nil
}
