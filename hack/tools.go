// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package hack pins the modules that only hack/update-codegen.sh uses.
package hack

import (
	_ "k8s.io/code-generator"
	_ "k8s.io/kube-openapi/pkg/common"
)
