// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/build"
	"github.com/spark-operator/spark-operator/hack/localcluster/cluster"
	"github.com/spark-operator/spark-operator/hack/localcluster/node"
)

// clusterFlags adds the flags that say which cluster is meant.
func clusterFlags(flags *flag.FlagSet) func() (*cluster.Cluster, error) {
	name := flags.String("name", valueOr(os.Getenv("LOCALCLUSTER_NAME"), "default"), "`name` of the cluster (LOCALCLUSTER_NAME)")
	dir := flags.String("dir", os.Getenv("LOCALCLUSTER_DIR"), "`folder` of the cluster (LOCALCLUSTER_DIR); empty means one in the user's cache")
	return func() (*cluster.Cluster, error) { return cluster.Open(*name, *dir) }
}

// clusterCommand is a command on one cluster, with the flags that say which.
type clusterCommand struct {
	*flag.FlagSet
	synopsis string
	cluster  func() (*cluster.Cluster, error)
}

// newClusterCommand begins a command. The synopsis begins with its name.
func newClusterCommand(synopsis string) *clusterCommand {
	name, _, _ := strings.Cut(synopsis, " ")
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	return &clusterCommand{flags, synopsis, clusterFlags(flags)}
}

// open reads the command line, which has at least so many arguments besides flags and
// at most so many, and returns the cluster.
func (c *clusterCommand) open(commandLine []string, least, most int) (*cluster.Cluster, error) {
	if err := parse(c.FlagSet, c.synopsis, commandLine); err != nil {
		return nil, err
	}
	if c.NArg() > most {
		fmt.Fprintf(c.Output(), "unexpected argument %q\n", c.Arg(most))
	}
	if c.NArg() < least || c.NArg() > most {
		c.Usage()
		return nil, exitError(exitUsage)
	}
	return c.cluster()
}

func valueOr(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func runUp(ctx context.Context, arguments []string) error {
	command := newClusterCommand("up [FLAGS]\n\nStarts the cluster, or repairs it, and returns when its node is ready and DNS answers.")
	timeout := command.Duration("timeout", 3*time.Minute, "how long to wait for the node, once everything is built")
	c, err := command.open(arguments, 0, 0)
	if err != nil {
		return err
	}
	builder, err := build.New(os.Stderr)
	if err != nil {
		return err
	}
	if err := c.Up(ctx, builder, *timeout, os.Stderr); err != nil {
		return err
	}
	fmt.Printf("export KUBECONFIG=%s\n", c.Kubeconfig())
	return nil
}

func runDown(ctx context.Context, arguments []string) error {
	command := newClusterCommand("down [FLAGS]\n\nEnds the cluster. Its images and logs are kept, the built programs as well.")
	purge := command.Bool("purge", false, "remove the images and the logs as well")
	c, err := command.open(arguments, 0, 0)
	if err != nil {
		return err
	}
	return c.Down(ctx, *purge, os.Stderr)
}

func runStatus(ctx context.Context, arguments []string) error {
	command := newClusterCommand("status [FLAGS]\n\nPrints the state of the cluster. The exit code is 0 only if it is ready.")
	c, err := command.open(arguments, 0, 0)
	if err != nil {
		return err
	}
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if err := status.Write(os.Stdout); err != nil {
		return err
	}
	if !status.Ready {
		return exitError(1)
	}
	return nil
}

func runKubeconfig(_ context.Context, arguments []string) error {
	command := newClusterCommand("kubeconfig [FLAGS]\n\nPrints the path of the kubeconfig file of the running cluster.")
	raw := command.Bool("raw", false, "print the content instead of the path")
	c, err := command.open(arguments, 0, 0)
	if err != nil {
		return err
	}
	if _, err := c.Running(); err != nil {
		return err
	}
	if !*raw {
		fmt.Println(c.Kubeconfig())
		return nil
	}
	content, err := os.ReadFile(c.Kubeconfig())
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(content)
	return err
}

func runLoadImage(ctx context.Context, arguments []string) error {
	command := newClusterCommand(`load-image [FLAGS] ARCHIVE...

Loads image archives into the cluster: tar files with an OCI image layout or in the format of 'docker save'. Nothing is done
for an archive whose images the cluster already has, with the same digests.`)
	c, err := command.open(arguments, 1, math.MaxInt)
	if err != nil {
		return err
	}
	builder, err := build.New(os.Stderr)
	if err != nil {
		return err
	}
	store, err := c.Images(ctx, builder)
	if err != nil {
		return err
	}
	for _, archive := range command.Args() {
		start := time.Now()
		loaded, imported, err := store.Load(ctx, archive)
		if err != nil {
			return err
		}
		for _, image := range loaded {
			if imported {
				fmt.Printf("%s loaded in %.1f s\n", image.Name, time.Since(start).Seconds())
			} else {
				fmt.Printf("%s is there already\n", image.Name)
			}
		}
	}
	return nil
}

func runLogs(ctx context.Context, arguments []string) error {
	command := newClusterCommand("logs [FLAGS] [COMPONENT]\n\nPrints the log of a component, or without one, the names of all components.")
	follow := command.Bool("f", false, "follow the log until Ctrl-C")
	c, err := command.open(arguments, 0, 1)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(c.LogDir(), "*.log"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("there are no logs: the cluster was never started")
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".log"))
	}
	if command.NArg() == 0 {
		fmt.Println(strings.Join(names, "\n"))
		return nil
	}
	for i, name := range names {
		if name == command.Arg(0) {
			return printLog(ctx, files[i], *follow)
		}
	}
	return fmt.Errorf("no log of %q: want one of %s", command.Arg(0), strings.Join(names, ", "))
}

func printLog(ctx context.Context, file string, follow bool) error {
	log, err := os.Open(file)
	if err != nil {
		return err
	}
	defer log.Close()
	for {
		if _, err := io.Copy(os.Stdout, log); err != nil || !follow {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// runKubectl replaces this process by kubectl of the cluster's version. All arguments are kubectl's.
func runKubectl(ctx context.Context, arguments []string) error {
	c, err := clusterFlags(flag.NewFlagSet("kubectl", flag.ContinueOnError))()
	if err != nil {
		return err
	}
	if _, err := c.Running(); err != nil {
		return err
	}
	programs, err := kubernetesPrograms(ctx)
	if err != nil {
		return err
	}
	environment := append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	return syscall.Exec(filepath.Join(programs, "kubectl"), append([]string{"kubectl"}, arguments...), environment)
}

// runPrograms prints the folder with the programs of Kubernetes, of which the end-to-end tests put kubectl into an image.
func runPrograms(ctx context.Context, arguments []string) error {
	command := newClusterCommand("programs\n\nPrints the path of the folder with kubectl and the other programs of Kubernetes.")
	if _, err := command.open(arguments, 0, 0); err != nil {
		return err
	}
	programs, err := kubernetesPrograms(ctx)
	if err != nil {
		return err
	}
	fmt.Println(programs)
	return nil
}

// kubernetesPrograms returns the folder with the programs of Kubernetes, after they were built.
func kubernetesPrograms(ctx context.Context) (string, error) {
	builder, err := build.New(os.Stderr)
	if err != nil {
		return "", err
	}
	return builder.Ensure(ctx, build.Kubernetes())
}

// runNode is what `up` starts in namespaces of their own.
func runNode(ctx context.Context, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("this command is for internal use: see `localcluster up`")
	}
	return node.Run(ctx, arguments[0], os.Stdout)
}
