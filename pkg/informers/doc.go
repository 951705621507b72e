// SPDX-License-Identifier: Apache-2.0

// Package informers says which objects the operator keeps in memory: the
// SparkApplications and ScheduledSparkApplications of the watched namespaces, the
// pods that Spark runs for them, and the labels of namespaces where a selector
// decides which are watched.
//
// Three properties matter to everybody downstream. Cached objects are trimmed, so
// none of them may be the body of an update. What there may be tens of thousands of
// is kept small: of pods what is read, as [Pod]; applications that have ended
// encoded, as [Application], from which whoever asks gets them back whole. And one
// SparkApplication that does not fit the Go types never keeps the others from being
// seen: it arrives as a stub that [DecodeError] recognises.
package informers
