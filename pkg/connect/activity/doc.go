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
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// malformed is the error about a document. It quotes nothing of it: the document is what a
// pod of a user sends, and the error goes into a status.
func malformed(document string, err error) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	if err == nil || errors.As(err, &syntax) || errors.As(err, &mismatch) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: not what Spark serves there", document)
	}
	return fmt.Errorf("%s: %w", document, err) // of the reader
}

// readList calls each with the elements of a JSON list, of which it holds one at a time.
func readList[T any](document string, from io.Reader, each func(*T)) error {
	decoder := json.NewDecoder(from)
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		return malformed(document, err)
	}
	for decoder.More() {
		var element T
		if err := decoder.Decode(&element); err != nil {
			return malformed(document, err)
		}
		each(&element)
	}
	if _, err := decoder.Token(); err != nil {
		return malformed(document, err)
	}
	return nil
}
