// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowCreationsDelayNobodyElse: eight schedules whose creations hang, of a
// hundred that are due at the same time.
func TestSlowCreationsDelayNobodyElse(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() {
			c.delay = func(name string) time.Duration {
				if strings.HasPrefix(name, "slow") {
					return 10 * time.Second
				}
				return 0
			}
		})
		for i := range 8 {
			c.addSchedule(newSchedule(fmt.Sprintf("slow%d", i), "5 * * * *"))
		}
		for i := range 100 {
			c.addSchedule(newSchedule(fmt.Sprintf("quick%d", i), "5 * * * *"))
		}
		c.letPass(6 * time.Minute)
		for _, run := range c.runs() {
			late := run.CreationTimestamp.Sub(today("12:05:00"))
			if want := strings.HasPrefix(run.Name, "slow"); want != (late > 0) {
				t.Errorf("%s was started %s late", run.Name, late)
			}
		}
		if len(c.runs()) != 108 {
			t.Errorf("%d runs", len(c.runs()))
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
