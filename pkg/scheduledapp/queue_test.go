// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// TestSlowCreationsDelayNoOtherSchedule: all workers but one could be had by schedules whose
// creations hang, and for each of these one more waits. Schedules that are due while
// they hang, be they of the same namespace or of another one, start in time.
func TestSlowCreationsDelayNoOtherSchedule(t *testing.T) {
	for name, test := range map[string]struct {
		hanging, slow int
		quick         string
	}{
		"few in the same namespace": {1, 31, "hanging-0"},
		"one namespace":             {1, 64, "quick"},
		"many in one namespace":     {1, 400, "quick"},
		"seven namespaces":          {7, 64, "quick"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.change(func() {
					c.delay = func(name string) time.Duration {
						if strings.HasPrefix(name, "slow") {
							return time.Minute // longer than any timeout
						}
						return 0
					}
				})
				c.letPass(4*time.Minute + 50*time.Second) // while there is little to look after
				for namespace := range test.hanging {
					for i := range test.slow {
						c.addSchedule(newSchedule(fmt.Sprintf("slow%d", i), "5 * * * *", inNamespace(fmt.Sprint("hanging-", namespace))))
					}
				}
				c.letPass(3 * time.Second)
				for i := range 100 {
					c.addSchedule(newSchedule(fmt.Sprintf("quick%d", i), "@every 10s", inNamespace(test.quick)))
				}
				c.letPass(11 * time.Second)
				started := 0
				for _, run := range c.runsIn(test.quick) {
					started++
					if late := run.CreationTimestamp.Sub(today("12:05:03")); late != 0 {
						t.Errorf("%s was started %s late", run.Name, late)
					}
				}
				if started != 100 {
					t.Errorf("%d runs", started)
				}
			})
		})
	}
}

// TestNamespacesTakeTurns: a namespace gets its share of the workers,
// however many others are idle, and namespaces take turns.
func TestNamespacesTakeTurns(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() { c.delay = func(string) time.Duration { return time.Second } })
		c.letPass(4*time.Minute + 50*time.Second) // while there is little to look after
		const share = 256 / loop.Namespaces
		for i := range 10 * share {
			c.addSchedule(newSchedule(fmt.Sprintf("s%d", i), "5 * * * *", inNamespace("busy")))
		}
		for i := range 16 {
			c.addSchedule(newSchedule("s", "5 * * * *", inNamespace(fmt.Sprint("quiet", i))))
		}
		c.letPass(11 * time.Second)
		for second := 1; second <= 10; second++ {
			if got := len(c.runsIn("busy")); got != second*share {
				t.Errorf("%d runs after %d seconds", got, second)
			}
			c.letPass(time.Second)
		}
		for i := range 16 {
			if late := c.runsIn(fmt.Sprint("quiet", i))[0].CreationTimestamp.Sub(today("12:05:00")); late > time.Second {
				t.Errorf("another namespace waited %s", late)
			}
		}
	})
}

// TestStartsComeBeforeStatusUpdates: with one worker, all that are due are started
// before anything is written down.
func TestStartsComeBeforeStatusUpdates(t *testing.T) {
	bubble(t, func(c *cluster) {
		synctest.Wait()
		c.stop()
		c.config.Workers = 1
		c.start()
		for i := range 50 {
			c.addSchedule(newSchedule(fmt.Sprintf("s%d", i), "5 * * * *"))
		}
		c.letPass(4 * time.Minute)
		c.change(func() {
			c.log = nil
			c.delay = func(string) time.Duration { return 10 * time.Millisecond }
		})
		c.letPass(2 * time.Minute)
		c.lock.Lock()
		defer c.lock.Unlock()
		if len(c.log) < 100 {
			t.Fatalf("%d writes", len(c.log))
		}
		for i, entry := range c.log {
			if create := strings.HasPrefix(entry, "create"); create != (i < 50) {
				t.Errorf("write %d of %d is %q", i, len(c.log), entry)
			}
		}
	})
}

// TestStarting: it is known as long as runs wait to be created, and no longer.
func TestStarting(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() { c.delay = func(string) time.Duration { return time.Second } })
		for i := range 2*32 + 1 { // what three rounds of all workers create
			c.addSchedule(newSchedule(fmt.Sprintf("s%d", i), "5 * * * *"))
		}
		c.letPass(5*time.Minute - time.Second)
		for second, want := range []bool{false, true, true, false, false} {
			if got := c.starting(); got != want {
				t.Errorf("%s: %t, want %t", time.Now().Format(time.TimeOnly), got, want)
			}
			if second == 0 {
				c.letPass(500 * time.Millisecond) // to the middle of the seconds
			}
			c.letPass(time.Second)
		}
		if len(c.runs()) != 65 {
			t.Errorf("%d runs", len(c.runs()))
		}
	})
}

// TestStartingIgnoresHangingNamespaces: no work yields for long to a namespace whose
// creations hang.
func TestStartingIgnoresHangingNamespaces(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() { c.delay = func(string) time.Duration { return time.Minute } })
		for i := range 100 {
			c.addSchedule(newSchedule(fmt.Sprintf("s%d", i), "5 * * * *"))
		}
		c.letPass(5 * time.Minute)
		starting := 0
		for range 60 { // ten times a second
			if c.starting() {
				starting++
			}
			c.letPass(100 * time.Millisecond)
		}
		if want := int(standstill / (100 * time.Millisecond)); starting != want {
			t.Errorf("others gave way for %d tenths of a second, want %d", starting, want)
		}
	})
}

// TestIdleSchedulesWriteNothing: looks that change nothing cost no request.
func TestIdleSchedulesWriteNothing(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.addSchedule(newSchedule("s", "0 0 1 1 *"))
		c.letPass(time.Second)
		c.restart(time.Second)
		calls := len(c.spark.Actions())
		c.letPass(time.Hour)
		if now := len(c.spark.Actions()); now != calls {
			t.Errorf("%d calls in an hour", now-calls)
		}
	})
}
