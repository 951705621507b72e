// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/process"
)

// stopTimeout bounds the end of the node: the kernel has to kill its processes and to undo its mounts.
const stopTimeout = 30 * time.Second

// Down ends the cluster and removes all of it from the machine but the images and the logs; with purge, those as well. It
// does nothing if nothing is up.
func (c *Cluster) Down(ctx context.Context, purge bool, progress io.Writer) error {
	if _, err := os.Stat(c.dir); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(progress, "cluster %s is down\n", c.name)
		return nil
	}
	if err := requireRoot(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("not down within %s", stopTimeout))
	defer cancel()
	lock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Release()

	record, err := c.readRecord()
	if err != nil {
		return err
	}
	if err := c.stopNode(ctx, record.Node); err != nil {
		return err
	}
	if err := c.removeCgroups(ctx); err != nil {
		return err
	}
	if err := c.removeObjects(); err != nil {
		return err
	}
	for _, name := range []string{"cluster.json", ".cluster.json", "config", "kubeconfig", "node.json", "state.json", ".state.json"} {
		if err := os.RemoveAll(c.path(name)); err != nil {
			return err
		}
	}
	if purge {
		if err := os.RemoveAll(c.dir); err != nil {
			return err
		}
	}
	fmt.Fprintf(progress, "cluster %s is down\n", c.name)
	return nil
}

// stopNode ends the node's first process, on which the kernel ends all others and then undoes the mounts and the network.
func (c *Cluster) stopNode(ctx context.Context, node process.Identity) error {
	for node.Running() {
		if err := syscall.Kill(node.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end the node: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end the node: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return c.disconnect()
}

// removeObjects removes the content of etcd, and the volumes and logs of the pods.
func (c *Cluster) removeObjects() error {
	for _, folder := range []string{"etcd", "kubelet", "pod-logs"} {
		if err := os.RemoveAll(c.path(folder)); err != nil {
			return fmt.Errorf("remove the objects of cluster %s: %w", c.name, err)
		}
	}
	return nil
}
