// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"github.com/spark-operator/spark-operator/pkg/syncloop"
)

// toSubmit reports whether an application is to be submitted. One whose submission
// the cache does not show yet is not.
func (c *Controller) toSubmit(key cache.ObjectName) bool {
	app, found := c.applications.Scoped.Get(key)
	return found && slices.Contains(toBeSubmitted, app.State()) && c.fresh.Ready(key)
}

// fairQueue is the order in which applications are worked on. Those of one namespace
// cannot hold up those of another, as namespaces take turns: a burst in one delays
// the first application of any other by one application at most for each further
// namespace that waits. All operations take constant time on average, and namespaces
// in which nothing waits take no memory.
//
// In a namespace, those that are submitted are in the first lane. A thousand that are
// created at once take a minute to submit; what becomes of those that already run
// must not be shown a minute late. Nor may many that change all the time keep others
// from being submitted.
type fairQueue struct {
	toSubmit func(cache.ObjectName) bool
	// lines holds what waits in each namespace; none of them is empty.
	lines map[string]*syncloop.Lanes[cache.ObjectName]
	// turns holds each of these namespaces once.
	turns  workqueue.Queue[string]
	length int
}

func newFairQueue(toSubmit func(cache.ObjectName) bool) *fairQueue {
	return &fairQueue{
		toSubmit: toSubmit,
		lines:    map[string]*syncloop.Lanes[cache.ObjectName]{},
		turns:    workqueue.DefaultQueue[string](),
	}
}

// Touch implements workqueue.Queue. An application keeps its place.
func (q *fairQueue) Touch(cache.ObjectName) {}

// Push implements workqueue.Queue.
func (q *fairQueue) Push(key cache.ObjectName) {
	line, waits := q.lines[key.Namespace]
	if !waits {
		line = syncloop.NewLanes[cache.ObjectName]()
		q.lines[key.Namespace] = line
		q.turns.Push(key.Namespace)
	}
	if q.toSubmit(key) {
		line.PushOther(key)
	} else {
		line.PushFirst(key)
	}
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
