// SPDX-License-Identifier: Apache-2.0

// Package sparkapp says what a SparkApplication means for Spark: it turns one
// into the properties and pod templates of a submission, has package submit
// build the objects, and adds to them what belongs to the operator.
//
// The package is pure: it does no input or output, knows no clock and no random
// source. Equal applications and parameters give equal objects.
package sparkapp
