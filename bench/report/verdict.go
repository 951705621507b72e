// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Targets are what the operator is to reach. See docs/performance.md.
const (
	targetRatio         = 0.7    // of the floor's throughput
	targetDriverP50     = 50.0   // ms from creation to driver pod at half the floor's rate
	targetDriverP99     = 250.0  // ms
	targetLagP99        = 1000.0 // ms from pod to status
	targetWrites        = 9.0    // per application without retries
	targetReads         = 1.0
	targetCPU           = 0.25 // of the API server's
	targetRSS           = 150.0
	targetExecutor      = 3.0 // KB
	targetTenantP99     = 1000.0
	boundSlowdown       = 2.0 // of a namespace beside one that hangs, to the same alone
	boundBesideServers  = 1.5 // of a burst beside idle Spark Connect servers, to the same alone
	targetSoakMemory    = 1.1 // of the second half of the samples, to the first
	targetSoakRoutines  = 1.1
	targetScheduleP99   = 5000.0 // ms from the time a run is due to its creation
	targetScheduleFloor = 1.5    // the same, to that of the floor
	targetFlat          = 1.25   // cost with many applications present to that with few
	boundWrites         = 13.0   // what the operator makes today; more is a mistake
	boundReads          = 1.0
	boundExecutorWrite  = 4.0 // per executor, on top: three events and its share of statuses
	smallTheft          = 0.05
	targetReviewedApps  = 0.85   // rate of creations with the webhook, to that without it
	targetReviewedPods  = 0.9    // the same of executor pods
	targetReviews       = 2000.0 // of applications a second of CPU time
	targetPodReviews    = 3000.0 // of executor pods
	targetReviewP99     = 10.0   // ms
	boundReviewed       = 0.25   // CPU time of creations without the webhook, to that with it; less is a mistake
	boundConnections    = 1.5    // memory beside all connections, to that beside as many as the webhook allows
)

// Nature is what kind of thing a target is about.
type Nature int

const (
	// Counted is the same on every machine.
	Counted Nature = iota
	// Timed depends on what else the machine does.
	Timed
	// Correctness must never fail.
	Correctness
)

// Verdict is one target and what was reached.
type Verdict struct {
	Scenario, Target string
	Got              float64
	OK               bool
	Nature           Nature
	// Stolen is that of the result.
	Stolen float64
}

// Judge compares results with the targets.
func Judge(results []*Result) []Verdict {
	var all []Verdict
	for _, r := range results {
		all = append(all, r.judge()...)
	}
	return all
}

func (r *Result) judge() []Verdict {
	var all []Verdict
	add := func(v Verdict) {
		if !r.Cold || v.Nature != Timed {
			all = append(all, v)
		}
	}
	most := func(target string, got, bound float64, nature Nature) {
		add(Verdict{r.Scenario, fmt.Sprintf("%s <= %v", target, bound), got, got >= 0 && got <= bound, nature, r.Stolen})
	}
	least := func(target string, got, bound float64, nature Nature) {
		add(Verdict{r.Scenario, fmt.Sprintf("%s >= %v", target, bound), got, got >= bound, nature, r.Stolen})
	}
	most("duplicate driver pods", float64(r.Duplicates), 0, Correctness)
	most("applications lost", float64(r.Lost), 0, Correctness)
	most("concurrent drivers of one application", float64(r.Overlaps), 0, Correctness)
	if wrong, ok := r.Extra["wrongEnds"]; ok {
		most("applications with a wrong final state", wrong, 0, Correctness)
	}
	switch r.Scenario {
	case "latency", "burst-0":
		most("writes per application", r.WritesPerApp, boundWrites, Correctness)
		most("reads per application", r.ReadsPerApp, boundReads, Correctness)
	case "burst-5":
		most("writes per application", r.WritesPerApp, boundWrites+boundExecutorWrite*float64(r.Executors), Correctness)
	}
	if r.CPU.Operator > 0 && r.CPU.APIServer > 0 {
		most("operator CPU / API server CPU", Round(r.CPU.Operator/r.CPU.APIServer), targetCPU, Timed)
	}
	switch r.Scenario {
	case "latency":
		most("writes per application", r.WritesPerApp, targetWrites, Counted)
		most("writes per application without events", Round(r.WritesPerApp-r.Requests["create events"]), targetWrites, Counted)
		most("reads per application", r.ReadsPerApp, targetReads, Counted)
	case "burst-0", "burst-5":
		if r.Floor != nil {
			least("finished, ratio to the floor", r.Ratio, targetRatio, Timed)
			least("CPU, ratio to the floor", r.CPURatio, targetRatio, Timed)
		}
	case "steady":
		// The targets are for a share of the floor's rate. If that is unknown, the rate has
		// no meaning.
		if share, ok := r.Extra["offeredOfFloor"]; ok {
			at := fmt.Sprintf(" at %v of the floor's rate", share)
			most("creation to driver pod p50 ms"+at, r.CreateToDriver.P50, targetDriverP50, Timed)
			most("creation to driver pod p99 ms"+at, r.CreateToDriver.P99, targetDriverP99, Timed)
			most("pod to status p99 ms"+at, r.StatusLag.P99, targetLagP99, Timed)
		}
	case "tenants":
		most("creation to driver pod p99 ms", r.CreateToDriver.P99, targetTenantP99, Timed)
	case "hanging":
		slowdown, ok := r.Extra["slowdown"]
		if !ok {
			slowdown = math.NaN()
		}
		most("time of a burst beside a hanging namespace, ratio to the burst alone", slowdown, boundSlowdown, Correctness)
	case "connect":
		most("servers that were stopped in use or on doubt", r.Extra["stops"], 0, Correctness)
		most(fmt.Sprintf("time of a burst beside %.0f servers, ratio to the burst alone", r.Extra["servers"]), r.Extra["slowdown"], boundBesideServers, Timed)
	case "schedules":
		most(fmt.Sprintf("due to run p99 ms of %d schedules", r.Apps), r.Extra["dueToRunP99Ms"], targetScheduleP99, Timed)
		most("the same, ratio to the floor", Round(r.Extra["dueToRunP99Ms"]/r.Extra["floorP99Ms"]), targetScheduleFloor, Timed)
	case "churn":
		most(fmt.Sprintf("RSS MB with %.0f finished applications", r.Extra["present"]), r.RSSPeakMB, targetRSS, Counted)
		most(fmt.Sprintf("operator CPU per application, ratio to that beside %.0f", r.Extra["presentBase"]),
			Round(r.CPU.Operator/r.Extra["operatorCPUBase"]), targetFlat, Timed)
	case "soak":
		r.judgeSoak(most)
	case "admission":
		r.judgeAdmission(least, most)
	case "watchers":
		most("KB of memory per idle executor", r.Extra["rssKBPerExecutor"], targetExecutor, Counted)
	}
	return all
}

