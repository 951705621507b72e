// SPDX-License-Identifier: Apache-2.0

// Command plot draws the figures of docs/performance.md from results of the
// benchmark: plot RESULTS.jsonl FOLDER.
package main

import (
	"fmt"
	"os"
	"path/filepath"

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
	for name, draw := range map[string]func(map[string]*report.Result) (*figure, error){
		"throughput.svg": throughput,
		"latency.svg":    latency,
		"cost.svg":       cost,
	} {
		drawn, err := draw(results)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(arguments[1], name), []byte(drawn.svg()), 0o644); err != nil {
			return fmt.Errorf("write a figure: %w", err)
		}
	}
	return nil
}

func need(results map[string]*report.Result, scenario string) (*report.Result, error) {
	if result := results[scenario]; result != nil {
		return result, nil
	}
	return nil, fmt.Errorf("there is no result of scenario %s", scenario)
}

// throughput compares operator and floor in the bursts.
func throughput(results map[string]*report.Result) (*figure, error) {
	f := &figure{title: "Applications finished per minute", kind: bars, series: []series{{name: "floor: the writes alone"}, {name: "operator"}}}
	for _, scenario := range []string{"burst-0", "burst-5"} {
		result, err := need(results, scenario)
		if err != nil {
			return nil, err
		}
		if result.Floor == nil {
			return nil, fmt.Errorf("the result of %s has no floor", scenario)
		}
		f.labels = append(f.labels, fmt.Sprintf("%d applications, %d executors each", result.Apps, result.Executors))
		f.series[0].y = append(f.series[0].y, result.Floor.FinishedPerMinute)
		f.series[1].y = append(f.series[1].y, result.FinishedPerMinute)
	}
	return f, nil
}

// latency shows the distributions of the two times that users notice.
func latency(results map[string]*report.Result) (*figure, error) {
	f := &figure{title: "Share of applications (%) within so many ms", kind: lines}
	for _, scenario := range []string{"latency", "steady"} {
		result, err := need(results, scenario)
		if err != nil {
			return nil, err
		}
		f.series = append(f.series,
			distribution(scenario+": creation to driver pod", result.CreateToDriver),
			distribution(scenario+": pod to status", result.StatusLag))
	}
	return f, nil
}

func distribution(name string, quantiles report.Quantiles) series {
	s := series{name: name}
	for i, value := range quantiles.Curve {
		s.x = append(s.x, value)
		s.y = append(s.y, 100*float64(i)/float64(len(quantiles.Curve)-1))
	}
	return s
}

// cost shows whether an application costs more the more there are.
func cost(results map[string]*report.Result) (*figure, error) {
	result, err := need(results, "churn")
	if err != nil {
		return nil, err
	}
	base, many := result.Extra["presentBase"], result.Extra["present"]
	return &figure{
		title: "Cost of one more application beside finished ones", kind: bars,
		labels: []string{fmt.Sprintf("%.0f finished applications", base), fmt.Sprintf("%.0f finished applications", many)},
		series: []series{
			{name: "CPU of the operator per application, ms", y: []float64{result.Extra["operatorCPUBase"], result.CPU.Operator}},
			{name: "writes per application", y: []float64{result.Extra["writesPerAppBase"], result.WritesPerApp}},
		},
	}, nil
}
