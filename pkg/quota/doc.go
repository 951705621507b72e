// SPDX-License-Identifier: Apache-2.0

// Package quota compares what the pods of an application request with the
// ResourceQuotas of its namespace. The pods are those that a submission builds, and they
// are counted as the API server counts them.
//
// The package is pure. It does not know LimitRanges and the default PriorityClass of the
// cluster: where these decide, it only warns. LimitRanges, RuntimeClasses and other
// webhooks may add to what it counts.
package quota
