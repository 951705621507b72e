// SPDX-License-Identifier: Apache-2.0

// Package poller asks the web UIs of many pods again and again, beside the loop that needs the
// answers.
//
// One [Poller] asks all pods, with a bounded rate and a bounded number of connections. Pods that
// did not answer the last time have workers of their own, so that they delay no others.
package poller

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/serverclock"
)

// Pod is a pod with a web UI. What is known of another pod of the same object is forgotten. A pod
// that has got another address counts as another one.
type Pod struct {
	// UID is that of the pod.
	UID types.UID
	// Address is host and port of the web UI: see package webui.
	Address string
	// ApplicationID is the id of the Spark application that the web UI has to show.
	ApplicationID string
}

// Asked returns the pod itself: a struct that embeds a Pod is a [Target].
func (p Pod) Asked() Pod { return p }

// Target is a pod to be asked, with the settings for it.
type Target interface{ Asked() Pod }

// Config is what a Poller does. V is what is known of a pod.
type Config[T Target, V any] struct {
	Clock clock.WithTicker
	// PerSecond is how many pods are asked in a second, and Burst how many may be at once.
	PerSecond float32
	Burst     int
	// Workers is how many pods that answer are asked at the same time, and how many others.
	Workers int
	// Ask asks a pod. It returns what is known afterwards, after which delay to ask again, and
	// whether the pod answers.
	Ask func(ctx context.Context, target T, before V) (after V, again time.Duration, answers bool)
	// Report is called after each call of Ask, unless the pod is not followed any more.
	Report func(key cache.ObjectName, target T, before, after V)
}

// Poller asks pods. Its methods are safe for concurrent use.
type Poller[T Target, V any] struct {
	config  Config[T, V]
	timers  clock.WithTicker // of the delays: it is never put back
	limiter flowcontrol.RateLimiter
	// answering and silent are the queues of pods that answered the last time, and of others.
	answering, silent queue

	lock sync.Mutex
	pods map[cache.ObjectName]*followed[T, V]
}

type queue = workqueue.TypedDelayingInterface[cache.ObjectName]

type followed[T Target, V any] struct {
	target T
	view   V
	// queue is that of the pod. The other one may hold its key, too.
	queue queue
	// due is when it is asked next.
	due time.Time
	// asking is set while a worker asks it, and again if it is to be asked once more then.
	asking, again bool
}

// New returns a Poller that asks no pod before Run.
func New[T Target, V any](config Config[T, V]) *Poller[T, V] {
	timers := serverclock.Timers(config.Clock)
	newQueue := func() queue {
		return workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{Clock: timers})
	}
	return &Poller[T, V]{
		config: config, timers: timers,
		limiter:   flowcontrol.NewTokenBucketRateLimiter(config.PerSecond, config.Burst),
		answering: newQueue(), silent: newQueue(),
		pods: map[cache.ObjectName]*followed[T, V]{},
	}
}

// Follow asks the pod of an object from now on, until Forget, and returns what is known of it. It
// may be called again and again. For a pod that is new, that is first, and wait passes before the
// pod is asked.
func (p *Poller[T, V]) Follow(key cache.ObjectName, target T, first V, wait time.Duration) V {
	p.lock.Lock()
	defer p.lock.Unlock()
	if known := p.pods[key]; known != nil && known.target.Asked() == target.Asked() {
		known.target = target
		return known.view
	}
	pod := &followed[T, V]{target: target, view: first}
	p.pods[key] = pod
	p.plan(key, pod, p.silent, wait)
	return first
}

// Forget stops asking the pod of an object.
func (p *Poller[T, V]) Forget(key cache.ObjectName) {
	p.lock.Lock()
	defer p.lock.Unlock()
	delete(p.pods, key)
}

// View returns what is known of the pod with a UID; false if that pod is not followed.
func (p *Poller[T, V]) View(key cache.ObjectName, pod types.UID) (view V, found bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	known := p.pods[key]
	if known == nil || known.target.Asked().UID != pod {
		return view, false
	}
	return known.view, true
}

// AskNow asks a pod that is followed as soon as possible, and after a call of Ask under way.
func (p *Poller[T, V]) AskNow(key cache.ObjectName) {
	p.lock.Lock()
	defer p.lock.Unlock()
	switch known := p.pods[key]; {
	case known == nil:
	case known.asking:
		known.again = true
	default:
		p.plan(key, known, known.queue, 0)
	}
}

// plan asks a pod after a delay.
func (p *Poller[T, V]) plan(key cache.ObjectName, pod *followed[T, V], in queue, delay time.Duration) {
	pod.queue, pod.due = in, p.timers.Now().Add(delay)
	in.AddAfter(key, delay)
}

// Run asks pods until ctx is done.
func (p *Poller[T, V]) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, from := range []queue{p.answering, p.silent} {
		for range p.config.Workers {
			running.Go(func() {
				for p.next(ctx, from) {
				}
			})
		}
	}
	<-ctx.Done()
	p.answering.ShutDown()
	p.silent.ShutDown()
	running.Wait()
}

// next asks the next pod of a queue. It returns false when there will be none.
func (p *Poller[T, V]) next(ctx context.Context, from queue) bool {
	key, shutdown := from.Get()
	if shutdown {
		return false
	}
	defer from.Done(key)
	pod, target, before := p.take(key)
	if pod == nil {
		return true
	}
	if err := p.limiter.Wait(ctx); err != nil {
		return false
	}
	after, delay, answers := p.config.Ask(ctx, target, before)
	if ctx.Err() != nil {
		return false
	}
	if p.record(key, pod, after, delay, answers) {
		p.config.Report(key, target, before, after)
	}
	return true
}

// take returns the pod of an object if it is to be asked now, otherwise nil.
func (p *Poller[T, V]) take(key cache.ObjectName) (pod *followed[T, V], target T, before V) {
	p.lock.Lock()
	defer p.lock.Unlock()
	known := p.pods[key]
	if known == nil || known.asking {
		return nil, target, before
	}
	if wait := known.due.Sub(p.timers.Now()); wait > 0 {
		// The queue held the key for an earlier time: that of a predecessor, for example.
		known.queue.AddAfter(key, wait)
		return nil, target, before
	}
	known.asking = true
	return known, known.target, known.view
}

// record remembers what is known of a pod, and plans when it is asked next. It returns false if
// the pod is not followed any more.
func (p *Poller[T, V]) record(key cache.ObjectName, pod *followed[T, V], after V, delay time.Duration, answers bool) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.pods[key] != pod {
		return false
	}
	in := p.silent
	if answers {
		in = p.answering
	}
	if pod.again {
		delay = 0
	}
	pod.view, pod.asking, pod.again = after, false, false
	p.plan(key, pod, in, delay)
	return true
}

// Backoff doubles a delay for every failure in a row, up to the longest.
func Backoff(delay time.Duration, failures int, longest time.Duration) time.Duration {
	for range min(max(failures, 0), 10) {
		delay *= 2
	}
	return min(delay, longest)
}

// Guard calls ask. A panic is an error: one pod must not stop the operator.
func Guard(ctx context.Context, pod Pod, ask func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			klog.FromContext(ctx).Error(fmt.Errorf("panic: %v\n%s", reason, debug.Stack()), "Web UI could not be read", "address", pod.Address)
			err = fmt.Errorf("the web UI at %s cannot be read", pod.Address)
		}
	}()
	return ask()
}
