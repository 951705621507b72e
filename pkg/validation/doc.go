// SPDX-License-Identifier: Apache-2.0

// Package validation refuses applications that cannot run, in time and in words
// that help: at admission, where there is a webhook, and before the first
// submission in any case.
//
// The texts contain those of the established operator, since clients match on
// them. What the submission refuses itself (package submit, with the texts of
// Spark) or the API server does when the driver pod is created is not repeated
// here, except for executors: nobody sees their pods before the driver runs, and
// a driver that cannot create any waits for them forever.
//
// The package is pure and changes nothing. An application need not have its
// defaults.
package validation
