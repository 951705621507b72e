// SPDX-License-Identifier: Apache-2.0

// Command scale computes from results of the benchmark how a control plane copes
// with a day of applications: scale RESULTS.jsonl. It prints the table of
// docs/scale.md. Time is simulated, so a day takes a second.
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spark-operator/spark-operator/bench/report"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, days()); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// days are the days of the table.
func days() []load {
	days := []load{
		{applications: 10_000},
		{applications: 100_000},
		{applications: 100_000, spread: 10 * time.Minute},
		{applications: 1_000_000, spread: 30 * time.Minute},
	}
	for i := range days {
		days[i].executors, days[i].scheduled, days[i].duration = 10, 0.3, 10*time.Minute
	}
	return days
}

func run(arguments []string, w io.Writer, days []load) error {
	if len(arguments) != 1 {
		return fmt.Errorf("want one argument, a file of results; got %d", len(arguments))
	}
	all, err := report.Read(arguments[0])
	if err != nil {
		return err
	}
	results := map[string]*report.Result{}
	for _, result := range all {
		results[result.Scenario] = result
	}
	for _, scenario := range []string{"steady", "burst-0", "burst-5"} {
		if results[scenario] == nil {
			return fmt.Errorf("%s has no result of scenario %s", arguments[0], scenario)
		}
	}
	c := costsOf(results["steady"], results["burst-0"], results["burst-5"])
	fmt.Fprintf(w, "CPU time of the control plane: %v per application, %v per executor\n\n",
		c.application(0).Round(time.Millisecond), c.executor.Round(time.Millisecond))
	fmt.Fprintln(w, "| applications a day | pods a day | due at full hours | spread over | cores of the control plane | used | behind at most | creation to driver pod p50 / p99 |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, l := range days {
		items := l.items(c, rand.New(rand.NewPCG(1, 2)))
		for _, cores := range []float64{2, 8, 16} {
			row(w, l, cores, simulate(items, cores))
		}
	}
	return nil
}

func row(w io.Writer, l load, cores float64, o outcome) {
	fmt.Fprintf(w, "| %d | %d | %.0f %% | %v | %.0f | %.0f %% | %s | %s / %s |\n",
		l.applications, l.applications*(1+l.executors), 100*l.scheduled, l.spread, cores, 100*o.utilization,
		rough(o.behind), rough(milliseconds(o.toDriver.P50)), rough(milliseconds(o.toDriver.P99)))
}

// rough drops digits that a model does not justify.
func rough(d time.Duration) string {
	switch {
	case d >= 10*time.Minute:
		return d.Round(time.Minute).String()
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d < 10*time.Millisecond:
		return "< 10ms"
	}
	return d.Round(10 * time.Millisecond).String()
}
