// SPDX-License-Identifier: Apache-2.0

package process

import "syscall"

// childAttributes makes the kernel kill the child when the thread that started it ends. The child leads a group of its own,
// so that the terminal's Ctrl-C reaches it only through us.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
