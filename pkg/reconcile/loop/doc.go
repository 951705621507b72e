// SPDX-License-Identifier: Apache-2.0

// Package loop is the loop of a controller: workers take keys from a queue, and a sync
// brings the object of each key one step further. The controller defines its sync. This
// package ends, repeats and stops syncs, shares the workers among namespaces, and
// provides the frame of each sync: the caches show our own last write before it
// begins, and its status is written by compare-and-swap before its events are sent.
package loop
