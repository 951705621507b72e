// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStateIsReadAsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	written := State{Waiting: "DNS", Components: []ComponentState{{Name: "etcd", PID: 7, Exits: 1, LastExit: "exit status 1"}}}
	if err := written.write(file); err != nil {
		t.Fatal(err)
	}
	read, err := ReadState(file)
	if err != nil || read.Waiting != "DNS" || len(read.Components) != 1 || read.Components[0] != written.Components[0] {
		t.Errorf("got %+v, %v", read, err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("left beside the state: %v, %v", entries, err)
	}
	if _, err := ReadState(file + "-missing"); err == nil {
		t.Error("want an error for a missing file")
	}
}

func TestOpenBelow(t *testing.T) {
	root := t.TempDir()
	hidden, visible, similar := filepath.Join(root, "run", "cache"), filepath.Join(root, "home"), filepath.Join(root, "running")
	for _, dir := range []string{hidden, visible, similar} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	files, err := openBelow(filepath.Join(root, "run"), []string{hidden, visible, similar})
	if err != nil || len(files) != 1 || files[0].Name() != hidden {
		t.Fatalf("got %v, %v", files, err)
	}
	_ = files[0].Close()
}

func TestRunRefusesToRunOutsideOfItsNamespaces(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "node.json")
	if err := os.WriteFile(spec, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), spec, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "localcluster up") {
		t.Errorf("got %v", err)
	}
	if err := Run(t.Context(), spec+"-missing", &bytes.Buffer{}); err == nil {
		t.Error("want an error for a missing specification")
	}
}

// The supervisor collects all children of its process, so no other test of this package may start any.
func TestSupervisorRestartsWhatEnds(t *testing.T) {
	dir := t.TempDir()
	spec := &Spec{
		LogDir:    dir,
		StateFile: filepath.Join(dir, "state.json"),
		Components: []Component{
			// Leaves an orphan behind, which must not count as the component.
			{Name: "failing", Program: "/bin/sh", Arguments: []string{"-c", "echo started; (sleep 0.01 &) ; exit 3"}},
			{Name: "lasting", Program: "/bin/sleep", Arguments: []string{"600"}},
			{Name: "missing", Program: "/nowhere/program"},
		},
	}
	s := newSupervisor(spec, &bytes.Buffer{})
	go s.reap()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for index := range spec.Components {
		go s.supervise(ctx, index, func(context.Context) error { return nil })
	}

	var state State
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing was started again: %+v", state)
		}
		var err error
		if state, err = ReadState(spec.StateFile); err == nil &&
			state.Components[0].Exits >= 2 && state.Components[1].PID != 0 && state.Components[2].Exits >= 1 {
			break
		}
	}
	if state.Ready || state.Waiting == "" {
		t.Errorf("a node with an ended component counts as ready: %+v", state)
	}
	failing, lasting, missing := state.Components[0], state.Components[1], state.Components[2]
	if failing.LastExit != "exit status 3" {
		t.Errorf("failing: %+v", failing)
	}
	if lasting.Exits != 0 {
		t.Errorf("lasting: %+v", lasting)
	}
	if !strings.Contains(missing.LastExit, "no such file") {
		t.Errorf("missing: %+v", missing)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "failing.log")); err != nil || !strings.HasPrefix(string(log), "started\nstarted\n") {
		t.Errorf("log is %q, %v", log, err)
	}

	cancel()
	if err := syscall.Kill(lasting.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		state, err := ReadState(spec.StateFile)
		if err == nil && state.Components[1].LastExit == "killed by signal: killed" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the end of a component was not noticed: %+v, %v", state, err)
		}
	}
}

func TestNewChecksNeedsCredentials(t *testing.T) {
	if _, err := newChecks(Readiness{AuthorityFile: "/nowhere/ca.crt"}); err == nil {
		t.Error("want an error")
	}
}

func TestProxyHealthy(t *testing.T) {
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(status) }))
	defer server.Close()
	c := &checks{readiness: Readiness{ProxyHealthURL: server.URL}}
	if err := c.proxyHealthy(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
	status = http.StatusOK
	if err := c.proxyHealthy(t.Context()); err != nil {
		t.Error(err)
	}
}
