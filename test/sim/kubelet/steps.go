// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"sync"
	"time"
)

// steps is work that a fixed number of workers do, in the order in which it became
// due.
type steps struct {
	running sync.WaitGroup

	lock  sync.Mutex
	due   []func()
	ready *sync.Cond
	ended bool
}

func newSteps() *steps {
	s := &steps{}
	s.ready = sync.NewCond(&s.lock)
	return s
}

// start has workers work until ctx is done.
func (s *steps) start(ctx context.Context, workers int) {
	context.AfterFunc(ctx, func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.ended = true
		s.ready.Broadcast()
	})
	for range workers {
		s.running.Go(s.work)
	}
}

func (s *steps) work() {
	for {
		s.lock.Lock()
		for len(s.due) == 0 && !s.ended {
			s.ready.Wait()
		}
		if s.ended {
			s.lock.Unlock()
			return
		}
		step := s.due[0]
		s.due = s.due[1:]
		s.lock.Unlock()
		step()
	}
}

// now has a step done as soon as a worker is free.
func (s *steps) now(step func()) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.due = append(s.due, step)
	s.ready.Signal()
}

// after has a step done after a while.
func (s *steps) after(d time.Duration, step func()) {
	if d <= 0 {
		s.now(step)
		return
	}
	time.AfterFunc(d, func() { s.now(step) })
}

// when has a step done once a channel is closed; nil is closed.
func (s *steps) when(ctx context.Context, closed <-chan struct{}, step func()) {
	if closed == nil {
		step()
		return
	}
	s.running.Go(func() {
		select {
		case <-closed:
			s.now(step)
		case <-ctx.Done():
		}
	})
}
