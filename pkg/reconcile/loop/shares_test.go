// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/clock"
)

// rankedByName has two ranks: keys that end with 0 come before the others.
type rankedByName struct{ *Shares }

func (r rankedByName) Push(key cache.ObjectName) {
	if strings.HasSuffix(key.Name, "0") {
		r.PushFirst(0, key)
	} else {
		r.PushOther(1, key)
	}
}

// TestHangingNamespacesDelayNoOther: all syncs of some namespaces hang. Those of the
// others begin at once as long as fewer namespaces hang than it takes to occupy all
// workers.
func TestHangingNamespacesDelayNoOther(t *testing.T) {
	for _, hanging := range []int{1, 3, Namespaces - 1} {
		synctest.Test(t, func(t *testing.T) {
			const workers = 16
			begun := time.Now()
			var lock sync.Mutex
			underWay, most, late := map[string]int{}, map[string]int{}, time.Duration(0)
			synced := 0
			loop := &Loop{Sync: func(ctx context.Context, key cache.ObjectName, _ int) (time.Duration, error) {
				lock.Lock()
				underWay[key.Namespace]++
				most[key.Namespace] = max(most[key.Namespace], underWay[key.Namespace])
				if key.Namespace == "healthy" {
					synced++
					late = max(late, time.Since(begun))
				}
				lock.Unlock()
				if key.Namespace != "healthy" {
					<-ctx.Done()
				}
				lock.Lock()
				defer lock.Unlock()
				underWay[key.Namespace]--
				return 0, ctx.Err()
			}}
			_, ctx := ktesting.NewTestContext(t)
			loop.Kind, loop.Clock, loop.Workers = "SparkApplication", clock.RealClock{}, workers
			loop.SyncTimeout, loop.ShutdownTimeout = 2*time.Minute, time.Second
			loop.Queue = NewQueue("test", rankedByName{NewShares(workers, 2, loop.Clock)}, loop.Clock)
			loop.Panicked = func() {}
			loop.Expected = func(error) bool { return true }
			for i := range 100 {
				for n := range hanging {
					loop.Queue.Add(cache.NewObjectName(fmt.Sprint("hanging", n), fmt.Sprint(i)))
				}
			}
			done := make(chan error)
			ctx, cancel := context.WithCancel(ctx)
			go func() { done <- loop.Run(ctx) }()
			time.Sleep(time.Second)
			begun = time.Now()
			for i := range 50 {
				loop.Queue.Add(cache.NewObjectName("healthy", fmt.Sprint(i)))
			}
			time.Sleep(time.Second)
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if synced != 50 || late > 0 {
				t.Errorf("%d hang: %d of 50 synced, the last one after %v", hanging, synced, late)
			}
			for namespace, count := range most {
				if count > workers/Namespaces {
					t.Errorf("%d syncs at once in %s", count, namespace)
				}
			}
		})
	}
}

// TestNoWorkerIsIdle: whatever comes and ends when, no worker waits while there is
// something that it may take, and no namespace has more workers than it may.
func TestNoWorkerIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, share = 24, 24 / Namespaces
		random := rand.New(rand.NewPCG(5, 6))
		order := rankedByName{NewShares(workers, 2, clock.RealClock{})}
		q := NewQueue("test", order, clock.RealClock{})
		var lock sync.Mutex
		underWay, syncs := map[string]int{}, 0
		for range workers {
			go func() {
				for {
					key, shutdown := q.Get()
					if shutdown {
						return
					}
					lock.Lock()
					syncs++
					if underWay[key.Namespace]++; underWay[key.Namespace] > share {
						t.Errorf("%d syncs in %s", underWay[key.Namespace], key.Namespace)
					}
					takes := time.Duration(rand.IntN(50)) * time.Millisecond
					lock.Unlock()
					time.Sleep(takes)
					lock.Lock()
					underWay[key.Namespace]--
					lock.Unlock()
					q.Done(key)
				}
			}()
		}
		for range 500 {
			for range random.IntN(8) {
				q.Add(cache.NewObjectName(fmt.Sprint("ns", random.IntN(1+random.IntN(12))), fmt.Sprint(random.IntN(40))))
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			busy := 0
			lock.Lock()
			for _, n := range underWay {
				busy += n
			}
			lock.Unlock()
			if takeable := order.Len(); busy < workers && takeable > 0 {
				t.Fatalf("%d of %d workers are busy, %d keys could be taken", busy, workers, takeable)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		lock.Lock()
		defer lock.Unlock()
		if order.Len()+len(order.underWay)+len(order.held) > 0 || syncs < 500 {
			t.Errorf("after %d syncs, left: %d, under way %v, held %v", syncs, order.Len(), order.underWay, order.held)
		}
		q.ShutDown()
	})
}

// TestWaitingIgnoresHangingNamespaces: what waits in a namespace that has been held for long
// does not count, what waits in any other does.
func TestWaitingIgnoresHangingNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		order := rankedByName{NewShares(Namespaces, 2, clock.RealClock{})}
		const patience = 2 * time.Second
		check := func(when string, want bool) {
			t.Helper()
			if got := order.Waiting(0, patience); got != want {
				t.Errorf("%s: %t, want %t", when, got, want)
			}
		}
		check("nothing waits", false)
		first, second := cache.NewObjectName("a", "10"), cache.NewObjectName("a", "20")
		order.Push(first)
		order.Push(second)
		check("two wait", true)
		order.Pop()
		check("one is held back", true)
		time.Sleep(patience)
		check("it has been held back for long", false)
		order.Push(cache.NewObjectName("b", "1"))
		check("one of the other rank waits", false)
		order.Push(cache.NewObjectName("c", "30"))
		check("one of another namespace waits", true)
		order.Pop()
		order.Done(first)
		check("the namespace goes on", true)
	})
}
