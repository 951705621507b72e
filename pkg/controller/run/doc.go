// SPDX-License-Identifier: Apache-2.0

// Package run performs the actions that package lifecycle names: it submits, natively or
// by spark-submit in a Job, deletes pods, releases the objects of a run, creates the web
// UI and reads logs and events. Every action may be repeated and finds what an earlier
// try did. All requests of the SparkApplication loop but the write of the status are here.
package run
