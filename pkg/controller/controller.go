// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/progress/sampler"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/tracing"
)

// Config is how the controller works. Master has no default.
type Config struct {
	// Workers is how many applications are worked on at the same time, and at most the
	// [loop.Namespaces]-th part of them in the same namespace. Default: as many as
	// give each namespace DefaultThreads.
	Workers int
	// SyncTimeout limits one step of one application. Default [loop.DefaultSyncTimeout].
	SyncTimeout time.Duration
	// ShutdownTimeout is how long steps under way may take to end after the context
	// of Run is done. Default [loop.DefaultShutdownTimeout].
	ShutdownTimeout time.Duration
	// Clock returns the time and waits; nil for the clock of the machine.
	Clock clock.WithTicker
	// DryRun says that the clients send no write: nothing that follows one happens.
	DryRun bool
	// Starting reports whether schedules have runs to create. What they created is
	// not submitted meanwhile; see givesWay. Nil for never.
	Starting func() bool
	// Tracer records submissions; nil for none.
	Tracer *tracing.Tracer
	run.Settings
}

// DefaultThreads is how many applications of one namespace are synced at the same time.
const DefaultThreads = 10

func (c *Config) setDefaults() {
	c.Workers = cmp.Or(c.Workers, DefaultThreads*loop.Namespaces)
	c.SyncTimeout = cmp.Or(c.SyncTimeout, loop.DefaultSyncTimeout)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, loop.DefaultShutdownTimeout)
}

// Controller runs SparkApplications. See the package documentation.
type Controller struct {
	config   Config
	settings run.Settings
	clock    clock.WithTicker

	client versioned.Interface
	runner *run.Runner

	applications *informers.Applications
	pods         *informers.Scoped[*podview.Pod]
	namespaces   *informers.Namespaces
	fresh        *loop.Freshness
	gate         loop.Gate
	synced       []cache.DoneChecker

	unkept loop.Unkept[v1beta2.SparkApplicationStatus]
	ledger podLedger
	// sampler asks drivers how far they are, beside the loop.
	sampler *sampler.Sampler

	queue    loop.Queue
	recorder events.EventRecorder
	metrics  *metrics.Metrics
}

// Caches that are compared with our own writes.
const (
	freshApplications loop.CacheKind = iota
	freshPods
)

// New returns a controller that reads from the caches of set, which is started
// afterwards. Metrics may be nil.
func New(config Config, clients run.Clients, set *informers.Set, recorder events.EventRecorder, m *metrics.Metrics) (*Controller, error) {
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	return newController(config, clients, set, recorder, m, config.Clock)
}

func newController(config Config, clients run.Clients, set *informers.Set, recorder events.EventRecorder, m *metrics.Metrics, clk clock.WithTicker) (*Controller, error) {
	config.setDefaults()
	c := &Controller{
		config:   config,
		settings: config.Settings,
		clock:    clk,

		client: clients.Spark,

		applications: set.Applications,
		pods:         set.Pods,
		namespaces:   set.Namespaces,
		fresh: loop.NewFreshness(map[loop.CacheKind]loop.Cache{
			freshApplications: set.Applications,
			freshPods:         set.Pods,
		}),

		recorder: recorder,
		metrics:  m,
	}
	c.queue = loop.NewQueue(queueName, newFairQueue(c.toSubmit, config.Workers, clk), clk)
	c.sampler = sampler.New(clk, func(key cache.ObjectName) { c.queue.Add(key) })
	c.runner = run.NewRunner(&c.settings, clients, func(app cache.ObjectName, resourceVersion string) {
		c.fresh.Wrote(app, freshPods, resourceVersion)
	})
	c.gate = loop.Gate{Watched: c.namespaces.Match, Fresh: c.fresh}
	applications, err := c.applications.AddHandler(loop.Enqueue[*informers.Application](c.queue))
	if err != nil {
		return nil, fmt.Errorf("watch SparkApplications: %w", err)
	}
	pods, err := c.pods.AddHandler(c.podHandler())
	if err != nil {
		return nil, fmt.Errorf("watch pods: %w", err)
	}
	namespaces, err := c.namespaces.OnWatched(loop.EnqueueAll(c.queue, c.applications.In))
	if err != nil {
		return nil, err
	}
	c.synced = slices.Concat(applications, pods, namespaces, set.Synced())
	return c, nil
}

// Run works until ctx is done and every step under way has ended.
func (c *Controller) Run(ctx context.Context) error {
	loop := &loop.Loop{
		Kind: "SparkApplication", Queue: c.queue, Clock: c.clock,
		Workers: c.config.Workers, SyncTimeout: c.config.SyncTimeout, ShutdownTimeout: c.config.ShutdownTimeout, DryRun: c.config.DryRun,
		Sync: c.sync, Expected: reconcile.Expected, Panicked: c.metrics.Panicked,
	}
	var sampling sync.WaitGroup
	sampling.Go(func() { c.sampler.Run(ctx) })
	defer sampling.Wait()
	return loop.Run(ctx, c.synced...)
}

// Synced returns what to wait for before Run starts to work: the caches and the
// handlers of this controller.
func (c *Controller) Synced() []cache.DoneChecker { return c.synced }

// Component is the name under which events are reported.
const Component = "spark-application-controller"
