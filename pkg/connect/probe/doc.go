// SPDX-License-Identifier: Apache-2.0

// Package probe asks the web UIs of Spark Connect servers whether the servers are in use.
//
// A server is a pod of a user: what it sends is not trusted, redirects are not followed, and
// nothing of it is repeated in a message. A server that does not answer is asked less and less
// often. Package poller says when, and bounds the rate and the connections.
package probe
