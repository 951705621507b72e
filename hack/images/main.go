// SPDX-License-Identifier: Apache-2.0

// Command images builds the two container images of the project without a container engine and without a registry:
// the operator image around a static binary, and a Spark image from the PyPI package pyspark over a minimal Debian root.
// Both come out as archives in the OCI image layout that containerd, Docker and skopeo load.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Builds the container images of the project without a container engine.

Usage:
  images operator [flags]   the operator image from a static binary
  images release [flags]    the operator image for several architectures
  images spark [flags]      a Spark image from PyPI and Debian packages

Progress goes to standard error; the image references come out on standard output, one per line.
An archive that is already up to date is left alone. "images COMMAND --help" lists the flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// run dispatches to a subcommand. It returns flag.ErrHelp when help was asked for and has been printed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errors.New("a command is missing: operator, release or spark")
	}
	switch command, args := args[0], args[1:]; command {
	case "operator":
		return runOperator(args, stdout, stderr)
	case "release":
		return runRelease(args, stdout, stderr)
	case "spark":
		return runSpark(ctx, args, stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return flag.ErrHelp
	default:
		return fmt.Errorf("unknown command %q: expected operator, release or spark", command)
	}
}

// newFlagSet returns the flag set of a subcommand, with about as the first lines of its help.
func newFlagSet(name, about string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "%s\n\nUsage:\n  images %s [flags]\n\nFlags:\n", about, name)
		flags.PrintDefaults()
	}
	return flags
}

// parseFlags parses args, which may hold flags only.
func parseFlags(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: see images %s --help", flags.Arg(0), flags.Name())
	}
	return nil
}
