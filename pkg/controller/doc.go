// SPDX-License-Identifier: Apache-2.0

// Package controller runs SparkApplications.
//
// One sync of one application has five steps:
//
//	observe   what the caches show of its run        (caches only)
//	decide    the first row of the table that holds  (pure; package lifecycle)
//	execute   the actions of that row                (requests; package run)
//	conclude  the status that follows                (pure; package lifecycle)
//	commit    write it, then send events             (one compare-and-swap)
//
// The state machine is the table in package lifecycle, printed to docs/states.md.
//
// A reader opens the files in this order:
//
//	controller, handlers, queue   caches, events and the order of the queue
//	sync                          the five steps
//	observe, commit               the first and the last step
//	ledger                        pods of a run that the caches do not contain any more
//	unkept                        status fields that the API server drops
//
// What holds at every moment, whenever the process ends:
//
//   - The id of a submission follows from the application's UID and the id before
//     it, and the names of all objects from that id. Starting a submission over
//     uses the same names; existing objects are adopted.
//   - SUBMITTED with the name of a driver pod is written only after all objects of the
//     submission exist. Until then the next sync starts the same submission over.
//   - A status is written once per sync and only over the version that was read. A
//     conflict means that another client was faster, and that the sync is repeated.
//   - Events and metrics follow the write of the status, so no event is sent twice.
//   - Nothing is deleted because of a cache alone: before it deletes, a sync compares
//     the application with the API server. Pods and applications are deleted by UID,
//     other objects only if their owner or their name proves that they belong to the run.
//   - The spec is never written.
package controller
