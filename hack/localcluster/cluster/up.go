// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/build"
	"github.com/spark-operator/spark-operator/hack/localcluster/images"
	"github.com/spark-operator/spark-operator/hack/localcluster/node"
	"github.com/spark-operator/spark-operator/hack/localcluster/process"
)

const (
	// tooManyExits is how often a component may end before `up` gives up. Some end once or twice because what they need
	// is not there yet.
	tooManyExits = 4
	// patience is how long `up` waits for a node that is already running before it starts it anew.
	patience = 20 * time.Second
)

// NodeCommand is the hidden command of this program that becomes the first process of the node.
const NodeCommand = "node"

// Up brings the cluster to the state running and ready, from any state. It prints its progress line by line.
func (c *Cluster) Up(ctx context.Context, builder *build.Builder, timeout time.Duration, progress io.Writer) error {
	if err := requireRoot(); err != nil {
		return err
	}
	cniPlugins, err := requirePackages()
	if err != nil {
		return err
	}
	programs, err := ensurePrograms(ctx, builder)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready within %s", timeout))
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
	running := record.Node.Running()
	if !running {
		if err := c.clean(ctx, record); err != nil {
			return err
		}
		addresses, err := hostAddresses()
		if err != nil {
			return err
		}
		if record.Subnet, err = freeSubnet(record.Subnet, addresses); err != nil {
			return err
		}
	}
	network := networkOf(record.Subnet)
	changed, err := c.writeConfiguration(programs, network, cniPlugins)
	if err != nil {
		return err
	}

	if running && !changed {
		waiting, cancel := context.WithTimeoutCause(ctx, patience, errors.New("not ready"))
		err := c.complete(waiting, record.Node, programs, network)
		cancel()
		if err == nil {
			fmt.Fprintf(progress, "cluster %s is up already\n", c.name)
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(progress, "starting the node anew: %v\n", err)
	} else if running {
		fmt.Fprintf(progress, "starting the node anew: its configuration or a version has changed\n")
	}
	if running {
		if err := c.stopNode(ctx, record.Node); err != nil {
			return err
		}
	}
	return c.start(ctx, record, programs, network, progress)
}

func ensurePrograms(ctx context.Context, builder *build.Builder) (programs, error) {
	var built programs
	for _, step := range []struct {
		into   *string
		target build.Target
	}{
		// Kubernetes first: the others share most of its dependencies, at the same versions.
		{&built.kubernetes, build.Kubernetes()},
		{&built.etcd, build.Etcd()},
		{&built.containerd, build.Containerd()},
		{&built.coredns, build.CoreDNS()},
		{&built.pause, build.Pause()},
	} {
		dir, err := builder.Ensure(ctx, step.target)
		if err != nil {
			return built, err
		}
		*step.into = dir
	}
	return built, nil
}

// clean removes what a node that has ended without `down` may have left: objects if the machine has been started since (etcd
// runs without waiting for the disk, so its data may be damaged), and always control groups.
func (c *Cluster) clean(ctx context.Context, record record) error {
	self, err := process.Identify(os.Getpid())
	if err != nil {
		return err
	}
	if record.Node.BootID != self.BootID {
		if err := c.removeObjects(); err != nil {
			return err
		}
	}
	if err := c.disconnect(); err != nil {
		return err
	}
	return c.removeCgroups(ctx)
}

// writeConfiguration writes the configuration of the node and reports whether it changed.
func (c *Cluster) writeConfiguration(programs programs, network network, cniPlugins string) (changed bool, err error) {
	for _, folder := range []string{"config", "etcd", "kubelet", "pod-logs", "containerd", "logs"} {
		if err := os.MkdirAll(c.path(folder), 0o700); err != nil {
			return false, err
		}
	}
	if err := c.writeCredentials(network.server(), network.node.AsSlice()); err != nil {
		return false, err
	}
	files, err := c.configuration(cniPlugins, !bridgesCallIptables()).render()
	if err != nil {
		return false, err
	}
	filesChanged, err := writeFiles(c.path("config"), files)
	if err != nil {
		return false, err
	}
	spec, err := json.MarshalIndent(c.spec(programs, network), "", "  ")
	if err != nil {
		return false, err
	}
	specChanged, err := writeFiles(c.dir, map[string][]byte{"node.json": spec})
	return filesChanged || specChanged, err
}

// start starts the node and waits until it is ready. If it does not become so, the node is stopped again: its logs stay.
func (c *Cluster) start(ctx context.Context, record record, programs programs, network network, progress io.Writer) (err error) {
	fmt.Fprintf(progress, "starting cluster %s ... ", c.name)
	begin := time.Now()
	defer func() {
		if err == nil {
			fmt.Fprintf(progress, "ready in %.1f s\n", time.Since(begin).Seconds())
		} else {
			fmt.Fprintln(progress, "failed")
		}
	}()

	if err := c.createCgroups(); err != nil {
		return err
	}
	record.Node, err = c.startNode(programs)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
			defer cancel()
			err = errors.Join(err, c.stopNode(stopping, record.Node), c.removeCgroups(stopping))
		}
	}()
	if err := c.writeRecord(record); err != nil {
		return err
	}
	if err := c.connect(network, record.Node.PID); err != nil {
		return err
	}
	return c.complete(ctx, record.Node, programs, network)
}

