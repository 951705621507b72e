// SPDX-License-Identifier: Apache-2.0

// Command plot draws the figures of docs/performance.md from results of the
// benchmark: plot RESULTS.jsonl FOLDER.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/spark-operator/spark-operator/bench/report"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("want two arguments, a file of results and a folder for the figures; got %d", len(arguments))
	}
	all, err := report.Read(arguments[0])
	if err != nil {
		return err
	}
	results := map[string]*report.Result{} // the latest of each scenario
	for _, result := range all {
		results[result.Scenario] = result
	}
	if err := os.MkdirAll(arguments[1], 0o755); err != nil {
		return fmt.Errorf("folder of the figures: %w", err)
	}
	for name, draw := range map[string]func(map[string]*report.Result) (*plot.Plot, error){
		"throughput.svg": throughput,
		"latency.svg":    latency,
		"cost.svg":       cost,
	} {
		drawn, err := draw(results)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := drawn.Save(width, height, filepath.Join(arguments[1], name)); err != nil {
			return fmt.Errorf("write a figure: %w", err)
		}
	}
	return nil
}

func need(results map[string]*report.Result, scenario string) (*report.Result, error) {
	if result := results[scenario]; result != nil {
		return result, nil
	}
	return nil, fmt.Errorf("no result of scenario %s", scenario)
}

// throughput compares operator and floor in the bursts.
func throughput(results map[string]*report.Result) (*plot.Plot, error) {
	var labels []string
	floor, operator := group{name: "floor: the writes alone"}, group{name: "operator"}
	for _, scenario := range []string{"burst-0", "burst-5"} {
		result, err := need(results, scenario)
		if err != nil {
			return nil, err
		}
		if result.Floor == nil {
			return nil, fmt.Errorf("the result of %s has no floor", scenario)
		}
		labels = append(labels, fmt.Sprintf("%d apps, %d executors each", result.Apps, result.Executors))
		floor.values = append(floor.values, result.Floor.FinishedPerMinute)
		operator.values = append(operator.values, result.FinishedPerMinute)
	}
	return bars("Applications finished per minute", labels, floor, operator)
}

// latency shows the distributions of the two times that users notice.
func latency(results map[string]*report.Result) (*plot.Plot, error) {
	var curves []curve
	for _, scenario := range []string{"latency", "steady"} {
		result, err := need(results, scenario)
		if err != nil {
			return nil, err
		}
		curves = append(curves,
			curve{scenario + ": creation to driver pod", result.CreateToDriver},
			curve{scenario + ": pod to status", result.StatusLag})
	}
	return distributions("Share of applications within a time", curves...)
}

// cost shows whether an application costs more beside more finished ones.
func cost(results map[string]*report.Result) (*plot.Plot, error) {
	result, err := need(results, "churn")
	if err != nil {
		return nil, err
	}
	base, many := result.Extra["presentBase"], result.Extra["present"]
	return bars("Cost of one more application beside finished ones",
		[]string{fmt.Sprintf("%.0f finished applications", base), fmt.Sprintf("%.0f finished applications", many)},
		group{"CPU of the operator per application, ms", plotter.Values{result.Extra["operatorCPUBase"], result.CPU.Operator}},
		group{"writes per application", plotter.Values{result.Extra["writesPerAppBase"], result.WritesPerApp}})
}
