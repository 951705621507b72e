// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// debianPackages says which Debian package brings what the commands here run.
func debianPackages() map[string]string {
	return map[string]string{
		"mmdebstrap": "mmdebstrap",
		"python3":    "python3-pip",
		"javac":      "openjdk-17-jdk-headless",
		"apt-get":    "apt",
		"apt-config": "apt",
	}
}

// runCommand runs a program with env added to the environment and returns its standard output.
// Its error ends with the message of the program.
func runCommand(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	if err := streamCommand(ctx, env, func(command *exec.Cmd) { command.Stdout = &out }, name, args...); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// streamCommand is runCommand for callers that wire standard output themselves, in prepare.
func streamCommand(ctx context.Context, env []string, prepare func(*exec.Cmd), name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), env...)
	// A terminated mmdebstrap or pip removes its temporary files; a killed one leaves them.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 20 * time.Second
	var complaint bytes.Buffer
	command.Stderr = &complaint
	prepare(command)
	err := command.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed; run: apt-get install %s", name, debianPackages()[name])
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	if err != nil && strings.Contains(complaint.String(), "No module named pip") {
		return errors.New("python3 has no pip; run: apt-get install python3-pip")
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, reason(complaint.String()))
	}
	return nil
}

// reason returns the line of text, the error output of a program, that best explains the failure: the last that is
// marked as an error in the way of apt, pip or javac, otherwise the last.
func reason(text string) string {
	var last, marked string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "ERROR: ") || strings.Contains(line, ": error: ") {
			marked = line
		}
	}
	return cmp.Or(marked, last, "no error message")
}
