// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

// dueFirst is the order in which schedules are looked at: those with a run to start
// before all others, and both first in, first out. Without it a schedule that is due
// would wait for the status updates of those that were due just before.
type dueFirst struct {
	isDue       func(cache.ObjectName) bool
	first, rest workqueue.Queue[cache.ObjectName]
	// due is how many are in first; unlike them it may be read at any time.
	due atomic.Int64
}

func newDueFirst(isDue func(cache.ObjectName) bool) *dueFirst {
	return &dueFirst{
		isDue: isDue,
		first: workqueue.DefaultQueue[cache.ObjectName](),
		rest:  workqueue.DefaultQueue[cache.ObjectName](),
	}
}

// Touch implements workqueue.Queue. A schedule keeps its place: one that becomes
// due while it waits to be written down does not overtake those that are due
// longer.
func (q *dueFirst) Touch(cache.ObjectName) {}

// Push implements workqueue.Queue.
func (q *dueFirst) Push(key cache.ObjectName) {
	if q.isDue(key) {
		q.first.Push(key)
		q.due.Add(1)
	} else {
		q.rest.Push(key)
	}
}

// Len implements workqueue.Queue.
func (q *dueFirst) Len() int {
	return q.first.Len() + q.rest.Len()
}

// Pop implements workqueue.Queue.
func (q *dueFirst) Pop() cache.ObjectName {
	if q.first.Len() > 0 {
		q.due.Add(-1)
		return q.first.Pop()
	}
	return q.rest.Pop()
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
