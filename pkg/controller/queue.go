// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

// newQueue returns a queue in which the applications of one namespace cannot hold
// up those of another.
func newQueue(clk clock.WithTicker) workqueue.TypedRateLimitingInterface[cache.ObjectName] {
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[cache.ObjectName]{
		Name: Component, Clock: clk, Queue: newFairQueue(),
	})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{
		Name: Component, Clock: clk, Queue: queue,
	})
	return workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](time.Second, time.Minute),
		workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{Name: Component, Clock: clk, DelayingQueue: delaying})
}

// fairQueue hands out applications of each namespace in turn, and those of one
// namespace in the order in which they came. A burst in one namespace so delays
// the first application of any other by one application at most for each further
// namespace that waits. All operations take constant time on average, and
// namespaces in which nothing waits take no memory.
type fairQueue struct {
	// lines holds what waits in each namespace; none of them is empty.
	lines map[string]workqueue.Queue[cache.ObjectName]
	// turns holds each of these namespaces once.
	turns  workqueue.Queue[string]
	length int
}

func newFairQueue() *fairQueue {
	return &fairQueue{
		lines: map[string]workqueue.Queue[cache.ObjectName]{},
		turns: workqueue.DefaultQueue[string](),
	}
}

// Touch implements workqueue.Queue. An application keeps its place.
func (q *fairQueue) Touch(cache.ObjectName) {}

// Push implements workqueue.Queue.
func (q *fairQueue) Push(key cache.ObjectName) {
	line, waits := q.lines[key.Namespace]
	if !waits {
		line = workqueue.DefaultQueue[cache.ObjectName]()
		q.lines[key.Namespace] = line
		q.turns.Push(key.Namespace)
	}
	line.Push(key)
	q.length++
}

// Len implements workqueue.Queue.
func (q *fairQueue) Len() int { return q.length }

// Pop implements workqueue.Queue. It is called only if something waits.
func (q *fairQueue) Pop() cache.ObjectName {
	namespace := q.turns.Pop()
	line := q.lines[namespace]
	key := line.Pop()
	q.length--
	if line.Len() > 0 {
		q.turns.Push(namespace)
	} else {
		delete(q.lines, namespace)
	}
	return key
}
