// SPDX-License-Identifier: Apache-2.0

// Package gauges reads the gauges that the web UI of Spark serves at /metrics/json/
// (MetricsServlet). It is pure: others request the document.
package gauges

import (
	"cmp"
	"encoding/json"
	"io"
)

// Read calls each with the name and the value of every gauge, of which it holds one at a time.
// What comes first in the names depends on spark.metrics.namespace. The error is one of package
// json, of the reader or of each.
func Read(from io.Reader, each func(name string, value json.RawMessage) error) error {
	decoder := json.NewDecoder(from)
	return members(decoder, func(name string) error {
		if name != "gauges" {
			return decoder.Decode(&json.RawMessage{})
		}
		return members(decoder, func(name string) error {
			var gauge struct {
				Value json.RawMessage `json:"value"`
			}
			if err := decoder.Decode(&gauge); err != nil {
				return err
			}
			return each(name, gauge.Value)
		})
	})
}

// members calls each with the names in a JSON object. It has to decode the values.
func members(decoder *json.Decoder, each func(name string) error) error {
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return cmp.Or(err, io.ErrUnexpectedEOF)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}
