// SPDX-License-Identifier: Apache-2.0

// Package informers caches the objects that the operator reads: the
// SparkApplications and ScheduledSparkApplications of the watched namespaces, the
// pods that Spark runs for them, and the labels of namespaces where a selector
// decides which are watched.
//
// Users of the caches rely on three properties:
//
//   - Cached objects are trimmed, so none of them may be the body of an update.
//   - Kinds with tens of thousands of objects are small: a pod has only the fields that
//     are read, and a finished application stays encoded ([Application]).
//   - A SparkApplication that does not fit the Go types does not block the others. It
//     arrives as a stub that [DecodeError] recognises.
package informers
