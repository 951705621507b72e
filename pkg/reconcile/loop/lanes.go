// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"k8s.io/client-go/util/workqueue"
)

// preferredShare is how many of the first lane come in a row while others wait.
const preferredShare = 4

// Lanes hold what waits in two lanes, each first in, first out. The first lane
// comes before the other, but of five in a row one is of the other, so that nothing
// waits for ever. It is not safe for concurrent use.
type Lanes[T comparable] struct {
	first, other workqueue.Queue[T]
	// preferred is how many of first came in a row while others waited.
	preferred int
}

// NewLanes returns lanes in which nothing waits.
func NewLanes[T comparable]() *Lanes[T] {
	return &Lanes[T]{first: workqueue.DefaultQueue[T](), other: workqueue.DefaultQueue[T]()}
}

// PushFirst adds to the first lane.
func (l *Lanes[T]) PushFirst(item T) { l.first.Push(item) }

// PushOther adds to the other lane.
func (l *Lanes[T]) PushOther(item T) { l.other.Push(item) }

// Len is how many wait.
func (l *Lanes[T]) Len() int { return l.first.Len() + l.other.Len() }

// Pop takes the next. It is called only if something waits.
func (l *Lanes[T]) Pop() T {
	switch {
	case l.other.Len() == 0:
		return l.first.Pop()
	case l.first.Len() == 0, l.preferred == preferredShare:
		l.preferred = 0
		return l.other.Pop()
	}
	l.preferred++
	return l.first.Pop()
}
