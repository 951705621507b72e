// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"cmp"
	"encoding/json"
	"io"
	"strings"
)

// Jobs are those of all sessions.
type Jobs struct {
	// Active is how many run, All how many there were since the server started.
	Active, All int64
}

// ReadJobs reads /metrics/json/. What comes before the names of the gauges depends on
// spark.metrics.namespace.
func ReadJobs(from io.Reader) (Jobs, error) {
	const document = "/metrics/json/"
	var jobs Jobs
	active, all := 0, 0
	err := eachGauge(json.NewDecoder(from), func(name string, value json.RawMessage) error {
		switch {
		case strings.HasSuffix(name, ".DAGScheduler.job.activeJobs"):
			active++
			return json.Unmarshal(value, &jobs.Active)
		case strings.HasSuffix(name, ".DAGScheduler.job.allJobs"):
			all++
			return json.Unmarshal(value, &jobs.All)
		}
		return nil
	})
	if err != nil || active != 1 || all != 1 {
		return Jobs{}, malformed(document, err)
	}
	return jobs, nil
}

// eachGauge calls each with the gauges of a document, of which it holds one at a time.
func eachGauge(decoder *json.Decoder, each func(name string, value json.RawMessage) error) error {
	return eachMember(decoder, func(name string) error {
		if name != "gauges" {
			return decoder.Decode(&json.RawMessage{})
		}
		return eachMember(decoder, func(name string) error {
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

// eachMember calls each with the names in a JSON object. It has to decode the values.
func eachMember(decoder *json.Decoder, each func(name string) error) error {
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
