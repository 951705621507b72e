// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cgroupHierarchies returns the mount points of the control groups: one with version 2, one for each controller with
// version 1, both with a hybrid.
func cgroupHierarchies() ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("control groups: %w", err)
	}
	hierarchies := parseCgroupMounts(string(mounts))
	if len(hierarchies) == 0 {
		return nil, errors.New("control groups are not mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup")
	}
	return hierarchies, nil
}

// parseCgroupMounts reads /proc/mounts: device, mount point, type, options, two zeros.
func parseCgroupMounts(mounts string) []string {
	var hierarchies []string
	for line := range strings.Lines(mounts) {
		if fields := strings.Fields(line); len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			hierarchies = append(hierarchies, fields[1])
		}
	}
	return hierarchies
}

// The share of the processors that the group gets when others want them too. Without it, all threads of all pods get as
// much as one thread outside: a Spark driver beside a busy compiler would need minutes to start. With much more, they would
// starve the API server and the kubelet.
var cgroupShares = map[string]string{
	"cpu.weight": "400",  // version 2; one group has 100
	"cpu.shares": "4096", // version 1; one thread has 1024
}

// createCgroups makes the group below which the kubelet makes those of the pods; the kubelet demands that it exists.
func (c *Cluster) createCgroups() error {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, hierarchy := range hierarchies {
		group := filepath.Join(hierarchy, c.cgroupName())
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("control group of the cluster: %w", err)
		}
		if err := setShares(group); err != nil {
			return fmt.Errorf("control group of the cluster: %w", err)
		}
	}
	return nil
}

// setShares writes the files of cgroupShares that a group has: those of other controllers have none.
func setShares(group string) error {
	for name, value := range cgroupShares {
		file, err := os.OpenFile(filepath.Join(group, name), os.O_WRONLY|os.O_TRUNC, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = file.WriteString(value)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes the cluster's groups, which the kernel allows once their last process is gone.
func (c *Cluster) removeCgroups(ctx context.Context) error {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, hierarchy := range hierarchies {
		root := filepath.Join(hierarchy, c.cgroupName())
		for {
			err := removeCgroup(root)
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.EBUSY) {
				return fmt.Errorf("control group of the cluster: %w", err)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("control group of the cluster: %w", err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// removeCgroup removes a group with all below it, the deepest first. Only the folders are removed: the files in them are
// the kernel's.
func removeCgroup(root string) error {
	var groups []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, group := range slices.Backward(groups) {
		if err := syscall.Rmdir(group); err != nil && !errors.Is(err, syscall.ENOENT) {
			return &fs.PathError{Op: "rmdir", Path: group, Err: err}
		}
	}
	return nil
}
