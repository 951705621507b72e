// SPDX-License-Identifier: Apache-2.0

// Package run performs the actions that package lifecycle names: it submits, natively or
// by spark-submit in a Job, deletes pods, releases the objects of a run, creates the web
// UI and reads logs and events. Every action may be repeated and finds what an earlier
// try did. All requests of the SparkApplication loop but the write of the status are here.
//
// A reader opens the files in this order:
//
//	run                     the function of each action, and their execution
//	submit, native, job     a submission: by the operator, or by spark-submit in a Job
//	pods, nodeloss          deletions of pods, also on lost nodes, and of the application
//	release                 the objects of a run that has ended
//	ui, budget, groups      objects of the web UI, PodDisruptionBudget, pod group
//	log, events             the log and the events of a driver
//	submission, objects     what several of these files share
//	runner                  settings, clients, and what is remembered between syncs
package run
