// SPDX-License-Identifier: Apache-2.0

// Package sampler asks the drivers of running applications how far they are.
//
// It works beside the loop, which only reads the latest sample from memory. One [Sampler] asks
// all drivers, with a bounded rate, a bounded number of connections, a timeout for each sample
// and a limit for each answer. Drivers that did not answer the last time have workers of their
// own, and are asked less and less often, so that they delay no others. A driver is a pod of a
// user: redirects are not followed, and nothing that it sends is repeated in a message.
package sampler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/progress"
	"github.com/spark-operator/spark-operator/pkg/serverclock"
	"github.com/spark-operator/spark-operator/pkg/webui"
)

const (
	// perSecond is how many samples begin in a second, of all drivers together.
	perSecond, burst = 100, 20
	// workers is how many drivers that answer are asked at the same time, and how many others.
	workers = 8
	// longestRetry bounds the time until a driver is asked again that does not answer.
	longestRetry = 10 * time.Minute
	// quietFailures is how many samples in a row may fail before the status says so: the web UI
	// starts some seconds after its container.
	quietFailures = 2
	// startDelay is when a driver is asked again that may not have started its web UI yet.
	startDelay = 4 * time.Second
	// peaksEvery is that only every so many samples ask for peaks, which change slowly.
	peaksEvery = 4
)

// Target is a driver to be asked.
type Target struct {
	// PodUID is that of the driver pod. What was seen of another pod is forgotten.
	PodUID types.UID
	// Address is host and port of the web UI: see [webui.Address].
	Address string
	// ApplicationID is the id of the Spark application that the web UI has to know.
	ApplicationID string
	// Period is the time between two samples.
	Period time.Duration
	// Since is when the driver was asked the last time, maybe by another process; zero for never.
	Since time.Time
}

// Sampler asks drivers. Its methods are safe for concurrent use.
type Sampler struct {
	clock   clock.WithTicker
	timers  clock.PassiveClock // of the queues: it is never put back
	changed func(cache.ObjectName)
	client  *http.Client
	limiter flowcontrol.RateLimiter
	// answering and silent are the queues of drivers that answered the last time, and of others.
	answering, silent workqueue.TypedDelayingInterface[cache.ObjectName]

	lock    sync.Mutex
	drivers map[cache.ObjectName]*driver
}

type driver struct {
	target   Target
	view     progress.View
	failures int
	samples  int
	// asked is set while a worker asks it, and next is when the next sample is due. A queue may
	// hold the key for a predecessor.
	asked bool
	next  time.Time
}

// New returns a Sampler that asks no driver before Run. Changed is called with the application
// whenever a sample differs from the one before.
func New(clk clock.WithTicker, changed func(cache.ObjectName)) *Sampler {
	timers := serverclock.Timers(clk)
	queue := func() workqueue.TypedDelayingInterface[cache.ObjectName] {
		return workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{Clock: timers})
	}
	return &Sampler{
		clock: clk, timers: timers, changed: changed, client: webui.NewClient(timeout),
		limiter:   flowcontrol.NewTokenBucketRateLimiter(perSecond, burst),
		answering: queue(), silent: queue(),
		drivers: map[cache.ObjectName]*driver{},
	}
}

// Follow asks a driver from now on, until Forget, and returns what is known of it. It may be
// called again and again.
func (s *Sampler) Follow(key cache.ObjectName, target Target) progress.View {
	s.lock.Lock()
	defer s.lock.Unlock()
	if known := s.drivers[key]; known != nil && known.target.PodUID == target.PodUID && known.target.Address == target.Address && known.target.ApplicationID == target.ApplicationID {
		known.target.Period = target.Period
		return known.view
	}
	wait := min(max(target.Since.Add(target.Period).Sub(s.clock.Now()), 0), target.Period)
	s.drivers[key] = &driver{target: target, next: s.timers.Now().Add(wait)}
	s.silent.AddAfter(key, wait)
	return progress.View{}
}

