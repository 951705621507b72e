// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
)

func runEnv(ctx context.Context, arguments []string) (err error) {
	flags := flag.NewFlagSet("env", flag.ContinueOnError)
	crds := flags.String("crds", "", "files or folders of CustomResourceDefinitions, separated by commas, to create at the start")
	apiServerFlags := make(flagMap)
	kubernetes := flags.String("kubernetes", os.Getenv("LOCALCLUSTER_KUBERNETES"),
		"`release` of the API server, newest or oldest (LOCALCLUSTER_KUBERNETES); empty means newest")
	flags.Var(apiServerFlags, "apiserver-flag", "`NAME=VALUE` of a flag of kube-apiserver; may be repeated")
	err = parse(flags, `env [FLAGS] [COMMAND [ARGUMENTS]]

Runs kube-apiserver and etcd on free loopback ports, without root. With a command, runs it with KUBECONFIG set, and ends
with its exit code; without one, prints the export line and runs until Ctrl-C.`, arguments)
	if err != nil {
		return err
	}

	options := controlplane.Options{Kubernetes: *kubernetes, APIServerFlags: apiServerFlags, Progress: os.Stderr}
	if *crds != "" {
		options.CRDs = strings.Split(*crds, ",")
	}
	start := time.Now()
	env, err := controlplane.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Stop()) }()

	if flags.NArg() == 0 {
		fmt.Fprintf(os.Stderr, "control plane at %s ready in %.1f s; Ctrl-C ends it\n", env.Access.Server, time.Since(start).Seconds())
		fmt.Printf("export KUBECONFIG=%s\n", env.Kubeconfig)
		<-ctx.Done()
		return nil
	}
	command := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), "KUBECONFIG="+env.Kubeconfig)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(exit.ExitCode())
	}
	return err
}

// flagMap collects repeated NAME=VALUE flags.
type flagMap map[string]string

func (m flagMap) String() string { return "" }

func (m flagMap) Set(setting string) error {
	name, value, ok := strings.Cut(setting, "=")
	if !ok || name == "" {
		return errors.New("want NAME=VALUE")
	}
	m[name] = value
	return nil
}
