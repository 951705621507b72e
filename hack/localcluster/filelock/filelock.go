// SPDX-License-Identifier: Apache-2.0

// Package filelock keeps processes from doing the same thing at the same time. The locks are flock(2)'s: the kernel releases
// them when their holder dies, so none is ever left over.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrHeld is the error of Try when another process, or another Lock of this one, holds the lock.
var ErrHeld = errors.New("the lock is held")

// Lock is a lock that is held until Release.
type Lock struct {
	file *os.File
}

// Try takes the lock on a file, which it creates if need be, or fails with ErrHeld.
func Try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &Lock{file: file}, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrHeld
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Wait takes the lock on a file, waiting for it until the context ends. It calls onWait once if it has to wait.
func Wait(ctx context.Context, path string, onWait func()) (*Lock, error) {
	for waited := false; ; waited = true {
		lock, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		if !waited {
			onWait()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Release gives the lock up. The file stays: to remove it would let two processes lock two files of the same name.
func (l *Lock) Release() { _ = l.file.Close() }
