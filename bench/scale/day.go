// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/bench/report"
)

// load is a day of applications.
type load struct {
	// applications that are created in the day, each with so many executors.
	applications, executors int
	// scheduled is the share of them that is due at full hours; the others come at
	// random, twice as often at noon as on average and never at midnight.
	scheduled float64
	// spread is over how long those of one hour are spread (spec.spread).
	spread time.Duration
	// duration is how long an application runs on average; durations are
	// distributed exponentially.
	duration time.Duration
}

// costs are CPU time of the control plane, that is of API server and etcd
// together, for everything that a cluster asks of it about an application: the
// requests of operator, kubelet and driver, and the watches that report them.
type costs struct {
	submission, running, end, executor time.Duration
}

// Of the 13 writes of an application 6 submit it, 2 report that it runs and 5 end
// it. docs/performance.md lists them.
const writesOfSubmission, writesOfRunning, writesOfEnd = 6.0, 2.0, 5.0

// costsOf takes the costs from results: those of an application from steady load,
// those of an executor from what a burst with executors costs more.
func costsOf(steady, without, with *report.Result) costs {
	application := (steady.CPU.APIServer + steady.CPU.Etcd) / (writesOfSubmission + writesOfRunning + writesOfEnd)
	executors := with.CPU.APIServer + with.CPU.Etcd - without.CPU.APIServer - without.CPU.Etcd
	return costs{
		submission: milliseconds(application * writesOfSubmission),
		running:    milliseconds(application * writesOfRunning),
		end:        milliseconds(application * writesOfEnd),
		executor:   milliseconds(executors / float64(with.Executors)),
	}
}

// application is the control plane's work for a whole application.
func (c costs) application(executors int) time.Duration {
	return c.submission + c.running + c.end + time.Duration(executors)*c.executor
}

func milliseconds(value float64) time.Duration {
	return time.Duration(value * float64(time.Millisecond))
}

// work is a piece of work for the control plane.
type work struct {
	at   time.Duration // since midnight
	cost time.Duration
	// submission is set if its end is when the driver pod exists.
	submission bool
}

// outcome is how a day went.
type outcome struct {
	// utilization is the share of the control plane's time that was used.
	utilization float64
	// toDriver is the time from the creation of applications to their driver pods.
	toDriver report.Quantiles
	// behind is the longest time by which the control plane was behind.
	behind time.Duration
}

// items is all work of a day, in the order in which it comes.
func (l load) items(c costs, random *rand.Rand) []work {
	items := make([]work, 0, 3*l.applications)
	for range l.applications {
		created := l.creation(random)
		started := created + startup
		ended := started + time.Duration(random.ExpFloat64()*float64(l.duration))
		items = append(items,
			work{at: created, cost: c.submission, submission: true},
			work{at: started, cost: c.running + time.Duration(l.executors)*c.executor/2},
			work{at: ended, cost: c.end + time.Duration(l.executors)*c.executor/2})
	}
	slices.SortFunc(items, func(a, b work) int { return int(a.at - b.at) })
	return items
}

// simulate lets a day pass on a control plane with so many cores, of which all
// work can use all, first come, first served. Nothing else runs on it.
func simulate(items []work, cores float64) outcome {
	var result outcome
	var free, busy time.Duration // when the work before has ended
	latencies := make([]time.Duration, 0, len(items)/3)
	for _, item := range items {
		needed := time.Duration(float64(item.cost) / cores)
		result.behind = max(result.behind, free-item.at)
		free = max(free, item.at) + needed
		busy += needed
		if item.submission {
			latencies = append(latencies, free-item.at)
		}
	}
	result.utilization = busy.Hours() / max(day, free).Hours()
	result.toDriver = report.QuantilesOf(latencies)
	return result
}

const (
	day = 24 * time.Hour
	// startup is from the driver pod to its first executors.
	startup = 20 * time.Second
)

// creation is when one application is created.
func (l load) creation(random *rand.Rand) time.Duration {
	if random.Float64() < l.scheduled {
		hour := time.Duration(random.IntN(24)) * time.Hour
		return hour + time.Duration(random.Float64()*float64(l.spread))
	}
	for { // rejection sampling of 1 - cos
		at := random.Float64()
		if 2*random.Float64() < 1-math.Cos(2*math.Pi*at) {
			return time.Duration(at * float64(day))
		}
	}
}
