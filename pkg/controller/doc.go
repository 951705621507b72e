// SPDX-License-Identifier: Apache-2.0

// Package controller runs SparkApplications.
//
// One step of one application is five verbs, each in a file of its own:
//
//	observe   what the caches show of its run        (caches only)
//	decide    the first row of the table that holds  (pure)
//	execute   the actions of that row                (API writes)
//	conclude  the status that follows                (pure)
//	commit    write it, then tell of it              (one compare-and-swap)
//
// The state machine is the table in table.go, printed to docs/states.md.
//
// What holds at every moment, whenever the process ends:
//
//   - The id of a submission follows from the application's UID and the id before
//     it, and the names of all objects from that id. Starting a submission over
//     names the same objects; those that exist are taken as they are.
//   - SUBMITTED is written only after all objects of the submission exist. Until
//     then the next step starts the same submission over.
//   - A status is written once per step and only over the version that was read. A
//     conflict means that somebody was faster, and that the step is done again.
//   - Events and metrics follow the write of the status, so nothing is told twice.
//   - Nothing is destroyed on the word of a cache: before it deletes, a step
//     compares the application with the API server and names its victim by UID.
//   - The spec is never written.
package controller
