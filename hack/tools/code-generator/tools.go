// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package tools pins the modules of which hack/update-codegen.sh needs the sources.
package tools

import (
	_ "k8s.io/code-generator"
	_ "k8s.io/kube-openapi/pkg/common"
)
