// SPDX-License-Identifier: Apache-2.0

// Package lifecycle decides about applications. It is pure: what it decides from is an
// [Input], and what is done about it are actions that it names and package run performs.
//
// A reader opens the files in this order:
//
//	settings, state, input   what a decision depends on
//	validate, spechash       faults of the spec, and which edits need a new run
//	submissionid             which pods and objects belong to the application
//	table, guards, actions   the state machine, printed to docs/states.md
//	decide, deadlines        the row that applies, and when the next sync is
//	restart                  restart policy: failures, counters, retries, time to live
//	awaited, cleanup         refusals that the operator waits for, pods that are not kept
//	outcome, conclude        the status that follows from what was done
//	effects, attempts        what a row sets besides the state
//	driver, executors        what the pods add to the status
//	progress, advice         what the driver shows of itself, and hints on its requests
//	usage                    what the pods reserved
//	logarchive               which logs are archived, and how long pods wait for that
//	conditions, events       what users and scripts read
//	reasons                  every reason, printed to docs/conditions.md
package lifecycle
