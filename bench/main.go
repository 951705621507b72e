// SPDX-License-Identifier: Apache-2.0

// Command bench measures the operator on a real API server. See
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/bench/scenario"
)

func main() {
	if err := runUntilInterrupted(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runUntilInterrupted() error {
	// Clients report every connection that breaks; servers are killed here on purpose.
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx)
}

// sizes are the flags that say how much of everything.
type sizes struct {
	burst, burstExecutors, executors   int
	latency, retry, restart, schedules int
	steadyRate                         float64
	steady, churn, tenants             time.Duration
	finished, idle, idleApps, flood    int
	churnRate                          float64
	hanging                            int
	servers, serversApps               int
	soak                               time.Duration
	soakRate                           float64
	admission                          scenario.AdmissionSize
}

// sizesFor declares the flags. The defaults are chosen so that everything is done
// in 20 minutes on two cores.
func sizesFor(fs *flag.FlagSet) *sizes {
	s := &sizes{}
	fs.IntVar(&s.burst, "burst", 1000, "applications of burst-0")
	fs.IntVar(&s.burstExecutors, "burst-executors", 100, "applications of burst-5")
	fs.IntVar(&s.executors, "executors", 5, "executors of each application of burst-5")
	fs.IntVar(&s.latency, "latency", 30, "applications of latency")
	fs.IntVar(&s.retry, "retry", 100, "applications of retry")
	fs.IntVar(&s.restart, "restart", 200, "applications of restart")
	fs.IntVar(&s.schedules, "schedules", 2000, "schedules due at once")
	fs.Float64Var(&s.steadyRate, "steady-rate", 0, "applications per second in steady; 0 means half of the floor's rate in burst-0")
	fs.DurationVar(&s.steady, "steady", 20*time.Second, "duration of steady")
	fs.IntVar(&s.finished, "churn-present", 10000, "finished applications in churn")
	fs.Float64Var(&s.churnRate, "churn-rate", 200, "applications per minute in churn")
	fs.DurationVar(&s.churn, "churn", 15*time.Second, "duration of churn")
	fs.IntVar(&s.idle, "watchers", 50000, "idle executors in watchers")
	fs.IntVar(&s.idleApps, "watchers-apps", 20, "applications that run beside the idle executors")
	fs.IntVar(&s.flood, "flood", 10000, "waiting applications of the first tenant in tenants")
	fs.DurationVar(&s.tenants, "tenants", 30*time.Second, "how long the second tenant creates one application per second")
	fs.IntVar(&s.hanging, "hanging", 100, "applications of each burst of hanging")
	fs.IntVar(&s.servers, "connect", 500, "idle Spark Connect servers in connect")
	fs.IntVar(&s.serversApps, "connect-apps", 200, "applications of each burst of connect")
	s.admission = scenario.AdmissionSize{Rounds: 7}
	fs.IntVar(&s.admission.Creations, "admission", 300, "creations of each round of admission")
	fs.IntVar(&s.admission.Reviews, "reviews", 10000, "reviews of each kind that admission sends to the webhook itself")
	fs.IntVar(&s.admission.Connections, "connections", 10000, "connections to the webhook in admission")
	fs.DurationVar(&s.soak, "soak", 30*time.Minute, "duration of soak")
	fs.Float64Var(&s.soakRate, "soak-rate", 1, "applications per second in soak")
	return s
}

// shorten makes everything as small as a check of correctness allows.
func (s *sizes) shorten() {
	s.burst, s.burstExecutors, s.executors, s.latency = 30, 5, 5, 5
	s.retry, s.restart, s.hanging = 20, 40, 20
	s.admission = scenario.AdmissionSize{Rounds: 2, Creations: 60, Reviews: 400, Connections: 1500}
}

const (
	// untimedFloor is how many applications the floor runs in the check of correctness.
	untimedFloor = 10
	// steadyShare of the floor's rate is what steady offers, and steadyDefault
	// applications a second where there is no floor.
	steadyShare, steadyDefault = 0.5, 5.0
)

// churnBase is how many finished applications are present for the base of churn.
const churnBase = 100

// entry is one scenario.
type entry struct {
	name string
	// short reports whether it is part of the check of correctness, byName that it is
	// only run when asked for.
	short, byName bool
	// run is given what was found out before.
	run func(ctx context.Context, done []*report.Result) (*report.Result, error)
}

func entries(s *scenario.Setup, z *sizes, floor bool) []entry {
	burst := scenario.Burst
	if !floor || s.Cold {
		burst = scenario.BurstWithoutFloor
	}
	return []entry{
		{"burst-0", true, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			if floor && s.Cold {
				return scenario.BurstUntimed(ctx, s, z.burst, 0, untimedFloor)
			}
			return burst(ctx, s, z.burst, 0)
		}},
		{"burst-5", true, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return burst(ctx, s, z.burstExecutors, z.executors)
		}},
		{"latency", true, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Latency(ctx, s, z.latency)
		}},
		{"steady", false, false, func(ctx context.Context, done []*report.Result) (*report.Result, error) {
			perSecond, ofFloor := z.rate(done)
			return scenario.Steady(ctx, s, perSecond, ofFloor, z.steady)
		}},
		{"retry", true, false, func(ctx context.Context, done []*report.Result) (*report.Result, error) {
			result, err := scenario.Retry(ctx, s, z.retry)
			return besideFloor(result, done), err
		}},
		{"restart", true, false, func(ctx context.Context, done []*report.Result) (*report.Result, error) {
			result, err := scenario.Restart(ctx, s, z.restart)
			return besideFloor(result, done), err
		}},
		{"tenants", false, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Tenants(ctx, s, z.flood, z.tenants)
		}},
		{"hanging", true, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Hanging(ctx, s, z.hanging)
		}},
		{"schedules", false, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Schedules(ctx, s, z.schedules)
		}},
		{"churn", false, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Churn(ctx, s, churnBase, z.finished, z.churnRate, z.churn)
		}},
		{"watchers", false, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Watchers(ctx, s, z.idle, z.idleApps)
		}},
		{"admission", true, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Admission(ctx, s, z.admission)
		}},
		{"connect", false, false, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Connect(ctx, s, z.servers, z.serversApps)
		}},
		{"soak", false, true, func(ctx context.Context, _ []*report.Result) (*report.Result, error) {
			return scenario.Soak(ctx, s, z.soakRate, z.soak)
		}},
	}
}

