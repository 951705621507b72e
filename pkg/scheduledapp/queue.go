// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// standstill: once a namespace at its limit of syncs has finished none of them for this
// long, other work no longer yields to it.
const standstill = 2 * time.Second

// Ranks of schedules in the queue.
const (
	rankDue = iota
	rankRest
	ranks
)

// dueFirst is the order in which schedules are synced: those with a run to start
// before all others. Without it a schedule that is due would wait for the status
// updates of those that were due just before. A schedule keeps its place: one that
// becomes due while it waits to be written down does not overtake those that are due
// longer.
type dueFirst struct {
	*loop.Shares
	isDue func(cache.ObjectName) bool
}

func newDueFirst(isDue func(cache.ObjectName) bool, workers int, clk clock.WithTicker) *dueFirst {
	return &dueFirst{Shares: loop.NewShares(workers, ranks, clk), isDue: isDue}
}

// Push implements workqueue.Queue.
func (q *dueFirst) Push(key cache.ObjectName) {
	if q.isDue(key) {
		q.PushFirst(rankDue, key)
	} else {
		q.PushFirst(rankRest, key)
	}
}

// starting reports whether runs wait to be created. Those whose creations hang do not
// count.
func (q *dueFirst) starting() bool { return q.Waiting(rankDue, standstill) }

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

// isDue reports whether a schedule has a run to start. One that was not synced
// yet may have.
func (u *upcoming) isDue(key cache.ObjectName) bool {
	u.lock.Lock()
	defer u.lock.Unlock()
	next, known := u.next[key]
	return !known || !next.IsZero() && !next.After(u.clock.Now())
}
