// SPDX-License-Identifier: Apache-2.0

// Package crd holds the CRDs of the operator, for programs that install them.
package crd

import "embed"

// Files are the CRDs, one in each file.
//
//go:embed sparkoperator.*.yaml
var Files embed.FS
