// SPDX-License-Identifier: Apache-2.0

// Package lifecycle leads applications through their whole lives on an API server
// that has no node: a World plays kubelet, Spark and the user in one namespace,
// and notes every driver that comes into being. Whoever runs an operator on it may
// disturb that operator in any way: each life must take its course all the same,
// with exactly one driver for each run, and leave nothing behind.
package lifecycle
