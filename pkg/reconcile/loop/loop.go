// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/serverclock"
)

// Queue holds the keys that wait. A key is in it once and never given to two
// workers at a time.
type Queue = workqueue.TypedRateLimitingInterface[cache.ObjectName]

// Delays of keys whose syncs fail: doubled with every failure in a row.
const (
	firstDelay   = time.Second
	longestDelay = time.Minute
)

// NewQueue returns a queue that hands out keys in the given order, which may be
// [Shares]. Its metrics have that name. Delays follow the timers of the clock: one that is
// put back by an hour would delay everything that waits by an hour.
func NewQueue(name string, order workqueue.Queue[cache.ObjectName], clk clock.WithTicker) Queue {
	clk = serverclock.Timers(clk)
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[cache.ObjectName]{Name: name, Clock: clk, Queue: order})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{
		Name: name, Clock: clk, Queue: queue,
	})
	limited := workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](firstDelay, longestDelay),
		workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{Name: name, Clock: clk, DelayingQueue: delaying})
	if order, ok := order.(ender); ok {
		return endingQueue{limited, order}
	}
	return limited
}

// dryRunDelay is how long an object is left alone in a dry run unless it changes: what is
// due stays due.
const dryRunDelay = 30 * time.Second

// Time-outs that suit every controller so far.
const (
	DefaultSyncTimeout     = 2 * time.Minute
	DefaultShutdownTimeout = 20 * time.Second
)

// Loop is how a controller works. All exported fields are needed.
type Loop struct {
	// Kind of the objects, for messages: SparkApplication.
	Kind  string
	Queue Queue
	Clock clock.WithTicker
	// Workers is how many objects are worked on at the same time.
	Workers int
	// SyncTimeout limits one sync.
	SyncTimeout time.Duration
	// ShutdownTimeout is how long syncs under way may take to end after the context
	// of Run is done.
	ShutdownTimeout time.Duration
	// Sync brings an object one step further. Failures is how many syncs of it failed
	// in a row before this one. It is synced again after requeueAfter unless that is
	// 0, after growing delays if there is an error, and whenever its key is added:
	// what comes first counts.
	Sync func(ctx context.Context, key cache.ObjectName, failures int) (requeueAfter time.Duration, err error)
	// Expected reports errors that are part of normal operation and not worth an error log.
	Expected func(error) bool
	// Panicked is called after every sync that panicked.
	Panicked func()
	// DryRun says that syncs write nothing.
	DryRun bool

	logKey string // of keys in log lines; set by Run
}

// Run works until ctx is done and every sync under way has ended. It begins when
// all of synced are done.
func (l *Loop) Run(ctx context.Context, synced ...cache.DoneChecker) error {
	defer utilruntime.HandleCrashWithContext(ctx)
	l.logKey = strings.ToLower(l.Kind[:1]) + l.Kind[1:]
	var workers sync.WaitGroup
	defer workers.Wait()
	defer l.Queue.ShutDown() // runs before Wait: workers see the shutdown and return

	if !cache.WaitFor(ctx, l.Kind+" controller caches", synced...) {
		return context.Cause(ctx)
	}
	for range l.Workers {
		workers.Go(func() { wait.UntilWithContext(ctx, l.work, time.Second) })
	}
	<-ctx.Done()
	return nil
}

func (l *Loop) work(ctx context.Context) {
	for ctx.Err() == nil && l.next(ctx) {
	}
}

// next syncs the next object. It returns false when there will be none.
func (l *Loop) next(ctx context.Context) bool {
	key, shutdown := l.Queue.Get()
	if shutdown {
		return false
	}
	defer l.Queue.Done(key)

	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues(l.logKey, key)) //nolint:logcheck // no constant, but one of a few kinds
	requeueAfter, err := l.sync(ctx, key)
	if requeueAfter > 0 && l.DryRun {
		requeueAfter = max(requeueAfter, dryRunDelay)
	}
	if requeueAfter > 0 {
		l.Queue.AddAfter(key, requeueAfter)
	}
	switch {
	case err == nil:
		l.Queue.Forget(key)
	case l.Expected(err):
		klog.FromContext(ctx).V(4).Info("Will sync again", "reason", err)
		l.Queue.AddRateLimited(key)
	default:
		// Not by way of HandleError, which makes the worker wait if errors come quickly:
		// the others would wait, too.
		klog.FromContext(ctx).Error(err, "Sync failed, will retry")
		l.Queue.AddRateLimited(key)
	}
	return true
}

// sync runs Sync such that it ends: with an error if it panics, so that one object
// cannot stop the others; after a timeout; and soon after ctx is done, but not at
// once, because a sync that is cut off would only be started over.
func (l *Loop) sync(ctx context.Context, key cache.ObjectName) (requeueAfter time.Duration, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			l.Panicked()
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	ending := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.SyncTimeout)
	defer cancel()
	defer context.AfterFunc(ending, func() {
		timer := l.Clock.NewTimer(l.ShutdownTimeout)
		defer timer.Stop()
		select {
		case <-timer.C():
			cancel()
		case <-ctx.Done():
		}
	})()
	return l.Sync(ctx, key, l.Queue.NumRequeues(key))
}
