// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/cache"
)

// filling is a cache that is filled when its context ends.
type filling struct{ context.Context }

func (f filling) Name() string { return "filling" }

var _ cache.DoneChecker = filling{}

// TestWaitForCaches: who reads slowly is waited for, who reads nothing is not, and
// no wait is unlimited.
func TestWaitForCaches(t *testing.T) {
	const timeout = 30 * time.Second
	for name, test := range map[string]struct {
		filled, lastObject time.Duration
		want               time.Duration
		gaveUp             bool
	}{
		"at once":                {filled: time.Second, want: time.Second},
		"slow":                   {filled: 100 * time.Second, lastObject: 98 * time.Second, want: 100 * time.Second},
		"nothing comes":          {filled: time.Hour, want: timeout, gaveUp: true},
		"nothing comes any more": {filled: time.Hour, lastObject: 42 * time.Second, want: 3 * timeout, gaveUp: true},
		"never done":             {filled: time.Hour, lastObject: time.Hour, want: syncPatience * timeout, gaveUp: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var received atomic.Int64
				ctx, stop := context.WithTimeout(t.Context(), test.lastObject)
				var coming sync.WaitGroup
				defer coming.Wait()
				defer stop()
				coming.Go(func() {
					for {
						select {
						case <-time.After(5 * time.Second):
							received.Add(1)
						case <-ctx.Done():
							return
						}
					}
				})
				filled, cancel := context.WithTimeout(t.Context(), test.filled)
				defer cancel()
				begun := time.Now()
				err := waitForCaches(t.Context(), []cache.DoneChecker{filling{filled}}, timeout, received.Load)
				if took := time.Since(begun); took != test.want {
					t.Errorf("waited %v, want %v", took, test.want)
				}
				if test.gaveUp != (err != nil) || err != nil && !strings.Contains(err.Error(), "--cache-sync-timeout=30s") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// TestWaitForCachesEnds: a process that receives a signal to end reports no error.
func TestWaitForCachesEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := waitForCaches(ctx, []cache.DoneChecker{filling{t.Context()}}, time.Minute, func() int64 { return 0 }); err != nil {
		t.Error(err)
	}
}
