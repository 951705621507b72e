// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // lines for people to read, in a file of the node
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// networkTimeout bounds the time between the start of the node and the arrival of its interface.
	networkTimeout = 20 * time.Second
	// A component that ends is started again after firstRestart, then after twice that, and so on up to lastRestart.
	firstRestart = 500 * time.Millisecond
	lastRestart  = 10 * time.Second
	// stableAfter is how long a component must have run for its next restart to count as the first.
	stableAfter = time.Minute
)

// Run is the main function of the node's first process. It returns only if the node cannot be started or ctx ends; the
// kernel then ends everything on the node. The writer gets what the supervisor itself has to say.
func Run(ctx context.Context, specFile string, writer io.Writer) error {
	content, err := os.ReadFile(specFile)
	if err != nil {
		return fmt.Errorf("specification of the node: %w", err)
	}
	var spec Spec
	if err := json.Unmarshal(content, &spec); err != nil {
		return fmt.Errorf("specification of the node: %s: %w", specFile, err)
	}
	if os.Getpid() != 1 {
		return errors.New("the node must be the first process of a process namespace: start it with `localcluster up`")
	}

	s := newSupervisor(&spec, writer)
	s.publish()
	starting, cancel := context.WithTimeout(ctx, networkTimeout)
	err = isolate(starting, &spec)
	cancel()
	if err != nil {
		return err
	}
	checks, err := newChecks(spec.Readiness)
	if err != nil {
		return err
	}

	go s.reap()
	for index, component := range spec.Components {
		go s.supervise(ctx, index, func(ctx context.Context) error {
			if component.NeedsAPI {
				return checks.waitAPI(ctx)
			}
			return nil
		})
	}
	s.watchReadiness(ctx, checks)
	return nil
}

// supervisor starts processes and collects them when they end. It does both with system calls of its own instead of
// os/exec, because the first process of a namespace also has to collect orphans that it never started, and os/exec cannot
// wait for one child while another goroutine waits for all.
type supervisor struct {
	spec *Spec
	log  *log.Logger

	mu      sync.Mutex
	state   State
	exits   map[int]chan syscall.WaitStatus // of running components, by process id
	started chan struct{}                   // wakes reap after it found no children
	ended   chan struct{}                   // wakes watchReadiness
}

func newSupervisor(spec *Spec, writer io.Writer) *supervisor {
	s := &supervisor{
		spec:    spec,
		log:     log.New(writer, "", log.LstdFlags|log.LUTC),
		exits:   make(map[int]chan syscall.WaitStatus),
		started: make(chan struct{}, 1),
		ended:   make(chan struct{}, 1),
	}
	s.state.Waiting = "network"
	for _, component := range spec.Components {
		s.state.Components = append(s.state.Components, ComponentState{Name: component.Name})
	}
	return s
}

// supervise keeps one component running until ctx ends.
func (s *supervisor) supervise(ctx context.Context, index int, wait func(context.Context) error) {
	pause := firstRestart
	for {
		if err := wait(ctx); err != nil {
			return
		}
		start := time.Now()
		outcome := s.runOnce(index)
		s.update(func(state *State) {
			component := &state.Components[index]
			component.PID, component.LastExit = 0, outcome
			component.Exits++
			state.Ready, state.Waiting = false, component.Name+" has ended: "+outcome
		})
		s.wake(s.ended)
		s.log.Printf("%s ended: %s", s.spec.Components[index].Name, outcome)

		if time.Since(start) > stableAfter {
			pause = firstRestart
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRestart)
	}
}

// runOnce starts a component, waits until it ends and says how.
func (s *supervisor) runOnce(index int) string {
	component := s.spec.Components[index]
	exit := make(chan syscall.WaitStatus, 1)
	pid, err := s.start(component, exit)
	if err != nil {
		return err.Error()
	}
	s.update(func(state *State) { state.Components[index].PID = pid })
	s.log.Printf("%s started with process id %d", component.Name, pid)
	return describe(<-exit)
}

func (s *supervisor) start(component Component, exit chan syscall.WaitStatus) (int, error) {
	output, err := os.OpenFile(filepath.Join(s.spec.LogDir, component.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer output.Close()
	input, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer input.Close()

	s.mu.Lock() // until the process is registered, reap must not look for it
	defer s.mu.Unlock()
	pid, err := syscall.ForkExec(component.Program, append([]string{component.Program}, component.Arguments...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []uintptr{input.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", component.Program, err)
	}
	s.exits[pid] = exit
	s.wake(s.started)
	return pid, nil
}

// wake makes the reader of a channel look again, once or more, after this moment.
func (s *supervisor) wake(reader chan struct{}) {
	select {
	case reader <- struct{}{}:
	default: // it has not yet looked since it was last woken
	}
}

// reap collects every process that ends: components, and orphans such as the shims of containerd.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil: // no children at the moment
			<-s.started
			continue
		}
		s.mu.Lock()
		exit := s.exits[pid]
		delete(s.exits, pid)
		s.mu.Unlock()
		if exit != nil {
			exit <- status
		}
	}
}

// watchReadiness checks the node, often until it is ready and from time to time afterwards, until ctx ends.
func (s *supervisor) watchReadiness(ctx context.Context, checks *checks) {
	const often, seldom = 200 * time.Millisecond, 5 * time.Second
	for {
		err := checks.ready(ctx)
		s.update(func(state *State) {
			state.Ready, state.Waiting = err == nil, ""
			if err != nil {
				state.Waiting = err.Error()
			}
		})
		interval := often
		if err == nil {
			interval = seldom
		}
		select {
		case <-ctx.Done():
			return
		case <-s.ended:
		case <-time.After(interval):
		}
	}
}

func (s *supervisor) update(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, _ := json.Marshal(s.state)
	change(&s.state)
	after, _ := json.Marshal(s.state)
	if string(before) != string(after) {
		s.publishLocked()
	}
}

func (s *supervisor) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publishLocked()
}

func (s *supervisor) publishLocked() {
	if err := s.state.write(s.spec.StateFile); err != nil {
		s.log.Printf("write the state of the node: %v", err)
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "killed by signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}
