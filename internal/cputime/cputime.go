// SPDX-License-Identifier: Apache-2.0

// Package cputime measures processor time for tests that bound the cost of work. Wall
// time depends on what else runs on a machine; processor time depends on the machine
// only, and [Scale] takes out that.
package cputime

import (
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Used is the processor time that this process has used, garbage collection included.
func Used() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // cannot fail with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Cost is what work took.
type Cost struct {
	CPU   time.Duration
	Bytes uint64 // allocated
}

// Of measures work once, after a garbage collection.
func Of(work func()) Cost {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := Used()
	work()
	used := Used() - start
	runtime.ReadMemStats(&after)
	return Cost{used, after.TotalAlloc - before.TotalAlloc}
}

// Least repeats work until it takes no longer than enough, 12 times at most, and returns
// the least processor time and the bytes of the last time. Other processes evict the
// caches of the processor, so a single measurement is too high now and then.
func Least(enough time.Duration, work func()) Cost {
	least := Of(work)
	for range 11 {
		if least.CPU <= enough {
			break
		}
		again := Of(work)
		least = Cost{min(least.CPU, again.CPU), again.Bytes}
	}
	return least
}

// reference is the processor time of the fixed work of Scale on the machine on which the
// bounds were chosen: a virtual core of an AMD EPYC, without other load.
const reference = 5500 * time.Microsecond

// Scale returns a bound that was chosen on the reference machine for this one: larger, if
// fixed work takes longer here. It is never smaller.
func Scale(bound time.Duration) time.Duration {
	return time.Duration(float64(bound) * max(1, slowness()))
}

// slowness is how many times longer fixed work takes than on the reference machine.
var slowness = sync.OnceValue(func() float64 {
	fixed := map[string]string{}
	for i := range 5000 {
		fixed[fmt.Sprintf("spark.property.%d", i)] = "a value of some length"
	}
	work := func() {
		text, err := json.Marshal(fixed)
		if err == nil {
			err = json.Unmarshal(text, &map[string]string{})
		}
		if err != nil {
			panic(err) // strings can be encoded
		}
	}
	return float64(Least(0, work).CPU) / float64(reference)
})
