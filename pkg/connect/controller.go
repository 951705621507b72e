// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/connect/probe"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// Config is how the controller works.
type Config struct {
	// Master is the API server as servers reach it: k8s://https://host:port.
	Master string
	// DefaultConf are Spark properties of all servers. Whatever a server says wins over them.
	DefaultConf map[string]string
	// ServiceLinks gives pods the variables of every Service of their namespace, as
	// Kubernetes does by default.
	ServiceLinks bool
	// Authentication lets servers check the token of their clients (spec.authentication),
	// for which Secrets are read and created.
	Authentication bool
	// IngressClassName is the class of every Ingress for which the server names none; empty
	// for the default of the cluster.
	IngressClassName string
	// Workers is how many servers are worked on at the same time, and at most the
	// [loop.Namespaces]-th part of them in the same namespace. Default 64.
	Workers int
	// SyncTimeout limits one sync. Default [loop.DefaultSyncTimeout].
	SyncTimeout time.Duration
	// ShutdownTimeout is how long syncs under way may take to end after the context of Run
	// is done. Default [loop.DefaultShutdownTimeout].
	ShutdownTimeout time.Duration
	// NodeLossGracePeriod is how long a node may not report before server pods that do not
	// terminate are deleted by force; 0 never does.
	NodeLossGracePeriod time.Duration
	// Clock returns the time and waits; nil for the clock of the machine.
	Clock clock.WithTicker
	// DryRun says that the clients send no write: nothing that follows one happens.
	DryRun bool
	// ProbeTransport makes the requests of probes; nil for the network.
	ProbeTransport http.RoundTripper
	// Redact hides secrets in texts that go into a status, an event or the log of the
	// operator; nil to hide nothing.
	Redact func(string) string
}

func (c *Config) setDefaults() {
	c.Workers = cmp.Or(c.Workers, 64)
	if c.Redact == nil {
		c.Redact = func(text string) string { return text }
	}
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	c.SyncTimeout = cmp.Or(c.SyncTimeout, loop.DefaultSyncTimeout)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, loop.DefaultShutdownTimeout)
}

// queueName names the metrics of the work queue.
const queueName = "sparkconnect"

// Clients are the API clients of the controller.
type Clients struct {
	Kube  kubernetes.Interface
	Spark versioned.Interface
	// Dynamic is for the routes of the Gateway API.
	Dynamic dynamic.Interface
}

// Controller runs Spark Connect servers. See the package documentation.
type Controller struct {
	config Config
	clock  clock.WithTicker
	kube   kubernetes.Interface
	client versioned.Interface
	// dynamic is for kinds that are not compiled in.
	dynamic dynamic.Interface

	connects *informers.Scoped[*v1alpha1.SparkConnect]
	pods     *informers.Scoped[*podview.Pod]
	fresh    *loop.Freshness
	gate     loop.Gate
	unkept   loop.Unkept[v1alpha1.SparkConnectStatus]
	services nowAndThen
	routes   nowAndThen
	events   eventReads
	prober   *probe.Prober
	synced   []cache.DoneChecker

	queue    loop.Queue
	recorder events.EventRecorder
	metrics  *Metrics
}

// The caches that are compared with our own writes.
const (
	freshConnects loop.CacheKind = iota
	freshPods
)

// New returns a controller that reads from the caches of set, which is started afterwards.
// Metrics may be nil.
func New(config Config, clients Clients, set *informers.Set, recorder events.EventRecorder, m *Metrics) (*Controller, error) {
	config.setDefaults()
	c := &Controller{
		config: config, clock: config.Clock, kube: clients.Kube, client: clients.Spark, dynamic: clients.Dynamic,
		connects: set.Connects, pods: set.Pods,
		fresh:    loop.NewFreshness(map[loop.CacheKind]loop.Cache{freshConnects: set.Connects, freshPods: set.Pods}),
		queue:    loop.NewQueue(queueName, &oneRank{loop.NewShares(config.Workers, 1, config.Clock)}, config.Clock),
		recorder: recorder, metrics: m,
	}
	c.prober = probe.New(config.Clock, config.ProbeTransport, c.probed)
	c.gate = loop.Gate{Watched: set.Namespaces.Match, Fresh: c.fresh}
	connects, err := c.connects.AddHandler(loop.Enqueue[*v1alpha1.SparkConnect](c.queue))
	if err != nil {
		return nil, fmt.Errorf("watch SparkConnects: %w", err)
	}
	pods, err := c.pods.AddHandler(loop.Changes(c.podChanged))
	if err != nil {
		return nil, fmt.Errorf("watch pods: %w", err)
	}
	namespaces, err := set.Namespaces.OnWatched(loop.EnqueueAll(c.queue, c.connects.In))
	if err != nil {
		return nil, err
	}
	c.synced = slices.Concat(connects, pods, namespaces, set.Synced())
	return c, nil
}

// oneRank is the order of the queue: namespaces take turns.
type oneRank struct{ *loop.Shares }

// Push implements workqueue.Queue.
func (q *oneRank) Push(key cache.ObjectName) { q.PushFirst(0, key) }

// Run works until ctx is done and every sync under way has ended. It begins when the caches
// are filled, which may be never: their CRD need not be installed.
func (c *Controller) Run(ctx context.Context) error {
	l := &loop.Loop{
		Kind: "SparkConnect", Queue: c.queue, Clock: c.clock,
		Workers: c.config.Workers, SyncTimeout: c.config.SyncTimeout, ShutdownTimeout: c.config.ShutdownTimeout, DryRun: c.config.DryRun,
		Sync: c.sync, Expected: reconcile.Expected, Panicked: c.metrics.panicked,
	}
	var probes sync.WaitGroup
	defer probes.Wait()
	if !c.config.DryRun { // which follows nothing
		probes.Go(func() { c.prober.Run(ctx) })
	}
	if err := l.Run(ctx, c.synced...); ctx.Err() == nil {
		return err
	}
	return nil
}
