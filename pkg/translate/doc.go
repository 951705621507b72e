// SPDX-License-Identifier: Apache-2.0

// Package translate translates a SparkApplication for Spark: it turns one
// into the properties and pod templates of a submission, has package submit
// build the objects, and adds to them what belongs to the operator. No webhook
// takes part.
//
// A typed field is applied by the first of these that exists:
//
//   - a Spark property (see conf for the order of precedence);
//   - for the driver, an edit of the pod that package submit built, so that the
//     field wins over Spark's own settings (package podspec);
//   - for executors, the pod template that the driver gets through a ConfigMap,
//     with a property beside it where the driver would override the template;
//   - for scratch space that has no property, the templates of both.
//
// What cannot be expressed for executors, because the driver overrides it and
// reads no property, is reported as a warning: memoryLimit, lifecycle beside
// spark.decommission.enabled, and a few variables that Spark sets last. An
// admission webhook can complete them (podspec.Fields.Complete).
//
// The package is pure: it does no input or output, knows no clock and no random
// source. Equal applications and parameters give equal objects.
package translate
