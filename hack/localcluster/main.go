// SPDX-License-Identifier: Apache-2.0

// Command localcluster runs a real Kubernetes on one Linux machine without docker, every component built from Go modules.
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

	"github.com/spark-operator/spark-operator/hack/localcluster/cluster"
)

const usage = `localcluster runs a real Kubernetes on this machine without docker. The components are built from Go modules, once,
into ${XDG_CACHE_HOME:-$HOME/.cache}/spark-operator/localcluster.

Usage: localcluster COMMAND [FLAGS] [ARGUMENTS]

Commands
  up            start the cluster, or repair it, and wait until it is ready (needs root)
  down          end the cluster; images and logs are kept (needs root)
  status        print the state of the cluster; exit code 0 only if it is ready
  kubeconfig    print the path of the kubeconfig file
  kubectl       run kubectl of the cluster's version; all arguments are kubectl's
  programs      print the path of the folder with kubectl and the other programs of Kubernetes
  load-image    load image archives into the cluster (needs root)
  logs          print the log of a component
  env           run only kube-apiserver and etcd on loopback, until Ctrl-C or until the given command ends

'localcluster COMMAND --help' prints the flags of a command. LOCALCLUSTER_NAME and LOCALCLUSTER_DIR choose among clusters.
`

// exitUsage is the exit code for a command line that makes no sense, as the flag package uses it.
const exitUsage = 2

// exitError is an error that only sets the exit code: whatever was to be said has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	// A user's PATH often lacks the folders of the system's own programs, such as iptables.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin"); err != nil {
		fmt.Fprintf(os.Stderr, "localcluster: %v\n", err)
		os.Exit(1)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()

	var code exitError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.As(err, &code):
		os.Exit(int(code))
	default:
		fmt.Fprintf(os.Stderr, "localcluster: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	commands := map[string]func(context.Context, []string) error{
		"up":                runUp,
		"down":              runDown,
		"status":            runStatus,
		"kubeconfig":        runKubeconfig,
		"kubectl":           runKubectl,
		"programs":          runPrograms,
		"load-image":        runLoadImage,
		"logs":              runLogs,
		"env":               runEnv,
		cluster.NodeCommand: runNode,
	}
	if len(arguments) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitError(exitUsage)
	}
	switch arguments[0] {
	case "help", "-h", "-help", "--help":
		fmt.Print(usage)
		return nil
	}
	command, ok := commands[arguments[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "localcluster: no command %q\n\n%s", arguments[0], usage)
		return exitError(exitUsage)
	}
	return command(ctx, arguments[1:])
}

// parse reads the flags of a command. The flag package has already printed an error.
func parse(flags *flag.FlagSet, synopsis string, arguments []string) error {
	flags.Usage = func() { printUsage(flags, synopsis) }
	err := flags.Parse(arguments)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return exitError(exitUsage)
	}
	return err
}

func printUsage(flags *flag.FlagSet, synopsis string) {
	out := flags.Output()
	_, _ = io.WriteString(out, "Usage: localcluster "+synopsis+"\n\nFlags\n")
	flags.PrintDefaults()
}
