// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/filelock"
)

const directoryPrefix = "spark-operator-controlplane-"

// youngDirectory is how long a folder may exist before it is locked; it is only swept when older.
const youngDirectory = time.Minute

// directory is a temporary folder that belongs to one process for as long as that process holds the lock inside. The
// kernel releases the lock with the process, so a locked folder belongs to a live process.
type directory struct {
	path string
	lock *filelock.Lock
}

func newDirectory() (*directory, error) {
	sweep(os.TempDir(), time.Now())
	path, err := os.MkdirTemp("", directoryPrefix)
	if err != nil {
		return nil, fmt.Errorf("folder of the control plane: %w", err)
	}
	lock, err := lockDirectory(path)
	if err != nil {
		_ = os.RemoveAll(path)
		return nil, fmt.Errorf("folder of the control plane: %w", err)
	}
	return &directory{path: path, lock: lock}, nil
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

func (d *directory) remove() error {
	err := os.RemoveAll(d.path)
	d.lock.Release()
	return err
}

// sweep removes the folders that processes left behind when they were killed. It is best effort: what cannot be removed,
// for instance because it is another user's, stays.
func sweep(parent string, now time.Time) {
	paths, err := filepath.Glob(filepath.Join(parent, directoryPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || now.Sub(info.ModTime()) < youngDirectory {
			continue
		}
		if lock, err := lockDirectory(path); err == nil {
			_ = os.RemoveAll(path)
			lock.Release()
		}
	}
}

func lockDirectory(path string) (*filelock.Lock, error) {
	return filelock.Try(filepath.Join(path, "lock"))
}
