// SPDX-License-Identifier: Apache-2.0

package parallel

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestEachDoesEverything(t *testing.T) {
	var sum atomic.Int64
	err := Each(t.Context(), 4, 100, func(_ context.Context, n int) error {
		sum.Add(int64(n))
		return nil
	})
	if err != nil || sum.Load() != 99*100/2 {
		t.Errorf("error %v, sum %d", err, sum.Load())
	}
}

// TestNothingIsBegunAfterAnError: a single worker must not get to the next number,
// which is repeated because a select takes either of two ways.
func TestNothingIsBegunAfterAnError(t *testing.T) {
	failure := errors.New("the first is the last")
	for range 200 {
		begun := 0
		err := Each(t.Context(), 1, 100, func(context.Context, int) error {
			begun++
			return failure
		})
		if !errors.Is(err, failure) || begun != 1 {
			t.Fatalf("error %v, %d begun", err, begun)
		}
	}
}

func TestEachSaysWhyItEndedEarly(t *testing.T) {
	reason := errors.New("no more time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	err := Each(ctx, 2, 100, func(context.Context, int) error {
		t.Error("something was begun")
		return nil
	})
	if !errors.Is(err, reason) {
		t.Errorf("error %v", err)
	}
}
