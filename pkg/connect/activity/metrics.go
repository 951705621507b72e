// SPDX-License-Identifier: Apache-2.0

package activity

import (
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
	var metrics struct {
		Gauges map[string]struct {
			Value json.RawMessage `json:"value"`
		} `json:"gauges"`
	}
	if err := json.NewDecoder(from).Decode(&metrics); err != nil {
		return Jobs{}, malformed(document, err)
	}
	var jobs Jobs
	active, all := 0, 0
	for name, gauge := range metrics.Gauges {
		switch {
		case strings.HasSuffix(name, ".DAGScheduler.job.activeJobs"):
			active++
			if err := json.Unmarshal(gauge.Value, &jobs.Active); err != nil {
				return Jobs{}, malformed(document, err)
			}
		case strings.HasSuffix(name, ".DAGScheduler.job.allJobs"):
			all++
			if err := json.Unmarshal(gauge.Value, &jobs.All); err != nil {
				return Jobs{}, malformed(document, err)
			}
		}
	}
	if active != 1 || all != 1 {
		return Jobs{}, malformed(document, nil)
	}
	return jobs, nil
}
