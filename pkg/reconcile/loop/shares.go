// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/serverclock"
)

// Namespaces is how many namespaces it takes to occupy all workers: none has more than
// the Namespaces-th part of them.
const Namespaces = 8

// Shares is an order for [NewQueue] in which namespaces take turns and none has more
// than its share of the workers. What waits has a rank; all of a lower rank comes
// before the others, and within a rank each namespace has the lanes of [Turns].
//
// A sync may hang for as long as an admission webhook does, and what hangs is usually
// all that there is in a namespace. So a namespace that has as many syncs under way as
// it may is held until one of them ends, and the workers that are left serve the
// others. A worker that waits for an answer uses almost no CPU, so there can be many.
//
// The work queue need not be notified that a namespace goes on, although workers may
// wait for something to take: the end of a sync lets one more be taken, and the worker
// whose sync has ended comes for it.
type Shares struct {
	clock clock.PassiveClock
	// limit is how many syncs a namespace may have under way.
	limit int

	lock  sync.Mutex
	ranks []*Turns
	// underWay is how many syncs of each namespace there are; none is 0.
	underWay map[string]int
	// held is since when each namespace is held.
	held map[string]time.Time
}

// NewShares returns an order with so many ranks for a loop with so many workers.
func NewShares(workers, ranks int, clk clock.WithTicker) *Shares {
	s := &Shares{
		clock:    serverclock.Timers(clk),
		limit:    max(workers/Namespaces, 1),
		underWay: map[string]int{},
		held:     map[string]time.Time{},
	}
	for range ranks {
		s.ranks = append(s.ranks, NewTurns())
	}
	return s
}

// PushFirst adds to the first lane of the key's namespace.
func (s *Shares) PushFirst(rank int, key cache.ObjectName) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ranks[rank].PushFirst(key)
}

// PushOther adds to the other lane of the key's namespace.
func (s *Shares) PushOther(rank int, key cache.ObjectName) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ranks[rank].PushOther(key)
}

// Touch implements workqueue.Queue. A key keeps its place.
func (s *Shares) Touch(cache.ObjectName) {}

// Len implements workqueue.Queue. It is how many may be taken; others wait for a sync
// in their namespace to end.
func (s *Shares) Len() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	length := 0
	for _, turns := range s.ranks {
		length += turns.Len()
	}
	return length
}

// Pop implements workqueue.Queue. It is called only if Len is not 0.
func (s *Shares) Pop() cache.ObjectName {
	s.lock.Lock()
	defer s.lock.Unlock()
	rank := 0
	for s.ranks[rank].Len() == 0 {
		rank++
	}
	key := s.ranks[rank].Pop()
	namespace := key.Namespace
	if s.underWay[namespace]++; s.underWay[namespace] == s.limit {
		s.held[namespace] = s.clock.Now()
		for _, turns := range s.ranks {
			turns.Hold(namespace)
		}
	}
	return key
}

// Done says that a sync has ended. The queue calls it.
func (s *Shares) Done(key cache.ObjectName) {
	s.lock.Lock()
	defer s.lock.Unlock()
	namespace := key.Namespace
	if s.underWay[namespace] == s.limit {
		delete(s.held, namespace)
		for _, turns := range s.ranks {
			turns.Release(namespace)
		}
	}
	if s.underWay[namespace]--; s.underWay[namespace] == 0 {
		delete(s.underWay, namespace)
	}
}

// Waiting reports whether something of a rank waits, be it in a namespace that is
// held. Where syncs hang it may do so for minutes: a namespace that has been held for
// longer than patience does not count.
func (s *Shares) Waiting(rank int, patience time.Duration) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	turns := s.ranks[rank]
	if turns.Len() > 0 {
		return true
	}
	for namespace, since := range s.held { // no more than Namespaces
		if turns.HeldBack(namespace) > 0 && s.clock.Since(since) < patience {
			return true
		}
	}
	return false
}

// ender is an order that has to know which syncs have ended.
type ender interface {
	Done(key cache.ObjectName)
}

// endingQueue is a queue that notifies its order of every sync that has ended.
type endingQueue struct {
	Queue
	order ender
}

// Done comes after every sync.
func (q endingQueue) Done(key cache.ObjectName) {
	q.order.Done(key)
	q.Queue.Done(key)
}
