// SPDX-License-Identifier: Apache-2.0

// Package jsonstream reads the JSON documents of Spark's web UI, of which it holds one element
// at a time: a list of empty elements would take 24 times the memory of its text. It is pure:
// others request the documents.
package jsonstream

import (
	"encoding/json"
	"errors"
	"io"
)

// ErrMalformed reports that a document has another form. It quotes nothing of the document,
// which a pod of a user has sent.
var ErrMalformed = errors.New("not the expected JSON")

// maxElement is how long an element of a list, or a gauge, may be, in bytes: Spark cuts off
// statements after 64 KiB, which JSON makes six times as long at most.
const maxElement = 1 << 20

// List calls each with the elements of a list. The element is valid during the call only. The
// error is ErrMalformed, or that of the reader.
func List[T any](from io.Reader, each func(*T)) error {
	s := newStream(from)
	if !s.next('[') {
		return s.fault()
	}
	var element, empty T
	for s.decoder.More() {
		element = empty
		if s.decode(&element) != nil {
			return s.fault()
		}
		each(&element)
	}
	if !s.next(']') {
		return s.fault()
	}
	return s.end()
}

// Gauges calls each with the name and the value of every gauge in the document /metrics/json/
// (MetricsServlet). What comes first in the names depends on spark.metrics.namespace. The error
// is ErrMalformed, that of the reader, or that of each.
func Gauges(from io.Reader, each func(name string, value json.RawMessage) error) error {
	s := newStream(from)
	err := s.members(func(name string) error {
		if name != "gauges" {
			return s.decode(&json.RawMessage{})
		}
		return s.members(func(name string) error {
			var gauge struct {
				Value json.RawMessage `json:"value"`
			}
			if err := s.decode(&gauge); err != nil {
				return err
			}
			return each(name, gauge.Value)
		})
	})
	if err != nil {
		return err
	}
	return s.end()
}

// stream decodes a document.
type stream struct {
	decoder *json.Decoder
	source  *source
}

func newStream(from io.Reader) *stream {
	s := &source{from: from, left: maxElement}
	return &stream{json.NewDecoder(s), s}
}

// fault returns why decoding failed.
func (s *stream) fault() error {
	if s.source.err != nil {
		return s.source.err
	}
	return ErrMalformed
}

// decode reads an element.
func (s *stream) decode(element any) error {
	if s.decoder.Decode(element) != nil {
		return s.fault()
	}
	s.source.left = maxElement
	return nil
}

// next reads a delimiter.
func (s *stream) next(delimiter json.Delim) bool {
	token, err := s.decoder.Token()
	return err == nil && token == delimiter
}

// members calls each with the names in an object. It has to decode the values.
func (s *stream) members(each func(name string) error) error {
	if !s.next('{') {
		return s.fault()
	}
	for s.decoder.More() {
		token, err := s.decoder.Token()
		if err != nil {
			return s.fault()
		}
		name, _ := token.(string)
		if err := each(name); err != nil {
			return err
		}
	}
	if !s.next('}') {
		return s.fault()
	}
	return nil
}

// end reads the end of the document.
func (s *stream) end() error {
	if _, err := s.decoder.Token(); !errors.Is(err, io.EOF) || s.source.err != nil {
		return s.fault()
	}
	return nil
}

// source reads no more than so many bytes, until left is set again.
type source struct {
	from io.Reader
	left int
	// err is the error of the reader.
	err error
}

// Read implements io.Reader.
func (s *source) Read(buffer []byte) (int, error) {
	if s.left <= 0 {
		return 0, ErrMalformed // the element is too long
	}
	n, err := s.from.Read(buffer[:min(len(buffer), s.left)])
	s.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
