// SPDX-License-Identifier: Apache-2.0

// Package iproute runs the program ip of Debian's package iproute2.
package iproute

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// Run runs ip with the arguments, in the network namespace of the caller. The error has the whole command and its output.
func Run(arguments ...string) error {
	if output, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(arguments, " "), err, bytes.TrimSpace(output))
	}
	return nil
}
