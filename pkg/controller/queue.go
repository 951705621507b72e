// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// startedShare is how many applications of a namespace that have started are worked
// on for each that has not, if both wait.
const startedShare = 4

// newQueue returns a queue in which the applications of one namespace cannot hold
// up those of another, and those that have not started not those that have.
func newQueue(notStarted func(cache.ObjectName) bool, clk clock.WithTicker) workqueue.TypedRateLimitingInterface[cache.ObjectName] {
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[cache.ObjectName]{
		Name: Component, Clock: clk, Queue: newFairQueue(notStarted),
	})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{
		Name: Component, Clock: clk, Queue: queue,
	})
	return workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](time.Second, time.Minute),
		workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{Name: Component, Clock: clk, DelayingQueue: delaying})
}

// notStarted reports whether an application has not been submitted yet. One whose
// submission the cache does not show yet has.
func (c *Controller) notStarted(key cache.ObjectName) bool {
	app, found := c.applications.Scoped.Get(key)
	return found && app.Outline().Status.AppState.State == v1beta2.ApplicationStateNew && c.fresh.Ready(key)
}

// fairQueue hands out applications of each namespace in turn. A burst in one
// namespace so delays the first application of any other by one application at most
// for each further namespace that waits. All operations take constant time on
// average, and namespaces in which nothing waits take no memory.
type fairQueue struct {
	notStarted func(cache.ObjectName) bool
	// lines holds what waits in each namespace; none of them is empty.
	lines map[string]*line
	// turns holds each of these namespaces once.
	turns  workqueue.Queue[string]
	length int
}

func newFairQueue(notStarted func(cache.ObjectName) bool) *fairQueue {
	return &fairQueue{
		notStarted: notStarted,
		lines:      map[string]*line{},
		turns:      workqueue.DefaultQueue[string](),
	}
}

// Touch implements workqueue.Queue. An application keeps its place.
func (q *fairQueue) Touch(cache.ObjectName) {}

// Push implements workqueue.Queue.
func (q *fairQueue) Push(key cache.ObjectName) {
	waiting, waits := q.lines[key.Namespace]
	if !waits {
		waiting = &line{
			started: workqueue.DefaultQueue[cache.ObjectName](),
			others:  workqueue.DefaultQueue[cache.ObjectName](),
		}
		q.lines[key.Namespace] = waiting
		q.turns.Push(key.Namespace)
	}
	if q.notStarted(key) {
		waiting.others.Push(key)
	} else {
		waiting.started.Push(key)
	}
	q.length++
}

// Len implements workqueue.Queue.
func (q *fairQueue) Len() int { return q.length }

// Pop implements workqueue.Queue. It is called only if something waits.
func (q *fairQueue) Pop() cache.ObjectName {
	namespace := q.turns.Pop()
	waiting := q.lines[namespace]
	key := waiting.pop()
	q.length--
	if waiting.len() > 0 {
		q.turns.Push(namespace)
	} else {
		delete(q.lines, namespace)
	}
	return key
}

// line is what waits in one namespace. A thousand applications that are created at
// once take a minute to submit; what becomes of those that already run must not be
// shown a minute late. Nor may many that change all the time keep others from
// starting: so those that have started come first, but not always.
type line struct {
	// Both are first in, first out.
	started, others workqueue.Queue[cache.ObjectName]
	// preferred is how many of started came in a row while others waited.
	preferred int
}

func (l *line) len() int { return l.started.Len() + l.others.Len() }

func (l *line) pop() cache.ObjectName {
	switch {
	case l.others.Len() == 0:
		return l.started.Pop()
	case l.started.Len() == 0, l.preferred == startedShare:
		l.preferred = 0
		return l.others.Pop()
	}
	l.preferred++
	return l.started.Pop()
}
