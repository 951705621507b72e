// SPDX-License-Identifier: Apache-2.0

package poller

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/clock"
)

var key = cache.NewObjectName("jobs", "pi")

// run asks pods as ask does, on the clock of a bubble, and hands the times at which it is called to
// test.
func run(t *testing.T, ask func(target Pod, before int) (again time.Duration, answers bool), test func(p *Poller[Pod, int], calls func(types.UID) []time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var lock sync.Mutex
		asked := map[types.UID][]time.Duration{}
		p := New(Config[Pod, int]{
			Clock: clock.RealClock{}, PerSecond: 1000, Burst: 1000, Workers: 2,
			Ask: func(_ context.Context, target Pod, before int) (int, time.Duration, bool) {
				lock.Lock()
				asked[target.UID] = append(asked[target.UID], time.Since(begin))
				lock.Unlock()
				again, answers := ask(target, before)
				return before + 1, again, answers
			},
			Report: func(cache.ObjectName, Pod, int, int) {},
		})
		_, ctx := ktesting.NewTestContext(t)
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		defer running.Wait()
		defer cancel()
		test(p, func(pod types.UID) []time.Duration {
			synctest.Wait()
			lock.Lock()
			defer lock.Unlock()
			return asked[pod]
		})
	})
}

// TestPodIsAskedAtItsTimesWhateverItsPredecessorLeft: the queues may still hold the key for the pod
// before, for an earlier or a later time, and a pod may change its queue.
func TestPodIsAskedAtItsTimesWhateverItsPredecessorLeft(t *testing.T) {
	for name, first := range map[string]struct {
		again   time.Duration
		answers bool
	}{
		"earlier, silent": {3 * time.Second, false}, "earlier, answering": {3 * time.Second, true},
		"later, silent": {time.Hour, false}, "later, answering": {time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(target Pod, before int) (time.Duration, bool) {
				if target.UID == "a" {
					return first.again, first.answers
				}
				return time.Minute, before%2 == 0
			}
			run(t, ask, func(p *Poller[Pod, int], calls func(types.UID) []time.Duration) {
				p.Follow(key, Pod{UID: "a"}, 0, 0)
				time.Sleep(2 * time.Second)
				if view := p.Follow(key, Pod{UID: "b"}, 0, 10*time.Second); view != 0 {
					t.Errorf("the view of the pod before: %d", view)
				}
				time.Sleep(5 * time.Minute)
				if got := calls("a"); len(got) != 1 {
					t.Errorf("a was asked at %v", got)
				}
				got := calls("b")
				if len(got) != 5 {
					t.Fatalf("b was asked at %v", got)
				}
				for i, at := range got {
					if want := 12*time.Second + time.Duration(i)*time.Minute; at < want || at > want+10*time.Millisecond*time.Duration(i+1) {
						t.Errorf("b was asked at %v, want %v", at, want)
					}
				}
			})
		})
	}
}

// TestAskNowAsksOnceMore: also if the pod is being asked, because that answer may be too old.
func TestAskNowAsksOnceMore(t *testing.T) {
	ask := func(Pod, int) (time.Duration, bool) { time.Sleep(5 * time.Second); return time.Hour, true }
	run(t, ask, func(p *Poller[Pod, int], calls func(types.UID) []time.Duration) {
		p.AskNow(key) // of no effect
		p.Follow(key, Pod{UID: "a"}, 0, 0)
		time.Sleep(time.Second)
		p.AskNow(key)
		p.AskNow(key)
		time.Sleep(time.Minute)
		if got := calls("a"); len(got) != 2 || got[1] > 6*time.Second {
			t.Errorf("asked at %v", got)
		}
		p.AskNow(key)
		time.Sleep(time.Minute)
		if got := calls("a"); len(got) != 3 {
			t.Errorf("asked at %v", got)
		}
	})
}

// TestForgottenPodIsAskedNoMore: and nothing is known of it.
func TestForgottenPodIsAskedNoMore(t *testing.T) {
	ask := func(Pod, int) (time.Duration, bool) { return time.Second, true }
	run(t, ask, func(p *Poller[Pod, int], calls func(types.UID) []time.Duration) {
		p.Follow(key, Pod{UID: "a"}, 0, 0)
		time.Sleep(10500 * time.Millisecond)
		before := len(calls("a"))
		if view, found := p.View(key, "a"); !found || view != before {
			t.Errorf("view %d, %t after %d calls", view, found, before)
		}
		p.Forget(key)
		time.Sleep(time.Minute)
		if got := len(calls("a")); got != before {
			t.Errorf("asked %d times after it was forgotten", got-before)
		}
		if _, found := p.View(key, "a"); found {
			t.Error("it is still known")
		}
	})
}

// TestPodIsAskedAtItsNewAddress: after the call under way, whatever the delay was at the old one,
// where it is asked no more. An answer from there that comes late does not count.
func TestPodIsAskedAtItsNewAddress(t *testing.T) {
	var lock sync.Mutex
	at := map[string]int{}
	ask := func(target Pod, _ int) (time.Duration, bool) {
		lock.Lock()
		at[target.Address]++
		lock.Unlock()
		if target.Address == "slow" {
			time.Sleep(5 * time.Second)
		}
		return time.Hour, target.Address == "new"
	}
	run(t, ask, func(p *Poller[Pod, int], calls func(types.UID) []time.Duration) {
		for _, address := range []string{"refused", "slow", "new"} {
			p.Follow(key, Pod{UID: "a", Address: address}, 0, 0)
			time.Sleep(time.Second)
		}
		time.Sleep(30 * time.Minute)
		got := calls("a")
		lock.Lock()
		defer lock.Unlock()
		if at["refused"] != 1 || at["slow"] != 1 || at["new"] != 1 || got[2] > 7*time.Second {
			t.Errorf("asked %v, at %v", at, got)
		}
		if view, found := p.View(key, "a"); !found || view != 1 {
			t.Errorf("view %d, %t: want that of the new address", view, found)
		}
	})
}
