// SPDX-License-Identifier: Apache-2.0

// Package parallel does the same thing many times, some at a time.
package parallel

import (
	"context"
	"sync"
)

// Each does something for every number below count, with so many workers at a time.
// It returns the first error, after which no more is begun, or why ctx is done.
func Each(ctx context.Context, workers, count int, do func(ctx context.Context, n int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for n := range numbers {
				// A number may be handed out when ctx is done already: a select with two
				// ways to go takes either.
				if ctx.Err() != nil {
					return
				}
				if err := do(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	for n := range count {
		select {
		case numbers <- n:
		case <-ctx.Done():
		}
	}
	close(numbers)
	running.Wait()
	return context.Cause(ctx)
}
