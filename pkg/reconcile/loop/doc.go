// SPDX-License-Identifier: Apache-2.0

// Package loop is the loop of a controller: workers take keys from a queue, and a sync
// brings the object of each one step further. What a sync does is the controller's own;
// here is what makes syncs end, repeat and stop, what shares the workers among
// namespaces, and the frame of each sync: the caches show our own last write before it
// begins, and its status is written by compare-and-swap before its events are sent.
package loop
