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
	if err == nil || errors.As(err, &syntax) || errors.As(err, &mismatch) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errElement) {
		return fmt.Errorf("%s: not what Spark serves there", document)
	}
	return fmt.Errorf("%s: %w", document, err) // of the reader
}

// maxElement is how long an element of a list may be, in bytes: Spark cuts off statements after
// 64 KiB, which JSON makes six times as long at most.
const maxElement = 1 << 20

var errElement = errors.New("an element is too long")

// paced reads no more than so many bytes, until left is set again.
type paced struct {
	from io.Reader
	left int
}

// Read implements io.Reader.
func (p *paced) Read(buffer []byte) (int, error) {
	if p.left <= 0 {
		return 0, errElement
	}
	n, err := p.from.Read(buffer[:min(len(buffer), p.left)])
	p.left -= n
	return n, err
}

// readList calls each with the elements of a JSON list, of which it holds one at a time.
func readList[T any](document string, list io.Reader, each func(*T)) error {
	from := &paced{list, maxElement}
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
		from.left = maxElement
	}
	if _, err := decoder.Token(); err != nil {
		return malformed(document, err)
	}
	return nil
}
