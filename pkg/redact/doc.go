// SPDX-License-Identifier: Apache-2.0

// Package redact hides secrets in texts that users and logs show: the end of
// a driver's log, refusals that quote a spec, messages of the API server.
//
// Three kinds are found, in this order:
//
//	blocks       PEM blocks, user:password in URLs      blocks.go
//	assignments  a name of a secret, and its value     assignments.go
//	tokens       values with the form of a token       tokens.go
//
// What is left reads as before: names, punctuation and everyday lines of Spark
// stay. The time is linear in the length of the text. To redact a redacted text
// again changes nothing.
//
// A stream that is too long to hold passes through a [Writer]: writer.go.
package redact
