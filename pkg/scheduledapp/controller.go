// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// Config is how the controller works.
type Config struct {
	// Workers is how many schedules are worked on at the same time, and at most the
	// [loop.Namespaces]-th part of them in the same namespace. A slow creation
	// occupies one of them, so there are more than the processor needs. Default 256.
	Workers int
	// TimestampPrecision is the unit of the time in names of runs. Default
	// PrecisionNanos.
	TimestampPrecision Precision
	// Local is the time zone of schedules that name none. Default UTC.
	Local *time.Location
	// SyncTimeout limits one sync of a schedule. Default [loop.DefaultSyncTimeout].
	SyncTimeout time.Duration
	// ShutdownTimeout is how long looks under way may take to end after the context
	// of Run is done. Default [loop.DefaultShutdownTimeout].
	ShutdownTimeout time.Duration
	// Clock returns the time and waits; nil for the clock of the machine.
	Clock clock.WithTicker
	// DryRun says that the clients send no write: nothing that follows one happens.
	DryRun bool
	// LogArchiveDeadline is how long after its end a run whose logs are being archived
	// exceeds the history limit; 0 without archive.
	LogArchiveDeadline time.Duration
	// Redact hides secrets in texts that go into a status, an event or the log of the
	// operator; nil to hide nothing.
	Redact func(string) string
}

func (c *Config) setDefaults() {
	c.Workers = cmp.Or(c.Workers, 256)
	if c.Redact == nil {
		c.Redact = func(text string) string { return text }
	}
	c.TimestampPrecision = cmp.Or(c.TimestampPrecision, PrecisionNanos)
	c.Local = cmp.Or(c.Local, time.UTC)
	c.SyncTimeout = cmp.Or(c.SyncTimeout, loop.DefaultSyncTimeout)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, loop.DefaultShutdownTimeout)
}

// queueName names the metrics of the work queue as kubeflow/spark-operator does, whose
// alerts go on to work.
const queueName = "scheduledsparkapplication"

// Controller runs ScheduledSparkApplications. See the package documentation.
type Controller struct {
	config Config
	clock  clock.WithTicker
	client versioned.Interface

	schedules    *informers.Scoped[*v1beta2.ScheduledSparkApplication]
	applications *informers.Applications
	namespaces   *informers.Namespaces
	fresh        *loop.Freshness
	gate         loop.Gate
	unkept       loop.Unkept[v1beta2.ScheduledSparkApplicationStatus]
	synced       []cache.DoneChecker

	created  created
	meanings meanings
	upcoming upcoming

	order    *dueFirst
	queue    loop.Queue
	recorder events.EventRecorder
	metrics  *Metrics
}

// freshSchedules is the cache that is compared with our own writes.
const freshSchedules loop.CacheKind = 0

// New returns a controller that reads from the caches of set, which is started
// afterwards. Metrics may be nil.
func New(config Config, client versioned.Interface, set *informers.Set, recorder events.EventRecorder, m *Metrics) (*Controller, error) {
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	return newController(config, client, set, recorder, m, config.Clock)
}

func newController(config Config, client versioned.Interface, set *informers.Set, recorder events.EventRecorder, m *Metrics, clk clock.WithTicker) (*Controller, error) {
	config.setDefaults()
	if err := config.TimestampPrecision.validate(); err != nil {
		return nil, err
	}
	c := &Controller{
		config: config,
		clock:  clk,
		client: client,

		schedules:    set.Scheduled,
		applications: set.Applications,
		namespaces:   set.Namespaces,
		fresh:        loop.NewFreshness(map[loop.CacheKind]loop.Cache{freshSchedules: set.Scheduled}),

		created:  created{runs: map[cache.ObjectName][]*v1beta2.SparkApplication{}},
		meanings: meanings{known: map[cache.ObjectName]knownMeaning{}},
		upcoming: upcoming{clock: clk, next: map[cache.ObjectName]time.Time{}},

		recorder: recorder,
		metrics:  m,
	}
	c.order = newDueFirst(c.upcoming.isDue, config.Workers, clk)
	c.queue = loop.NewQueue(queueName, c.order, clk)
	if err := c.applications.AddIndexers(cache.TypedIndexers[*informers.Application]{runsBySchedule: indexRuns}); err != nil {
		return nil, fmt.Errorf("caches of SparkApplications: %w", err)
	}
	c.gate = loop.Gate{Watched: c.namespaces.Match, Fresh: c.fresh}
	schedules, err := c.schedules.AddHandler(loop.Enqueue[*v1beta2.ScheduledSparkApplication](c.queue))
	if err != nil {
		return nil, fmt.Errorf("watch ScheduledSparkApplications: %w", err)
	}
	runs, err := c.watchRuns()
	if err != nil {
		return nil, fmt.Errorf("watch SparkApplications: %w", err)
	}
	namespaces, err := c.namespaces.OnWatched(loop.EnqueueAll(c.queue, c.schedules.In))
	if err != nil {
		return nil, err
	}
	c.synced = slices.Concat(schedules, runs, namespaces, set.Synced())
	return c, nil
}

// Synced returns what to wait for until everything was read once.
func (c *Controller) Synced() []cache.DoneChecker { return c.synced }

// Starting reports whether runs are due whose creation has not begun. Other work
// for the API server may give way to them.
func (c *Controller) Starting() bool { return c.order.starting() }

// Run works until ctx is done and every sync under way has ended.
func (c *Controller) Run(ctx context.Context) error {
	loop := &loop.Loop{
		Kind: "ScheduledSparkApplication", Queue: c.queue, Clock: c.clock,
		Workers: c.config.Workers, SyncTimeout: c.config.SyncTimeout, ShutdownTimeout: c.config.ShutdownTimeout, DryRun: c.config.DryRun,
		Sync: c.sync, Expected: reconcile.Expected, Panicked: c.metrics.panicked,
	}
	return loop.Run(ctx, c.synced...)
}
