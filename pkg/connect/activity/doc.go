// SPDX-License-Identifier: Apache-2.0

// Package activity judges whether a Spark Connect server is in use by what its web UI shows.
// It is pure: package probe makes the requests.
//
//	api.go, page.go, metrics.go   read the documents of the web UI
//	reading.go                    joins them to what one probe saw
//	track.go                      follows the probes of a server over time
//
// What the documents leave out, and what they show wrongly, is described at the functions
// that read them; docs/connect.md says what it means for users.
package activity

import (
	"errors"
	"fmt"
	"io"

	"github.com/spark-operator/spark-operator/pkg/webui/jsonstream"
)

// malformed is the error about a document. It quotes nothing of it: the document is what a
// pod of a user sends, and the error goes into a status.
func malformed(document string, err error) error {
	if err == nil || errors.Is(err, jsonstream.ErrMalformed) {
		return fmt.Errorf("%s: not what Spark serves there", document)
	}
	return fmt.Errorf("%s: %w", document, err) // of the reader
}

// readList calls each with the elements of a JSON list.
func readList[T any](document string, list io.Reader, each func(*T)) error {
	if err := jsonstream.List(list, each); err != nil {
		return malformed(document, err)
	}
	return nil
}
