// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/iproute"
)

// isolate turns the namespaces that the process was started in into a node: its own mounts, its own network.
func isolate(ctx context.Context, spec *Spec) error {
	if err := mountAll(spec.Mounts, spec.Keep); err != nil {
		return err
	}
	return configureNetwork(ctx, spec.Network)
}

func mountAll(mounts []Mount, keep []string) error {
	// First cut the tie to the host's mounts; then share within, which mount propagation into containers needs.
	for _, propagation := range []uintptr{syscall.MS_PRIVATE, syscall.MS_SHARED} {
		if err := syscall.Mount("", "/", "", propagation|syscall.MS_REC, ""); err != nil {
			return fmt.Errorf("separate the mounts of the node from the host's: %w", err)
		}
	}
	// /proc must show the processes of the node, not the host's.
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}

	for _, mount := range mounts {
		var hidden []*os.File
		if mount.Source == "" {
			var err error
			if hidden, err = openBelow(mount.Target, keep); err != nil {
				return err
			}
		}
		if err := mount.do(); err != nil {
			return err
		}
		for _, folder := range hidden {
			again := Mount{Source: fmt.Sprintf("/proc/self/fd/%d", folder.Fd()), Target: folder.Name()}
			if err := again.do(); err != nil {
				return err
			}
			_ = folder.Close()
		}
	}
	return nil
}

func (m Mount) do() error {
	if err := os.MkdirAll(m.Target, 0o755); err != nil {
		return fmt.Errorf("mount %s: %w", m.Target, err)
	}
	var err error
	if m.Source == "" {
		err = syscall.Mount("tmpfs", m.Target, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0755")
	} else {
		err = syscall.Mount(m.Source, m.Target, "", syscall.MS_BIND|syscall.MS_REC, "")
	}
	if err != nil {
		return fmt.Errorf("mount %s: %w", m.Target, err)
	}
	return nil
}

// openBelow opens those of the folders that are below the target: once something is mounted there, the open file is the only
// way to them.
func openBelow(target string, folders []string) ([]*os.File, error) {
	var files []*os.File
	for _, folder := range folders {
		if !strings.HasPrefix(folder, strings.TrimSuffix(target, "/")+"/") {
			continue
		}
		file, err := os.Open(folder)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// configureNetwork waits for the interface that the host moves into the node and configures it.
func configureNetwork(ctx context.Context, network Network) error {
	if err := iproute.Run("link", "set", "lo", "up"); err != nil {
		return err
	}
	for _, address := range network.LoopbackAddresses {
		if err := iproute.Run("address", "add", address, "dev", "lo"); err != nil {
			return err
		}
	}
	for {
		if _, err := net.InterfaceByName(network.Interface); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the host did not give the node its interface %s: %w", network.Interface, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	for _, command := range [][]string{
		{"address", "add", network.Address, "dev", network.Interface},
		{"link", "set", network.Interface, "up"},
		{"route", "add", "default", "via", network.Gateway},
	} {
		if err := iproute.Run(command...); err != nil {
			return err
		}
	}
	for file, value := range network.Sysctls {
		err := os.WriteFile(filepath.Join("/proc/sys", file), []byte(value), 0o644)
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("set sysctl: %w", err)
		}
	}
	return nil
}
