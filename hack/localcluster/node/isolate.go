// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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

	var targets []string
	for _, mount := range mounts {
		targets = append(targets, mount.Target)
	}
	kept, err := openHidden(keep, targets)
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if err := mount.do(); err != nil {
			return err
		}
	}
	for _, folder := range kept {
		if err := (Mount{Source: fmt.Sprintf("/proc/self/fd/%d", folder.Fd()), Target: folder.Name()}).do(); err != nil {
			return err
		}
		_ = folder.Close()
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

// openHidden opens the folders of keep that lie below one of the targets: once something is mounted on the target, the
// open file is the only way to them.
func openHidden(keep, targets []string) ([]*os.File, error) {
	var files []*os.File
	for _, folder := range keep {
		for _, target := range targets {
			relative, err := filepath.Rel(target, folder)
			if err != nil || relative == ".." || strings.HasPrefix(relative, "../") {
				continue
			}
			file, err := os.Open(folder)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
			break
		}
	}
	return files, nil
}

// configureNetwork waits for the interface that the host moves into the node and configures it.
func configureNetwork(ctx context.Context, network Network) error {
	if err := ip("link", "set", "lo", "up"); err != nil {
		return err
	}
	for _, address := range network.LoopbackAddresses {
		if err := ip("address", "add", address, "dev", "lo"); err != nil {
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
		if err := ip(command...); err != nil {
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

func ip(arguments ...string) error {
	if output, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
