// SPDX-License-Identifier: Apache-2.0

// Package podspec puts the typed fields of a role of a SparkApplication
// (spec.driver, spec.executor and what spec has for both) into a pod: into the
// driver pod that package submit built, into the executor pod template, or into
// an executor pod on its way through an admission webhook.
//
// There is one function for both roles, and one file for each concern. Edits are
// pure and idempotent. Typed fields win over the pod template; lists are merged
// by the key by which Kubernetes merges them:
//
//   - environment variables by name: the typed one wins;
//   - volumes, container ports and containers by name, volume mounts by path: an
//     equal entry is kept once, a different one is an error that names both
//     places, because one of the two would silently lose;
//   - host aliases by address: host names are united;
//   - sources of environment variables and tolerations have no key: what is
//     already there is not added again;
//   - maps by key: the typed value wins.
package podspec
