// SPDX-License-Identifier: Apache-2.0

// Package sim holds what takes the place of the rest of a cluster where an API server
// has no node. Each sub-package plays one part:
//
//   - faultproxy, between a client and the API server, lets requests fail;
//   - kubelet lets drivers start, run and end, thousands of them if need be;
//   - garbage collects whatever has lost its owners;
//   - rights grants what the chart grants;
//   - operator runs the operator's binary and kills it;
//   - gateway runs a real proxy by HTTPRoutes and Ingresses, in the place of an
//     implementation of the Gateway API and of an ingress controller;
//   - prometheus runs a real Prometheus by the chart's monitors, in the place of the
//     Prometheus Operator.
//
// The package itself starts the API server and them for tests, and ends them with these.
//
// It belongs to the module of the tests, which the benchmark requires. Neither of the
// two is ever released, both need client-go and the API types, and bench/ requires
// hack/localcluster as test/ does, so a third module would add a go.mod and a go.sum to
// keep and separate nothing. Packages under pkg/ cannot use it: the operator's module
// requires neither of them.
package sim
