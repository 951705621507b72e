// SPDX-License-Identifier: Apache-2.0

// Package scheduledapp starts SparkApplications at scheduled times.
//
// Each sync of a schedule has five steps: observe (caches only), decide (pure),
// execute (creates and deletes SparkApplications), conclude (pure) and commit (one
// compare-and-swap of the status, then events and metrics). Nothing is kept in
// memory that could not be lost.
//
// What makes it exact:
//
//   - A run is named after the time of the schedule that it is for, not after the
//     present. Creating it twice is impossible, so it is created before anything is
//     written down; a process that ends in between is followed by one that finds
//     the name taken by its own run.
//   - A run is neither deleted nor forgotten before the status lists it.
//   - status.settledTime is up to when all times of the schedule are dealt with. It
//     only grows while the schedule is in force, so a clock that goes back repeats
//     nothing.
//   - status.observedSchedule is what is in force. When that changes, by an edit,
//     resumption or correction, the past is settled: the new schedule counts from the
//     edit on.
//   - A run that was just created is recorded by a second sync, and schedules with
//     a run to start are synced before those with something to record (see dueFirst). A thousand schedules that are due in the same minute so wait
//     for a thousand creations and not for as many status updates, too.
//
// The meaning of the fields is described in docs/schedules.md.
package scheduledapp
