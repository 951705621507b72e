// SPDX-License-Identifier: Apache-2.0

// Command spark-operator runs SparkApplications on Kubernetes.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
)

func main() {
	collectGarbageAt(gcPercent)
	os.Exit(cli.Run(newCommand()))
}

// gcPercent is the default of GOGC. Nearly all of the heap are caches, which grow
// with the cluster, and the process has CPU time to spare: docs/performance.md has
// what this saves and what it costs.
const gcPercent = 50

// collectGarbageAt sets how far the heap grows, unless the environment says it.
func collectGarbageAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "spark-operator",
		Short: "Run Apache Spark applications on Kubernetes",
		// Usage is long; after a mistake in a flag one line says more.
		SilenceUsage: true,
	}
	group := &cobra.Command{
		Use:   "controller",
		Short: "Commands of the controller",
	}
	group.AddCommand(newControllerCommand())
	webhook := &cobra.Command{
		Use:   "webhook",
		Short: "Commands of the admission webhook",
	}
	webhook.AddCommand(newWebhookCommand())
	root.AddCommand(group, webhook, newCRDsCommand(), newMigrateCommand(), newAuthCheckCommand(), newVersionCommand())
	return root
}

// plainErrors keeps the logger from being set up for commands that people call: without
// it, an error is a line of text.
func plainErrors(*cobra.Command, []string) error { return nil }

func newVersionCommand() *cobra.Command {
	var short bool
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			info := version.Get()
			text := info.GitVersion
			if !short {
				text = fmt.Sprintf("Spark operator version: %s\nGit commit: %s\nBuild date: %s\nGo version: %s\nPlatform: %s",
					info.GitVersion, info.GitCommit, info.BuildDate, info.GoVersion, info.Platform)
			}
			_, err := fmt.Fprintln(command.OutOrStdout(), text)
			return err
		},
	}
	command.Flags().BoolVar(&short, "short", false, "Print the version number only.")
	return command
}
