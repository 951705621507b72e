// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
)

// processOptions are the flags of a command that runs until it gets a signal.
type processOptions interface {
	AddFlags(sets *cliflag.NamedFlagSets)
	Validate() error
	logging() *LoggingOptions
}

// asProcess completes a command with flags, grouped as the help shows them, and with
// what it runs. The error is why there are no options; the command returns it.
func asProcess[O processOptions](command *cobra.Command, options O, err error, run func(context.Context, O) error) *cobra.Command {
	// Arguments are checked before logging is set up, so that mistakes are
	// reported as plain text.
	command.Args = func(_ *cobra.Command, arguments []string) error {
		if err != nil {
			return err
		}
		if err := noArguments(arguments); err != nil {
			return err
		}
		return options.Validate()
	}
	command.RunE = untilSignal(func(ctx context.Context, _ *cobra.Command) error {
		if err := options.logging().Apply(); err != nil {
			return err
		}
		klog.FromContext(ctx).Info("Starting", "version", version.Get().GitVersion, "goVersion", version.Get().GoVersion)
		return run(ctx, options)
	})
	if err != nil {
		return command
	}
	var sets cliflag.NamedFlagSets
	options.AddFlags(&sets)
	for _, fs := range sets.FlagSets {
		command.Flags().AddFlagSet(fs)
	}
	cliflag.SetUsageAndHelpFunc(command, sets, 100)
	return command
}

// noArguments refuses arguments, which are flags without dashes for the most part.
func noArguments(arguments []string) error {
	if len(arguments) > 0 {
		return fmt.Errorf("unexpected argument %q; flags start with --", arguments[0])
	}
	return nil
}

// untilSignal runs a command with a context that SIGINT and SIGTERM end.
func untilSignal(run func(context.Context, *cobra.Command) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx, command)
	}
}
