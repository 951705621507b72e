// SPDX-License-Identifier: Apache-2.0

// Package crds installs and upgrades the CRDs of the operator.
//
// Helm installs CRDs once and never upgrades them, and the usual migration from
// kubeflow/spark-operator finds its CRDs in place. An upgrade is a server-side apply,
// after a look at what is installed: it never removes a version in which objects may be
// stored, and it refuses to replace a newer CRD by an older one, because the API server
// would then drop the fields that the older one lacks.
package crds
