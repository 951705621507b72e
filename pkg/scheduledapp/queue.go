// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/syncloop"
)

// hangingNamespaces is how many namespaces it takes to occupy all workers.
const hangingNamespaces = 8

// standstill is how long a namespace may have as many looks under way as it may, none
// of which ends, until nobody gives way to it any more.
const standstill = 2 * time.Second

// dueFirst is the order in which schedules are looked at: those with a run to start
// before all others. Without it a schedule that is due would wait for the status
// updates of those that were due just before. Among those with a run to start, and
// among the others, namespaces take turns, and each is first in, first out.
//
// A look may hang for as long as a webhook does, and what hangs is usually all that
// there is in a namespace. So a namespace that has as many looks under way as it may
// is held until one of them ends, and the workers that are left serve the others. It
// is the order's part to know what can be taken now; Done of its work queue tells it
// what has ended.
//
// The work queue need not be told that a namespace goes on, although workers may wait
// for something to take: the end of a look lets one more be taken, and the worker whose
// look has ended comes for it.
type dueFirst struct {
	isDue func(cache.ObjectName) bool
	clock clock.PassiveClock
	// limit is how many looks a namespace may have under way.
	limit int

	// lock is held by the work queue's methods, by Done and by starting.
	lock      sync.Mutex
	due, rest *syncloop.Turns
	// underWay is how many looks of each namespace there are; none is 0.
	underWay map[string]int
	// held is since when each namespace is held.
	held map[string]time.Time
}

func newDueFirst(isDue func(cache.ObjectName) bool, workers int, clk clock.PassiveClock) *dueFirst {
	return &dueFirst{
		isDue:    isDue,
		clock:    clk,
		limit:    max(workers/hangingNamespaces, 1),
		due:      syncloop.NewTurns(),
		rest:     syncloop.NewTurns(),
		underWay: map[string]int{},
		held:     map[string]time.Time{},
	}
}

// Touch implements workqueue.Queue. A schedule keeps its place: one that becomes
// due while it waits to be written down does not overtake those that are due
// longer.
func (q *dueFirst) Touch(cache.ObjectName) {}

// Push implements workqueue.Queue.
func (q *dueFirst) Push(key cache.ObjectName) {
	isDue := q.isDue(key)
	q.lock.Lock()
	defer q.lock.Unlock()
	if isDue {
		q.due.PushFirst(key)
	} else {
		q.rest.PushFirst(key)
	}
}

// Len implements workqueue.Queue. It is how many may be taken; others wait for a look
// at their namespace to end.
func (q *dueFirst) Len() int {
	q.lock.Lock()
	defer q.lock.Unlock()
	return q.due.Len() + q.rest.Len()
}

// Pop implements workqueue.Queue. It is called only if Len is not 0.
func (q *dueFirst) Pop() cache.ObjectName {
	q.lock.Lock()
	defer q.lock.Unlock()
	turns := q.due
	if turns.Len() == 0 {
		turns = q.rest
	}
	key := turns.Pop()
	namespace := key.Namespace
	if q.underWay[namespace]++; q.underWay[namespace] == q.limit {
		q.held[namespace] = q.clock.Now()
		q.due.Hold(namespace)
		q.rest.Hold(namespace)
	}
	return key
}

// done says that a look has ended.
func (q *dueFirst) done(key cache.ObjectName) {
	q.lock.Lock()
	defer q.lock.Unlock()
	namespace := key.Namespace
	if q.underWay[namespace] == q.limit {
		delete(q.held, namespace)
		q.due.Release(namespace)
		q.rest.Release(namespace)
	}
	if q.underWay[namespace]--; q.underWay[namespace] == 0 {
		delete(q.underWay, namespace)
	}
}

// starting reports whether runs wait to be created. Where creations hang they may do so
// for minutes; these do not count.
func (q *dueFirst) starting() bool {
	q.lock.Lock()
	defer q.lock.Unlock()
	if q.due.Len() > 0 {
		return true
	}
	for namespace, since := range q.held { // no more than hangingNamespaces
		if q.due.HeldBack(namespace) > 0 && q.clock.Since(since) < standstill {
			return true
		}
	}
	return false
}

// queue is a work queue that tells its order what has ended.
type queue struct {
	syncloop.Queue
	order *dueFirst
}

func newQueue(order *dueFirst, clk clock.WithTicker) *queue {
	return &queue{Queue: syncloop.NewQueue(Component, order, clk), order: order}
}

// Done comes after every look.
func (q *queue) Done(key cache.ObjectName) {
	q.order.done(key)
	q.Queue.Done(key)
}

// upcoming is when each schedule has its next run.
type upcoming struct {
	clock clock.PassiveClock
	lock  sync.Mutex
	next  map[cache.ObjectName]time.Time
}

func (u *upcoming) set(key cache.ObjectName, next time.Time) {
	u.lock.Lock()
	defer u.lock.Unlock()
	u.next[key] = next
}

func (u *upcoming) forget(key cache.ObjectName) {
	u.lock.Lock()
	defer u.lock.Unlock()
	delete(u.next, key)
}

// isDue reports whether a schedule has a run to start. One that nobody has looked
// at yet may have.
func (u *upcoming) isDue(key cache.ObjectName) bool {
	u.lock.Lock()
	defer u.lock.Unlock()
	next, known := u.next[key]
	return !known || !next.IsZero() && !next.After(u.clock.Now())
}
