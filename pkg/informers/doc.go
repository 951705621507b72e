// SPDX-License-Identifier: Apache-2.0

// Package informers says which objects the operator keeps in memory: the
// SparkApplications and ScheduledSparkApplications of the watched namespaces, the
// pods that Spark runs for them, and the labels of namespaces where a selector
// decides which are watched.
//
// Two properties matter to everybody downstream. Cached objects are trimmed (see
// the transforms in trim.go), so none of them may be the body of an update. And
// one SparkApplication that does not fit the Go types never keeps the others from
// being seen: it arrives as a stub that [DecodeError] recognises.
package informers
