// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// Config is how the controller works. Master has no default.
type Config struct {
	// Workers is how many applications are worked on at the same time, and at most the
	// [loop.Namespaces]-th part of them in the same namespace. Default: as many as
	// give each namespace DefaultThreads.
	Workers int
	// SyncTimeout limits one step of one application. Default 2 minutes.
	SyncTimeout time.Duration
	// ShutdownTimeout is how long steps under way may take to end after the context
	// of Run is done. Default 20 seconds.
	ShutdownTimeout time.Duration
	// Clock tells the time and waits; nil for the clock of the machine.
	Clock clock.WithTicker
	// Starting reports whether schedules have runs to create. What they created is
	// not submitted meanwhile; see givesWay. Nil for never.
	Starting func() bool
	Settings
}

// Settings are the part of Config on which decisions depend.
type Settings struct {
	// Master is the API server as drivers reach it: k8s://https://host:port.
	Master string
	// DefaultConf are Spark properties of all applications. Whatever an application says
	// wins over them; they win over built-in defaults.
	DefaultConf map[string]string
	// ServiceLinks gives pods the variables of every Service of their namespace, as
	// Kubernetes does by default.
	ServiceLinks bool
	// PodWebhook says that executor pods pass through this operator's webhook: see
	// [translate.Params].
	PodWebhook bool
	// Submitter is how applications are submitted that do not say it: one of
	// v1beta2.SubmitterNative, the default, and v1beta2.SubmitterSparkSubmit.
	Submitter string
	// SubmitterDeadline is how long a Job with spark-submit may take; 0 for
	// sparksubmit.DefaultDeadline.
	SubmitterDeadline time.Duration
	// UI is how the UI of drivers is published.
	UI ui.Config
	// BatchScheduling says which batch schedulers may be used.
	BatchScheduling BatchScheduling
	// MaxTrackedExecutors bounds status.executorState; 0 keeps it empty.
	MaxTrackedExecutors int
	// DriverGracePeriod is how long a submitted application may be without driver
	// pod; 0 for no longer than it takes to ask the API server.
	DriverGracePeriod time.Duration
	// DriverCannotStartTimeout is how long after its submission a driver fails whose
	// image or configuration keeps its containers from starting; 0 waits without limit.
	DriverCannotStartTimeout time.Duration
	// NodeLossGracePeriod is how long a node may not report before driver pods that
	// were deleted but do not terminate are force-deleted; 0 for never.
	NodeLossGracePeriod time.Duration
	// DefaultTimeToLive is how long finished applications stay whose spec does not
	// say; 0 for ever.
	DefaultTimeToLive time.Duration
	// DriverDisruptionBudget honours spec.driverPodDisruptionBudget.
	DriverDisruptionBudget bool
	// LogTailLines is how many of the last lines of the log of a driver that failed are
	// kept in the status; 0 for none.
	LogTailLines int64
	// Redact hides secrets in texts that go into a status, an event or the log of the
	// operator; nil to hide nothing.
	Redact func(string) string
	// PartialRestart keeps edits of the placement of executors from causing a rerun.
	PartialRestart bool
}

// Defaults of flags.
const (
	// DefaultThreads is how many applications of one namespace are worked on at the same
	// time.
	DefaultThreads = 10
	// DefaultMaxTrackedExecutors is for Settings.MaxTrackedExecutors.
	DefaultMaxTrackedExecutors = 1000
	// DefaultDriverGracePeriod is for Settings.DriverGracePeriod.
	DefaultDriverGracePeriod = 10 * time.Second
)

// redact hides what settings say is to be hidden.
func (s *Settings) redact(text string) string {
	if s.Redact == nil || text == "" {
		return text
	}
	return s.Redact(text)
}

func (c *Config) setDefaults() {
	c.Workers = cmp.Or(c.Workers, DefaultThreads*loop.Namespaces)
	c.SyncTimeout = cmp.Or(c.SyncTimeout, 2*time.Minute)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, 20*time.Second)
}

// Clients are the API clients of the controller. Dynamic is used for objects of
// batch schedulers only.
type Clients struct {
	Kube    kubernetes.Interface
	Spark   versioned.Interface
	Dynamic dynamic.Interface
}

// Controller runs SparkApplications. See the package documentation.
type Controller struct {
	config   Config
	settings Settings
	clock    clock.WithTicker

	kube    kubernetes.Interface
	client  versioned.Interface
	dynamic dynamic.Interface

	applications *informers.Applications
	pods         *informers.Scoped[*podview.Pod]
	namespaces   *informers.Namespaces
	fresh        *loop.Freshness
	gate         loop.Gate
	synced       []cache.DoneChecker

	watches *driverWatches
	// complete are submissions whose objects all exist and of which no status tells
	// yet: the id by the name of the application.
	complete sync.Map
	unkept   loop.Unkept[v1beta2.SparkApplicationStatus]

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
func New(config Config, clients Clients, set *informers.Set, recorder events.EventRecorder, m *metrics.Metrics) (*Controller, error) {
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	return newController(config, clients, set, recorder, m, config.Clock)
}

func newController(config Config, clients Clients, set *informers.Set, recorder events.EventRecorder, m *metrics.Metrics, clk clock.WithTicker) (*Controller, error) {
	config.setDefaults()
	c := &Controller{
		config:   config,
		settings: config.Settings,
		clock:    clk,

		kube:    clients.Kube,
		client:  clients.Spark,
		dynamic: clients.Dynamic,

		applications: set.Applications,
		pods:         set.Pods,
		namespaces:   set.Namespaces,
		watches:      &driverWatches{},
		fresh: loop.NewFreshness(map[loop.CacheKind]loop.Cache{
			freshApplications: set.Applications,
			freshPods:         set.Pods,
		}),

		recorder: recorder,
		metrics:  m,
	}
	c.queue = loop.NewQueue(queueName, newFairQueue(c.toSubmit, config.Workers, clk), clk)
	c.gate = loop.Gate{Watched: c.namespaces.Match, Fresh: c.fresh}
	applications, err := c.applications.AddHandler(loop.Enqueue[*informers.Application](c.queue))
	if err != nil {
		return nil, fmt.Errorf("watch SparkApplications: %w", err)
	}
	pods, err := c.watchPods()
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
		Workers: c.config.Workers, SyncTimeout: c.config.SyncTimeout, ShutdownTimeout: c.config.ShutdownTimeout,
		Sync: c.sync, Expected: reconcile.Expected, Panicked: c.metrics.Panicked,
	}
	return loop.Run(ctx, c.synced...)
}

// Synced returns what to wait for before Run starts to work: the caches and the
// handlers of this controller.
func (c *Controller) Synced() []cache.DoneChecker { return c.synced }