// complete does what a node needs once it has been started, and waits until it is ready. All of it can be repeated.
func (c *Cluster) complete(ctx context.Context, node process.Identity, programs programs, network network) error {
	if err := c.loadPauseImage(ctx, programs, node); err != nil {
		return c.explain(err)
	}
	if err := c.waitReady(ctx, node); err != nil {
		return err
	}
	return c.askServer(ctx, &Status{Server: network.server()})
}

// startNode starts this program again as the first process of new namespaces. It leads a session of its own and goes on
// when this command ends.
func (c *Cluster) startNode(programs programs) (process.Identity, error) {
	stale, err := filepath.Glob(filepath.Join(c.LogDir(), "*.log"))
	if err != nil {
		return process.Identity{}, err
	}
	for _, file := range append(stale, c.path("state.json")) {
		if err := os.RemoveAll(file); err != nil {
			return process.Identity{}, err
		}
	}
	output, err := os.Create(filepath.Join(c.LogDir(), "node.log"))
	if err != nil {
		return process.Identity{}, err
	}
	defer output.Close()

	if err := keepDescriptors(); err != nil {
		return process.Identity{}, err
	}
	command := exec.Command("/proc/self/exe", NodeCommand, c.path("node.json"))
	command.Args[0] = "localcluster"
	command.Dir = "/"
	command.Stdout, command.Stderr = output, output
	command.Env = []string{
		"HOME=/root",
		// containerd finds its shim, and the shim runc, by PATH.
		"PATH=" + programs.containerd + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	}
	if err := command.Start(); err != nil {
		return process.Identity{}, fmt.Errorf("start the node in namespaces of its own: %w", err)
	}
	go func() { _ = command.Wait() }() // no zombie while this command runs
	return process.Identify(command.Process.Pid)
}

// keepDescriptors lets no program inherit the open files of this command: a lock that its caller holds would be held as
// long as the node runs.
func keepDescriptors() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range open {
		if descriptor, err := strconv.Atoi(entry.Name()); err == nil && descriptor > 2 {
			syscall.CloseOnExec(descriptor)
		}
	}
	return nil
}

func (c *Cluster) loadPauseImage(ctx context.Context, programs programs, node process.Identity) error {
	archive, err := os.CreateTemp("", "localcluster-pause-*.tar")
	if err != nil {
		return err
	}
	defer os.Remove(archive.Name())
	err = errors.Join(images.PackProgram(archive, pauseImage, filepath.Join(programs.pause, "pause")), archive.Close())
	if err != nil {
		return err
	}
	store := images.Store{
		Client: filepath.Join(programs.containerd, "ctr"),
		Socket: fmt.Sprintf("/proc/%d/root/run/containerd/containerd.sock", node.PID),
	}
	for {
		_, _, err := store.Load(ctx, archive.Name())
		if err == nil {
			return nil
		}
		if !node.Running() {
			return errors.New("the node has ended")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd: %w: %w", context.Cause(ctx), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// waitReady waits until the node says that it is ready. It gives up when ctx ends, when the node ends, or when one of its
// components does so again and again.
func (c *Cluster) waitReady(ctx context.Context, first process.Identity) error {
	waiting := "the node"
	for {
		state, err := node.ReadState(c.path("state.json"))
		switch {
		case err == nil && state.Ready:
			return nil
		case err == nil:
			waiting = state.Waiting
		}
		if !first.Running() {
			return c.explain(errors.New("the node has ended"))
		}
		for _, component := range state.Components {
			if component.Exits >= tooManyExits {
				return c.explain(fmt.Errorf("%s ended %d times, last with %s", component.Name, component.Exits, component.LastExit))
			}
		}
		select {
		case <-ctx.Done():
			return c.explain(fmt.Errorf("%w: waiting for %s", context.Cause(ctx), waiting))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// explain adds the end of the log that most probably has the reason: that of the component which ended most often, else
// that of the node itself.
func (c *Cluster) explain(err error) error {
	culprit, exits := "node", 0
	if state, err := node.ReadState(c.path("state.json")); err == nil {
		for _, component := range state.Components {
			if component.Exits > exits {
				culprit, exits = component.Name, component.Exits
			}
		}
	}
	return fmt.Errorf("%w; the end of `localcluster logs %s`:\n%s",
		err, culprit, process.Tail(filepath.Join(c.LogDir(), culprit+".log"), 20))
}