// measure runs the scenario and says how long it took.
func (e *entry) measure(ctx context.Context, done []*report.Result) (*report.Result, error) {
	begun := time.Now()
	before, err := plane.ReadProcessors()
	if err != nil {
		return nil, err
	}
	result, err := e.run(ctx, done)
	after, readErr := plane.ReadProcessors()
	took, stolen := time.Since(begun), after.StolenSince(before)
	fmt.Fprintf(os.Stderr, "%s  %s took %v; CPU steal %.0f %%\n",
		time.Now().Format(time.TimeOnly), e.name, took.Round(time.Second), 100*stolen)
	if err := errors.Join(err, readErr); err != nil {
		return nil, err
	}
	result.TookSeconds, result.Stolen = report.Round(took.Seconds()), report.Round(stolen)
	return result, nil
}

// rate is what steady offers a second, and which share of the floor's rate that is:
// none if the rate was given or there is no floor to compare it with.
func (s *sizes) rate(done []*report.Result) (perSecond, ofFloor float64) {
	if s.steadyRate > 0 {
		return s.steadyRate, 0
	}
	if floor := burstFloor(done); floor != nil {
		return steadyShare * floor.FinishedPerMinute / 60, steadyShare
	}
	return steadyDefault, 0
}

// burstFloor is the floor of burst-0 in this run; nil for none.
func burstFloor(done []*report.Result) *report.Leg {
	for _, result := range done {
		if result.Scenario == "burst-0" {
			return result.Floor
		}
	}
	return nil
}

