// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

func valueOr(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func runUp(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	open := clusterFlags(flags)
	timeout := flags.Duration("timeout", 3*time.Minute, "how long to wait for the node, once everything is built")
	if err := parse(flags, "up [FLAGS]\n\nStarts the cluster, or repairs it, and returns when its node is ready and DNS answers.", arguments); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	c, err := open()
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
	flags := flag.NewFlagSet("down", flag.ContinueOnError)
	open := clusterFlags(flags)
	purge := flags.Bool("purge", false, "remove the images and the logs as well")
	if err := parse(flags, "down [FLAGS]\n\nEnds the cluster. Its images and logs are kept, the built programs as well.", arguments); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	c, err := open()
	if err != nil {
		return err
	}
	return c.Down(ctx, *purge, os.Stderr)
}

func runStatus(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	open := clusterFlags(flags)
	if err := parse(flags, "status [FLAGS]\n\nTells how the cluster fares. The exit code is 0 only if it is ready.", arguments); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	c, err := open()
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
	flags := flag.NewFlagSet("kubeconfig", flag.ContinueOnError)
	open := clusterFlags(flags)
	raw := flags.Bool("raw", false, "print the content instead of the path")
	if err := parse(flags, "kubeconfig [FLAGS]\n\nPrints the path of the kubeconfig file of the running cluster.", arguments); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	c, err := open()
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
	flags := flag.NewFlagSet("load-image", flag.ContinueOnError)
	open := clusterFlags(flags)
	if err := parse(flags, `load-image [FLAGS] ARCHIVE...

Loads image archives into the cluster: tar files with an OCI image layout or in the format of 'docker save'. Nothing is done
for an archive whose images the cluster already has, with the same digests.`, arguments); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return exitError(exitUsage)
	}
	c, err := open()
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
	for _, archive := range flags.Args() {
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
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	open := clusterFlags(flags)
	follow := flags.Bool("f", false, "follow the log until Ctrl-C")
	if err := parse(flags, "logs [FLAGS] [COMPONENT]\n\nPrints the log of a component, or without one, the names of all components.", arguments); err != nil {
		return err
	}
	c, err := open()
	if err != nil {
		return err
	}
	if flags.NArg() > 1 {
		flags.Usage()
		return exitError(exitUsage)
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
	if flags.NArg() == 0 {
		fmt.Println(strings.Join(names, "\n"))
		return nil
	}
	for i, name := range names {
		if name == flags.Arg(0) {
			return printLog(ctx, files[i], *follow)
		}
	}
	return fmt.Errorf("no log of %q: want one of %s", flags.Arg(0), strings.Join(names, ", "))
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
	builder, err := build.New(os.Stderr)
	if err != nil {
		return err
	}
	programs, err := builder.Ensure(ctx, build.Kubernetes())
	if err != nil {
		return err
	}
	environment := append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	return syscall.Exec(filepath.Join(programs, "kubectl"), append([]string{"kubectl"}, arguments...), environment)
}

// runNode is what `up` starts in namespaces of their own.
func runNode(ctx context.Context, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("this command is for internal use: see `localcluster up`")
	}
	return node.Run(ctx, arguments[0], os.Stdout)
}

func noArguments(flags *flag.FlagSet) error {
	if flags.NArg() == 0 {
		return nil
	}
	fmt.Fprintf(flags.Output(), "unexpected argument %q\n", flags.Arg(0))
	flags.Usage()
	return exitError(exitUsage)
}
