// SPDX-License-Identifier: Apache-2.0

// Package diagnosis reads from a pod, and from its events and its log, what users want to
// know of it: how far the driver is ([Report]), why a pod does not start ([Obstacle]), how
// a container ended, and whose failure it was. It is pure.
package diagnosis