// besideFloor adds to a result how its rate compares with the floor of burst-0, which
// has neither failures nor kills. It says what those cost and is no target.
func besideFloor(result *report.Result, done []*report.Result) *report.Result {
	floor := burstFloor(done)
	if result == nil || floor == nil {
		return result
	}
	result.Extra["ratioToBurstFloor"] = report.Round(result.FinishedPerMinute / floor.FinishedPerMinute)
	fmt.Fprintf(os.Stderr, "%s  %s: %.0f applications finished a minute, %v of the floor of burst-0\n",
		time.Now().Format(time.TimeOnly), result.Scenario, result.FinishedPerMinute, result.Extra["ratioToBurstFloor"])
	return result
}

func run(ctx context.Context) error {
	setup := &scenario.Setup{Log: os.Stderr}
	fs := flag.CommandLine
	fs.StringVar(&setup.Binary, "operator", "bin/spark-operator", "the operator's binary")
	fs.StringVar(&setup.CRDs, "crds", "manifests/crd", "folder with the CRDs")
	fs.StringVar(&setup.Chart, "chart", "test/chart/testdata/all-namespaces.golden.yaml", "file with the rendered chart, for the permissions of the operator")
	fs.StringVar(&setup.Work, "work", ".out/bench", "folder for temporary files")
	fs.IntVar(&setup.Writers, "floor-writers", 16, "concurrent requests of the floor")
	fs.StringVar(&setup.Profiles, "profiles", "", "folder for profiles of the operator and the API server; no profiles if empty")
	flags := fs.String("operator-flags", "", "flags of the operator, separated by blanks")
	only := fs.String("scenarios", "", "scenarios to run, separated by commas; all if empty")
	short := fs.Bool("short", false, "check correctness only, with small sizes")
	floor := fs.Bool("floor", true, "also run the floor of the bursts")
	commit := fs.String("commit", head(ctx), "name of the measured commit, for the results")
	results := fs.String("results", "", "file to append results to; default bench/results/COMMIT.jsonl, none if short")
	judge := fs.String("judge", "", "file of results to compare with the targets, without running anything")
	sizes := sizesFor(fs)
	flag.Parse()
	if *judge != "" {
		return judgeFile(*judge)
	}
	if *short {
		sizes.shorten()
		setup.Cold = true
	}
	if *results == "" && !*short {
		*results = filepath.Join("bench", "results", *commit+".jsonl")
	}
	setup.Flags = strings.Fields(*flags)
	chosen, err := choose(entries(setup, sizes, *floor), *only, *short)
	if err != nil {
		return err
	}

	var done []*report.Result
	var failed []error
	begun := time.Now()
	for _, e := range chosen {
		result, err := e.measure(ctx, done)
		if err != nil {
			failed = append(failed, err)
			fmt.Fprintln(os.Stderr, "bench:", err)
			continue
		}
		result.Commit = *commit
		done = append(done, result)
		if err := result.Write(os.Stdout, *results); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%s  all took %v\n\n", time.Now().Format(time.TimeOnly), time.Since(begun).Round(time.Second))
	if wrong := report.Print(os.Stderr, report.Judge(done)); wrong > 0 {
		failed = append(failed, fmt.Errorf("%d verdicts on correctness are bad", wrong))
	}
	return errors.Join(failed...)
}

// judgeFile prints how results of an earlier run compare with the targets.
func judgeFile(path string) error {
	results, err := report.Read(path)
	if err != nil {
		return err
	}
	if wrong := report.Print(os.Stdout, report.Judge(results)); wrong > 0 {
		return fmt.Errorf("%d verdicts on correctness are bad", wrong)
	}
	return nil
}

// choose returns the scenarios with the names given.
func choose(all []entry, names string, short bool) ([]entry, error) {
	var chosen []entry
	for _, e := range all {
		if names == "" && !e.byName && (!short || e.short) || slices.Contains(strings.Split(names, ","), e.name) {
			chosen = append(chosen, e)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("unknown scenario %q", names)
	}
	return chosen, nil
}

// head names the commit that is checked out, and says so if the files differ from it.
func head(ctx context.Context) string {
	output, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(output))
}
