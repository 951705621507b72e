// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// started runs a script in place of the operator and waits until it has logged its
// arguments.
func started(t *testing.T, script string, flags ...string) *Process {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "operator")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := Start(Options{Binary: binary, Kubeconfig: "config", Log: filepath.Join(folder, "log"), Flags: flags, Env: []string{"PLANET=mars"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	for begun := time.Now(); !strings.Contains(p.Log(), "\n"); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the process logs nothing")
		}
	}
	return p
}

// TestKill: a killed process is gone, and may be killed again.
func TestKill(t *testing.T) {
	p := started(t, "echo $PLANET \"$@\"\nexec sleep 60\n", "--namespaces", "a")
	const want = "mars controller start --kubeconfig config --metrics-bind-address 0 --health-probe-bind-address 0 --namespaces a"
	if got := p.Tail(1); got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	p.Kill()
	select {
	case <-p.Ended():
	default:
		t.Error("the process has not ended")
	}
	p.Kill()
}

// TestStop: a process that ends by itself after SIGTERM has stopped well, and one that
// ends with an exit code has not.
func TestStop(t *testing.T) {
	const script = "trap 'exit CODE' TERM\necho ready\nwhile :; do sleep 0.01; done\n"
	if err := started(t, strings.Replace(script, "CODE", "0", 1)).Stop(); err != nil {
		t.Error(err)
	}
	err := started(t, strings.Replace(script, "CODE", "3", 1)).Stop()
	if err == nil || !strings.Contains(err.Error(), "exit code 3") || !strings.Contains(err.Error(), "ready") {
		t.Errorf("got %v", err)
	}
}
