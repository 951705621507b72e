// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/freshness"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// Config is how the controller works.
type Config struct {
	// Workers is how many schedules are worked on at the same time. A slow creation
	// occupies one of them, so there are more than the processor needs. Default 32.
	Workers int
	// TimestampPrecision is the unit of the time in names of runs. Default
	// PrecisionNanos.
	TimestampPrecision Precision
	// Local is the time zone of schedules that name none. Default UTC.
	Local *time.Location
	// CreateTimeout limits the creation of one run. Default 15 seconds.
	CreateTimeout time.Duration
	// SyncTimeout limits one look at a schedule. Default 2 minutes.
	SyncTimeout time.Duration
	// ShutdownTimeout is how long looks under way may take to end after the context
	// of Run is done. Default 20 seconds.
	ShutdownTimeout time.Duration
}

func (c *Config) setDefaults() {
	setDefault(&c.Workers, 32)
	setDefault(&c.TimestampPrecision, PrecisionNanos)
	setDefault(&c.Local, time.UTC)
	setDefault(&c.CreateTimeout, 15*time.Second)
	setDefault(&c.SyncTimeout, 2*time.Minute)
	setDefault(&c.ShutdownTimeout, 20*time.Second)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Controller runs ScheduledSparkApplications. See the package documentation.
type Controller struct {
	config Config
	clock  clock.WithTicker
	client versioned.Interface

	schedules    *informers.Scoped[*v1beta2.ScheduledSparkApplication]
	applications *informers.Applications
	namespaces   *informers.Namespaces
	fresh        *freshness.Store
	synced       []cache.DoneChecker

	created  created
	meanings meanings
	upcoming upcoming

	order    *dueFirst
	queue    workqueue.TypedRateLimitingInterface[cache.ObjectName]
	recorder events.EventRecorder
	metrics  *Metrics
}

// freshSchedules is the cache that is compared with our own writes.
const freshSchedules freshness.Kind = 0

// New returns a controller that reads from the caches of set, which is started
// afterwards. Metrics may be nil.
func New(config Config, client versioned.Interface, set *informers.Set, recorder events.EventRecorder, m *Metrics) (*Controller, error) {
	return newController(config, client, set, recorder, m, clock.RealClock{})
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
		fresh:        freshness.New(map[freshness.Kind]freshness.Cache{freshSchedules: set.Scheduled}),

		created:  created{runs: map[cache.ObjectName][]*v1beta2.SparkApplication{}},
		meanings: meanings{known: map[cache.ObjectName]knownMeaning{}},
		upcoming: upcoming{clock: clk, next: map[cache.ObjectName]time.Time{}},

		recorder: recorder,
		metrics:  m,
	}
	c.order = newDueFirst(c.upcoming.isDue)
	c.queue = newQueue(c.order, clk)
	if err := c.applications.AddIndexers(cache.TypedIndexers[*informers.Application]{runsBySchedule: indexRuns}); err != nil {
		return nil, fmt.Errorf("caches of SparkApplications: %w", err)
	}
	schedules, err := c.watchSchedules()
	if err != nil {
		return nil, fmt.Errorf("watch ScheduledSparkApplications: %w", err)
	}
	runs, err := c.watchRuns()
	if err != nil {
		return nil, fmt.Errorf("watch SparkApplications: %w", err)
	}
	c.synced = slices.Concat(schedules, runs, set.Synced())
	return c, nil
}

// Synced returns what to wait for until everything was read once.
func (c *Controller) Synced() []cache.DoneChecker { return c.synced }

// Starting reports whether runs are due that nobody has begun to create. Other work
// for the API server may give way to them.
func (c *Controller) Starting() bool { return c.order.due.Load() > 0 }

// Run works until ctx is done and every look under way has ended.
func (c *Controller) Run(ctx context.Context) error {
	defer utilruntime.HandleCrashWithContext(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer c.queue.ShutDown() // runs before Wait: workers see the shutdown and return

	if !cache.WaitFor(ctx, "ScheduledSparkApplication controller caches", c.synced...) {
		return context.Cause(ctx)
	}
	for range c.config.Workers {
		workers.Go(func() { wait.UntilWithContext(ctx, c.worker, time.Second) })
	}
	<-ctx.Done()
	return nil
}

func (c *Controller) worker(ctx context.Context) {
	for ctx.Err() == nil && c.processNextWorkItem(ctx) {
	}
}

func (c *Controller) processNextWorkItem(ctx context.Context) bool {
	key, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(key)

	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("scheduledSparkApplication", key))
	requeueAfter, err := c.syncSafely(ctx, key)
	switch {
	case err == nil:
		c.queue.Forget(key)
		if requeueAfter > 0 {
			c.queue.AddAfter(key, requeueAfter)
		}
	case expected(err):
		klog.FromContext(ctx).V(4).Info("Will sync again", "reason", err)
		c.queue.AddRateLimited(key)
	default:
		// Not by way of HandleError, which makes the worker wait if errors come quickly:
		// other schedules may be due.
		klog.FromContext(ctx).Error(err, "Sync failed, will retry")
		c.queue.AddRateLimited(key)
	}
	return true
}

// syncSafely runs sync such that it ends: with an error if it panics, so that one
// schedule cannot stop the others; after a time-out; and soon after ctx is done,
// but not at once, because a look that is half done would only be started over.
func (c *Controller) syncSafely(ctx context.Context, key cache.ObjectName) (requeueAfter time.Duration, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			c.metrics.panicked()
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	ending := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.SyncTimeout)
	defer cancel()
	defer context.AfterFunc(ending, func() {
		timer := c.clock.NewTimer(c.config.ShutdownTimeout)
		defer timer.Stop()
		select {
		case <-timer.C():
			cancel()
		case <-ctx.Done():
		}
	})()
	return c.sync(ctx, key, c.queue.NumRequeues(key))
}
