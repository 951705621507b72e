// SPDX-License-Identifier: Apache-2.0

// Package connect runs Spark Connect servers.
//
// Each sync of a SparkConnect has five steps: observe (caches only), decide (pure: the
// first row of the state table that applies), execute (requests), conclude (pure) and
// commit (one compare-and-swap of the status, then events and metrics). Read the files in
// this order:
//
//	phase.go, table.go, guards.go, effects.go   the state table
//	observe.go, decide.go                       what is seen, which row applies
//	execute.go, create.go, remove.go            the actions
//	conclude.go, conditions.go, commit.go       what the status says afterwards
//	idle.go                                     how the probes of a server get into all that
//
// What makes it exact:
//
//   - The name of the server pod is a lock: there is one server at most. A pod that has the
//     name is adopted if the SparkConnect controls it. Pods, Services and ConfigMaps of
//     others are reported and never touched.
//   - The ids of a server follow from the UID of the SparkConnect and the number of its
//     servers so far, so a repeated start creates the same objects.
//   - A stop is written to the status before the pod is deleted, so that it is counted and
//     reported once. Pods are deleted by UID, after the SparkConnect was compared with the
//     API server.
//   - Package probe asks servers whether they are in use, outside of the syncs. Its answers
//     are observations; a server is stopped for idleness only by one that was made just now,
//     and never on doubt.
//
// The meaning of the fields is described in docs/connect.md.
package connect
