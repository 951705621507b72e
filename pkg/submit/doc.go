// SPDX-License-Identifier: Apache-2.0

// Package submit is spark-submit in Go: it builds the Kubernetes objects that
// the real client of Apache Spark creates for an application in cluster mode,
// without a Java virtual machine and without a Spark distribution.
//
// [Build] turns an [Input], one call of spark-submit with everything that the
// client takes from its process, clock and random source made explicit, into
// [Objects]: the driver pod and what belongs to it. The driver then runs as if
// spark-submit had started it, and creates its executors itself. The caller
// creates the objects in the order of the fields of Objects: first the pod,
// then, owned by it (see [Own]), everything else.
//
// # Guarantees
//
//   - Parity. For the Spark versions of [sparkconf.Releases] the objects equal those
//     of the real client, which recordings of its requests check. Differences are
//     deliberate, few, and listed in docs/deviations.md.
//   - Determinism. Equal inputs give equal objects, down to the order of the
//     lists. With [NewIDs] a repeated submission names the same objects.
//   - Purity. Build reads nothing but its input, changes nothing and does no
//     input or output. It is safe for concurrent use.
//   - Refusals contain the cause. What the real client refuses is refused with its
//     text, as an [Error] that names the property. So is everything that needs the
//     client's Java virtual machine: uploads of the submitter's files and
//     feature steps that are Java classes.
//
// # Layout
//
// Each feature step of Spark (org.apache.spark.deploy.k8s.features) has a file of
// its own, named after it: driver_basic.go is BasicDriverFeatureStep,
// driver_service.go is DriverServiceFeatureStep, and so on. arguments.go is
// SparkSubmitArguments, build.go is KubernetesDriverBuilder with the order of
// the steps. All differences between Spark versions are in version_switches.go, apart
// from those that package sparkconf knows: defaults, units, and errors of values.
package submit
