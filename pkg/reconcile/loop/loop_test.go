// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/clock"
)

var key = cache.NewObjectName("ns", "pi")

// running runs a loop with these keys until the end of the test, or until it is
// stopped. It counts the syncs that panicked.
func running(t *testing.T, loop *Loop, keys ...cache.ObjectName) (panicked *atomic.Int64, stop func()) {
	t.Helper()
	_, ctx := ktesting.NewTestContext(t)
	ctx, cancel := context.WithCancel(ctx)
	panicked = &atomic.Int64{}
	loop.Kind, loop.Clock, loop.Workers = "SparkApplication", clock.RealClock{}, 2
	loop.SyncTimeout, loop.ShutdownTimeout = 2*time.Minute, 20*time.Second
	loop.Queue = NewQueue("test", workqueue.DefaultQueue[cache.ObjectName](), loop.Clock)
	loop.Panicked = func() { panicked.Add(1) }
	loop.Expected = func(err error) bool { return errors.Is(err, errExpected) }
	for _, key := range keys {
		loop.Queue.Add(key)
	}
	done := make(chan error)
	go func() { done <- loop.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return panicked, stop
}

var errExpected = errors.New("conflict")

// TestFailuresAreRetried: after each failure the key is synced again, with doubled
// delays; a success resets the delay.
func TestFailuresAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var times []time.Duration
		var failures []int
		panicked, stop := running(t, &Loop{Sync: func(_ context.Context, _ cache.ObjectName, failed int) (time.Duration, error) {
			times, failures = append(times, time.Since(begun)), append(failures, failed)
			switch len(times) {
			case 1:
				return 0, errors.New("unexpected")
			case 2:
				return 0, errExpected
			case 3:
				panic("no reason")
			case 4:
				return 10 * time.Second, nil
			}
			return 0, nil
		}}, key)
		time.Sleep(time.Hour)
		stop()
		wantTimes := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 17 * time.Second}
		if wantFailures := []int{0, 1, 2, 3, 0}; !slices.Equal(times, wantTimes) || !slices.Equal(failures, wantFailures) {
			t.Errorf("syncs after %v, having failed %v times; want %v and %v", times, failures, wantTimes, wantFailures)
		}
		if panicked.Load() != 1 {
			t.Errorf("%d panics", panicked.Load())
		}
	})
}

// TestSyncsEnd: a sync that hangs blocks only its own key, and not for ever.
func TestSyncsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		other := cache.NewObjectName("ns", "other")
		var lock sync.Mutex
		ended := map[cache.ObjectName]time.Duration{}
		_, stop := running(t, &Loop{Sync: func(ctx context.Context, key cache.ObjectName, _ int) (time.Duration, error) {
			if key != other {
				<-ctx.Done()
			}
			lock.Lock()
			defer lock.Unlock()
			ended[key] = time.Since(begun)
			return 0, nil
		}}, key, other)
		time.Sleep(time.Hour)
		stop()
		if ended[key] != 2*time.Minute || ended[other] != 0 {
			t.Errorf("ended after %v", ended)
		}
	})
}

// TestShutdown: a sync under way may end, but has to soon; no other begins.
func TestShutdown(t *testing.T) {
	for name, test := range map[string]struct {
		takes, wantStopped time.Duration
		wantCancelled      bool
	}{
		"that ends in time": {5 * time.Second, 5 * time.Second, false},
		"that hangs":        {time.Hour, 20 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				syncs, cancelled := 0, false
				loop := &Loop{Sync: func(ctx context.Context, _ cache.ObjectName, _ int) (time.Duration, error) {
					syncs++
					select {
					case <-time.After(test.takes):
					case <-ctx.Done():
						cancelled = true
					}
					return time.Millisecond, nil
				}}
				_, stop := running(t, loop, key)
				synctest.Wait()
				loop.Queue.Add(key) // again, after the sync under way
				begun := time.Now()
				stop()
				if took := time.Since(begun); took != test.wantStopped || cancelled != test.wantCancelled || syncs != 1 {
					t.Errorf("stopped after %v, cancelled: %v, %d syncs", took, cancelled, syncs)
				}
			})
		})
	}
}

// TestWaitsForCaches: nothing is synced before the caches are filled.
func TestWaitsForCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ctx := ktesting.NewTestContext(t)
		ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errExpected)
		defer cancel()
		loop := &Loop{Kind: "SparkApplication", Queue: NewQueue("test", workqueue.DefaultQueue[cache.ObjectName](), clock.RealClock{}), Workers: 1}
		loop.Queue.Add(key) // would panic, as there is no Sync
		if err := loop.Run(ctx, never{}); !errors.Is(err, errExpected) {
			t.Errorf("error %v, want the cause of the context's end", err)
		}
	})
}

// never is a cache that is never filled.
type never struct{}

func (never) Name() string { return "never" }

func (never) Done() <-chan struct{} { return nil }

// corrected is a clock that is behind another one, from which its timers come.
type corrected struct {
	clock.RealClock
	behind atomic.Int64
}

func (c *corrected) Now() time.Time { return c.RealClock.Now().Add(time.Duration(c.behind.Load())) }

func (c *corrected) Timers() clock.WithTicker { return c.RealClock }

// TestDelaysOutliveACorrectionOfTheClock: what waits for a minute does not wait for an
// hour longer because the clock was put back by one.
func TestDelaysOutliveACorrectionOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := &corrected{}
		clk.behind.Store(int64(time.Hour))
		queue := NewQueue("", workqueue.DefaultQueue[cache.ObjectName](), clk)
		defer queue.ShutDown()
		queue.AddAfter(key, time.Minute)
		synctest.Wait()
		clk.behind.Store(0)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if queue.Len() != 1 {
			t.Error("still waits after two minutes")
		}
	})
}
