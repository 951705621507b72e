// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Child is a program that, on Linux, the kernel kills when this process dies, however it dies.
type Child struct {
	name    string
	logFile string
	command *exec.Cmd
	exited  chan struct{} // closed when the child is gone and waitErr is set
	waitErr error
}

// StartChild starts a program with its output appended to logFile.
func StartChild(program string, arguments []string, logFile string) (*Child, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", filepath.Base(program), err)
	}
	defer log.Close()

	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = childAttributes()

	child := &Child{name: filepath.Base(program), logFile: logFile, command: command, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that started the child ends, so the thread is kept
		// for as long as the child lives (golang/go#27505).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			child.waitErr = command.Wait()
			close(child.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", child.name, err)
	}
	return child, nil
}

// PID is the child's process id. It stays the child's until the child has been stopped.
func (c *Child) PID() int { return c.command.Process.Pid }

// LogFile is the file that the child writes its output to.
func (c *Child) LogFile() string { return c.logFile }

// Exited is closed when the child is gone.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Failure describes a child that is gone: its exit status and the end of its log.
// It must not be called before Exited is closed.
func (c *Child) Failure() error {
	status := "exit status 0"
	if c.waitErr != nil {
		status = c.waitErr.Error()
	}
	return fmt.Errorf("%s ended (%s); the end of its log:\n%s", c.name, status, Tail(c.logFile, 20))
}

// Stop asks the child to end and kills it if it has not done so within grace; a grace of zero kills at once.
// Stopping a child that is already gone is no error.
func (c *Child) Stop(grace time.Duration) error {
	if grace > 0 {
		if err := c.signal(syscall.SIGTERM); err != nil {
			return err
		}
		select {
		case <-c.exited:
			return nil
		case <-time.After(grace):
		}
	}
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-c.exited
	return nil
}

func (c *Child) signal(signal os.Signal) error {
	if err := c.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	return nil
}
