// SPDX-License-Identifier: Apache-2.0

// Command containerd-shim-runc-v2 is the parent process of each pod's containers. It is a binary of its own because its
// plugins register in the same process-wide registry as those of containerd.
package main

import (
	"context"

	"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/manager"
	_ "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/task/plugin"
	"github.com/containerd/containerd/v2/pkg/shim"
)

func main() {
	shim.RunShim(context.Background(), manager.NewShimManager("io.containerd.runc.v2"))
}
