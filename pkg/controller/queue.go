// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// submittedShare is how many submitted applications of a namespace are worked on
// for each that is to be submitted, if both wait.
const submittedShare = 4

// toSubmit reports whether an application is to be submitted. One whose submission
// the cache does not show yet is not.
func (c *Controller) toSubmit(key cache.ObjectName) bool {
	app, found := c.applications.Scoped.Get(key)
	return found && slices.Contains(toBeSubmitted, app.State()) && c.fresh.Ready(key)
}

// fairQueue is the order in which applications are worked on. Those of one namespace
// cannot hold up those of another, as namespaces take turns: a burst in one delays
// the first application of any other by one application at most for each further
// namespace that waits. Those that are to be submitted do not hold up those that
// are; see line. All operations take constant time on
// average, and namespaces in which nothing waits take no memory.
type fairQueue struct {
	toSubmit func(cache.ObjectName) bool
	// lines holds what waits in each namespace; none of them is empty.
	lines map[string]*line
	// turns holds each of these namespaces once.
	turns  workqueue.Queue[string]
	length int
}

func newFairQueue(toSubmit func(cache.ObjectName) bool) *fairQueue {
	return &fairQueue{
		toSubmit: toSubmit,
		lines:    map[string]*line{},
		turns:    workqueue.DefaultQueue[string](),
	}
}

// Touch implements workqueue.Queue. An application keeps its place.
func (q *fairQueue) Touch(cache.ObjectName) {}

// Push implements workqueue.Queue.
func (q *fairQueue) Push(key cache.ObjectName) {
	waiting, waits := q.lines[key.Namespace]
	if !waits {
		waiting = &line{
			submitted: workqueue.DefaultQueue[cache.ObjectName](),
			others:    workqueue.DefaultQueue[cache.ObjectName](),
		}
		q.lines[key.Namespace] = waiting
		q.turns.Push(key.Namespace)
	}
	if q.toSubmit(key) {
		waiting.others.Push(key)
	} else {
		waiting.submitted.Push(key)
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
// shown a minute late. Nor may many that change all the time keep others from being
// submitted: so those that are come first, but not always.
type line struct {
	// Both are first in, first out.
	submitted, others workqueue.Queue[cache.ObjectName]
	// preferred is how many of submitted came in a row while others waited.
	preferred int
}

func (l *line) len() int { return l.submitted.Len() + l.others.Len() }

func (l *line) pop() cache.ObjectName {
	switch {
	case l.others.Len() == 0:
		return l.submitted.Pop()
	case l.submitted.Len() == 0, l.preferred == submittedShare:
		l.preferred = 0
		return l.others.Pop()
	}
	l.preferred++
	return l.submitted.Pop()
}
