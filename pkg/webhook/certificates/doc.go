// SPDX-License-Identifier: Apache-2.0

// Package certificates keeps the certificate of the webhook: one that the replicas make
// and rotate themselves in a Secret (Manager), one that cert-manager keeps in a Secret
// (Follower), or one from files (Files). The metrics endpoint has one from files, or one
// that only this process knows (SelfSigned). All of them are reloaded while the server
// runs.
//
// A rotation fails no request: a new certificate is written only when the API servers
// trust its authority, and the authority before it stays trusted.
package certificates
