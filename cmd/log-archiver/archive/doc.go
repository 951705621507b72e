// SPDX-License-Identifier: Apache-2.0

// Package archive copies the logs of driver pods, and of executor pods that failed, to a
// bucket before the pods are deleted.
//
//	archiver.go  watches pods and decides whose log is copied when
//	upload.go    copies one log: redacted, compressed, in bounded memory
//	mark.go      records the result in the annotations of the pod
//	bucket.go    the bucket, and the URLs of its objects
//
// An object has a key that derives from the pod. It becomes visible with its last byte, so
// a copy that a crash or an error cuts short is repeated from the beginning.
package archive