// Forget stops asking the driver of an application. It returns what is known of the driver pod
// with a UID.
func (s *Sampler) Forget(key cache.ObjectName, pod types.UID) progress.View {
	s.lock.Lock()
	defer s.lock.Unlock()
	known := s.drivers[key]
	delete(s.drivers, key)
	if known == nil || known.target.PodUID != pod {
		return progress.View{}
	}
	return known.view
}

// Run asks drivers until ctx is done.
func (s *Sampler) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, queue := range []workqueue.TypedDelayingInterface[cache.ObjectName]{s.answering, s.silent} {
		for range workers {
			running.Go(func() {
				for s.next(ctx, queue) {
				}
			})
		}
	}
	<-ctx.Done()
	s.answering.ShutDown()
	s.silent.ShutDown()
	running.Wait()
	s.client.CloseIdleConnections()
}

// next asks the next driver of a queue. It returns false when there will be none.
func (s *Sampler) next(ctx context.Context, queue workqueue.TypedDelayingInterface[cache.ObjectName]) bool {
	key, shutdown := queue.Get()
	if shutdown {
		return false
	}
	defer queue.Done(key)
	target, withPeaks, found := s.due(key)
	if !found {
		return true
	}
	if err := s.limiter.Wait(ctx); err != nil {
		return false
	}
	at := s.clock.Now()
	taken, peaks, err := s.ask(ctx, &target, withPeaks)
	if ctx.Err() != nil {
		return false
	}
	if s.record(key, &target, at, taken, peaks, err) {
		s.changed(key)
	}
	return true
}

// ask asks one driver. A panic is a failure: one driver must not stop the operator.
func (s *Sampler) ask(ctx context.Context, target *Target, withPeaks bool) (taken progress.Sample, peaks progress.Peaks, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			klog.FromContext(ctx).Error(fmt.Errorf("panic: %v\n%s", reason, debug.Stack()), "Sample failed", "address", target.Address)
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	return sample(ctx, s.client, target, withPeaks)
}

// due returns a driver that is to be asked; false if it is not followed any more.
func (s *Sampler) due(key cache.ObjectName) (target Target, withPeaks, found bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	known := s.drivers[key]
	if known == nil || known.asked || s.timers.Now().Before(known.next) {
		return Target{}, false, false
	}
	known.asked = true
	return known.target, known.samples%peaksEvery == 0, true
}

// retry is when a driver is asked again after a failure. One that answers costs no more than
// others: Spark serves its web UI before it knows the application there.
func (d *driver) retry(err error) time.Duration {
	if d.view.At.IsZero() && d.failures <= quietFailures {
		return startDelay
	}
	delay := d.target.Period
	if _, answered := errors.AsType[status](err); answered {
		return delay
	}
	for range min(d.failures, 10) {
		delay *= 2
	}
	return min(delay, max(longestRetry, d.target.Period))
}

// record remembers the result of a sample and plans the next one. It reports whether there is
// something new to show.
func (s *Sampler) record(key cache.ObjectName, target *Target, at time.Time, taken progress.Sample, peaks progress.Peaks, err error) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	known := s.drivers[key]
	if known == nil || known.target.PodUID != target.PodUID || known.target.Address != target.Address {
		return false // its successor has been added to the queue by itself
	}
	before := known.view
	known.asked = false
	plan := func(queue workqueue.TypedDelayingInterface[cache.ObjectName], delay time.Duration) {
		known.next = s.timers.Now().Add(delay)
		queue.AddAfter(key, delay)
	}
	if err != nil {
		known.failures++
		if known.failures > quietFailures {
			known.view.Failure = describe(target, err)
		}
		plan(s.silent, known.retry(err))
		return known.view.Failure != before.Failure
	}
	known.failures, known.samples = 0, known.samples+1
	known.view = progress.View{
		At: at, Sample: taken,
		Peaks: progress.Peaks{Driver: before.Peaks.Driver.Merge(peaks.Driver), Executor: before.Peaks.Executor.Merge(peaks.Executor)},
	}
	plan(s.answering, known.target.Period)
	return known.view.Sample != before.Sample || known.view.Peaks != before.Peaks || known.view.Failure != before.Failure || before.At.IsZero()
}
