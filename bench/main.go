// SPDX-License-Identifier: Apache-2.0

// Command bench measures the operator on a real API server. See docs/performance.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spark-operator/spark-operator/bench/scenario"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	setup := &scenario.Setup{Log: os.Stderr}
	flag.StringVar(&setup.Binary, "operator", "bin/spark-operator", "the operator's binary")
	flag.StringVar(&setup.CRDs, "crds", "manifests/crd", "folder with the CRDs")
	flag.StringVar(&setup.Work, "work", ".out/bench", "folder for files that go away")
	flag.IntVar(&setup.Writers, "floor-writers", 16, "requests that the floor makes at once")
	flag.StringVar(&setup.Profiles, "profiles", "", "folder for profiles of the operator; none if empty")
	apps := flag.Int("apps", 1000, "applications in a burst")
	executors := flag.Int("executors", 0, "executors")
	results := flag.String("results", "", "results")
	flag.Parse()
	result, err := scenario.Burst(ctx, setup, *apps, *executors)
	if err != nil {
		return err
	}
	return result.Append(*results)
}
