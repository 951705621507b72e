// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A lock of the caller of `localcluster up` is free when the caller ends, although the
// node goes on.
func TestProgramsInheritNoLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	descriptor, err := syscall.Open(path, syscall.O_CREAT|syscall.O_RDWR, 0o600) // without O_CLOEXEC, as shells open
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(descriptor)
	held := func() bool {
		return exec.Command("test", "-e", fmt.Sprintf("/proc/self/fd/%d", descriptor)).Run() == nil
	}
	if !held() {
		t.Fatal("the descriptor is not inherited, so this test proves nothing")
	}
	if err := keepDescriptors(); err != nil {
		t.Fatal(err)
	}
	if held() {
		t.Error("the descriptor is inherited")
	}
}
