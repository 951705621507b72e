// SPDX-License-Identifier: Apache-2.0

// Package operator runs the operator's binary as users run it and asks it, from
// outside, what it does.
package operator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options are how to run the operator.
type Options struct {
	// Binary is the operator's. Kubeconfig is how it reaches the API server.
	Binary, Kubeconfig string
	// Log is the file to which its log is appended.
	Log string
	// Command is the command of the binary; "controller start" if empty.
	Command []string
	// Flags follow those of this package, so they win. Env is added to the environment,
	// as NAME=value.
	Flags, Env []string
	// Endpoints lets it serve metrics, profiles and probes on free ports of loopback.
	// Without it, it listens nowhere.
	Endpoints bool
}

// Process is a running operator.
type Process struct {
	command *exec.Cmd
	log     string
	// URLs; empty without Options.Endpoints.
	metrics, profiles, ready string
	ended                    chan struct{}
}

// startMax is how long an operator may take to fill its caches: with 10,000
// applications, and where other programs use the machine, too.
const startMax = 3 * time.Minute

// Start runs the binary and does not wait for anything. The process dies with this one.
func Start(options Options) (*Process, error) {
	log, err := os.OpenFile(options.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of the operator: %w", err)
	}
	defer log.Close()
	p := &Process{log: log.Name(), ended: make(chan struct{})}
	arguments := []string{"controller", "start"}
	if len(options.Command) > 0 {
		arguments = slices.Clone(options.Command)
	}
	arguments = append(arguments, "--kubeconfig", options.Kubeconfig)
	if options.Endpoints {
		addresses, err := freeAddresses(3)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, "--enable-metrics", "--metrics-bind-address", addresses[0],
			"--pprof-bind-address", addresses[1], "--health-probe-bind-address", addresses[2])
		p.metrics, p.profiles, p.ready = "http://"+addresses[0]+"/metrics", "http://"+addresses[1]+"/debug/pprof/", "http://"+addresses[2]+"/readyz"
	} else {
		arguments = append(arguments, "--metrics-bind-address", "0", "--health-probe-bind-address", "0")
	}
	p.command = exec.Command(options.Binary, append(arguments, options.Flags...)...)
	p.command.Stdout, p.command.Stderr = log, log
	p.command.Env = append(os.Environ(), options.Env...)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel sends the signal when the thread ends that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the operator: %w", err)
	}
	return p, nil
}

// StartReady runs the binary with Options.Endpoints and returns when its caches are
// filled.
func StartReady(ctx context.Context, options Options) (*Process, error) {
	options.Endpoints = true
	p, err := Start(options)
	if err != nil {
		return nil, err
	}
	if err := p.waitReady(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

func (p *Process) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startMax)
	defer cancel()
	for {
		if response, err := get(ctx, p.ready); err == nil {
			_ = response.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the operator is not ready: %w; its log ends with\n%s", context.Cause(ctx), p.Tail(20))
		case <-p.ended:
			return fmt.Errorf("the operator has ended; its log ends with\n%s", p.Tail(20))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddresses returns loopback addresses without a listener.
func freeAddresses(count int) ([]string, error) {
	var addresses []string
	for range count {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close() // all stay taken until all are chosen
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Kill ends the process by SIGKILL and waits for its end. It may be repeated.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// Stop asks the process to end and returns how it did.
func (p *Process) Stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(40 * time.Second):
		p.Kill()
		return fmt.Errorf("the operator did not end within 40 s of SIGTERM")
	}
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the operator ended with exit code %d; its log ends with\n%s", code, p.Tail(20))
	}
	return nil
}

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Profiles is the URL where package net/http/pprof serves profiles of the process.
func (p *Process) Profiles() string { return p.profiles }

// Log is all that the process has logged.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Tail is the end of the log.
func (p *Process) Tail(lines int) string {
	all := strings.Split(strings.TrimRight(p.Log(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return response, nil
}