// judgeAdmission judges what the webhook costs. The bounds are ratios of one run, which
// hold on every machine.
func (r *Result) judgeAdmission(least, most func(target string, got, bound float64, nature Nature)) {
	figure := func(name string) float64 {
		if got, ok := r.Extra[name]; ok {
			return got
		}
		return math.NaN()
	}
	for _, kind := range []struct {
		name, text string
		target     float64
	}{
		{"application", "applications with all defaults", targetReviewedApps}, {"defaultedApplication", "applications that get a default", targetReviewedApps},
		{"pod", "executor pods", targetReviewedPods}, {"completedPod", "executor pods that the webhook completes", targetReviewedPods},
	} {
		least("creations of "+kind.text+", ratio to the rate without the webhook", figure(kind.name+"Ratio"), kind.target, Timed)
		least("creations of "+kind.text+", ratio of the CPU time without the webhook", figure(kind.name+"CPURatio"), kind.target, Timed)
		least("creations of "+kind.text+", least ratio of the CPU time", figure(kind.name+"CPURatio"), boundReviewed, Correctness)
	}
	for _, review := range []struct {
		name   string
		target float64
	}{{"mutate", targetReviews}, {"validate", targetReviews}, {"executor", targetPodReviews}} {
		least("reviews ("+review.name+") per second of CPU time", figure(review.name+"PerCPUSecond"), review.target, Timed)
		most("review ("+review.name+") p99 ms", figure(review.name+"P99Ms"), targetReviewP99, Timed)
	}
	most("memory of the webhook with all connections, ratio to that with the most it allows", figure("connectionsMemoryRatio"), boundConnections, Correctness)
}

// judgeSoak judges what must be right however much went wrong. A figure that is not
// there is as bad as a wrong one: it was not checked.
func (r *Result) judgeSoak(most func(target string, got, bound float64, nature Nature)) {
	figure := func(name string) float64 {
		if got, ok := r.Extra[name]; ok {
			return got
		}
		return math.NaN()
	}
	most("applications with wrong counters", math.Abs(figure("countedWrongly")), 0, Correctness)
	// Right by construction, whatever the faults: a write whose answer was lost may or
	// may not be counted, and those were counted by the proxy that lost it.
	most("successes miscounted by the last operator process", math.Abs(figure("successMiscounted")), 0, Correctness)
	most("submissions miscounted by the last operator process", math.Abs(figure("submitsMiscounted")), 0, Correctness)
	// An operator that grows for ever dies of it, and -1 says that it was not looked at.
	most("memory of the second half, ratio to the first half", figure("memoryGrowth"), targetSoakMemory, Correctness)
	most("goroutines of the second half, ratio to the first half", figure("goroutineGrowth"), targetSoakRoutines, Correctness)
}

// Print writes a table and returns how many verdicts on correctness are bad.
func Print(w io.Writer, verdicts []Verdict) (wrong int) {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tTARGET\tREACHED\tVERDICT")
	for _, v := range verdicts {
		verdict := "met"
		switch {
		case !v.OK && v.Nature == Correctness:
			verdict = "WRONG"
			wrong++
		case !v.OK && v.Nature == Timed && v.Stolen > smallTheft:
			verdict = fmt.Sprintf("missed (CPU steal %.0f %%)", 100*v.Stolen)
		case !v.OK:
			verdict = "missed"
		}
		fmt.Fprintf(table, "%s\t%s\t%v\t%s\n", v.Scenario, v.Target, v.Got, verdict)
	}
	_ = table.Flush()
	return wrong
}
