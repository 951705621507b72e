// SPDX-License-Identifier: Apache-2.0

// Package validation refuses applications that cannot run, with a message that
// contains the remedy: at admission if the webhook is enabled, and before the first
// submission in any case.
//
// The texts contain those of kubeflow/spark-operator, since clients match on them.
// Checks of the submission (package submit, with the texts of Spark) and of the API
// server, when the driver pod is created, are not repeated here. Executors are an
// exception: their pods are created only when the driver runs, and a driver that
// cannot create any waits for them for ever.
//
// The package is pure and changes nothing. An application need not have its
// defaults.
package validation
