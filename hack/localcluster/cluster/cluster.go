// SPDX-License-Identifier: Apache-2.0

// Package cluster is the host's side of a local cluster: it prepares the files, starts the node (see package node), gives
// it a network and takes everything away again.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spark-operator/spark-operator/hack/localcluster/build"
	"github.com/spark-operator/spark-operator/hack/localcluster/filelock"
	"github.com/spark-operator/spark-operator/hack/localcluster/images"
	"github.com/spark-operator/spark-operator/hack/localcluster/process"
)

// Cluster is a local cluster, which may or may not be running. All that is known of it is in its folder:
//
//	cluster.json  the process and the network of the node
//	config/       configuration and certificates
//	kubeconfig    access for the user
//	node.json     what the node is started from
//	state.json    what the node reports
//	etcd/           objects
//	kubelet/        volumes of the pods
//	pod-logs/       logs of the pods
//	containerd/     images; they survive `down`
//	logs/           one file for each component, of the last run; they survive `down`
type Cluster struct {
	name string
	dir  string
}

// record is the content of cluster.json.
type record struct {
	// Node is the first process of the node.
	Node process.Identity `json:"node"`
	// Subnet is the number of the network between host and node; see network.
	Subnet int `json:"subnet"`
}

// Open returns the cluster with the given name. An empty folder means one in the user's cache. It starts nothing.
func Open(name, dir string) (*Cluster, error) {
	if !regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`).MatchString(name) {
		return nil, fmt.Errorf("cluster name %q: want at most 40 of a-z, 0-9 and -, not beginning or ending with -", name)
	}
	if dir == "" {
		cache, err := build.CacheDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(cache, "clusters", name)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Cluster{name: name, dir: dir}, nil
}

// Kubeconfig is the path of the kubeconfig file, which exists while the cluster does.
func (c *Cluster) Kubeconfig() string { return c.path("kubeconfig") }

// LogDir is the folder with one log file for each component.
func (c *Cluster) LogDir() string { return c.path("logs") }

func (c *Cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// cgroupName is the name of the cluster's control group in each hierarchy.
func (c *Cluster) cgroupName() string { return "localcluster-" + c.name }

// Running returns the process id of the node's first process, or an error if the cluster is down.
func (c *Cluster) Running() (int, error) {
	record, err := c.readRecord()
	if err != nil {
		return 0, err
	}
	if !record.Node.Running() {
		return 0, fmt.Errorf("cluster %s is down: start it with `localcluster up`", c.name)
	}
	return record.Node.PID, nil
}

// Images returns the image store of the running cluster.
func (c *Cluster) Images(ctx context.Context, builder *build.Builder) (images.Store, error) {
	pid, err := c.Running()
	if err != nil {
		return images.Store{}, err
	}
	programs, err := builder.Ensure(ctx, build.Containerd())
	if err != nil {
		return images.Store{}, err
	}
	return images.Store{
		Client: filepath.Join(programs, "ctr"),
		// The node's file system, seen from the host.
		Socket: fmt.Sprintf("/proc/%d/root/run/containerd/containerd.sock", pid),
	}, nil
}

// lock keeps other commands from changing the cluster at the same time.
func (c *Cluster) lock(ctx context.Context) (*filelock.Lock, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := filelock.Wait(ctx, c.path("lock"), func() {})
	if err != nil {
		return nil, fmt.Errorf("another localcluster command is changing cluster %s: %w", c.name, err)
	}
	return lock, nil
}

// readRecord returns the zero record if the cluster is down.
func (c *Cluster) readRecord() (record, error) {
	var record record
	content, err := os.ReadFile(c.path("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return record, nil
	}
	if err != nil {
		return record, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	if err := json.Unmarshal(content, &record); err != nil {
		return record, fmt.Errorf("cluster %s: %s: %w", c.name, c.path("cluster.json"), err)
	}
	return record, nil
}

func (c *Cluster) writeRecord(record record) error {
	content, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	// In one step: without the record a running node could not be found again.
	temporary := c.path(".cluster.json")
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, c.path("cluster.json"))
}
