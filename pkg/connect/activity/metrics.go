// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/webui/jsonstream"
)

// Jobs are those of all sessions.
type Jobs struct {
	// Active is how many run, All how many there were since the server started.
	Active, All int64
}

// ReadJobs reads /metrics/json/.
func ReadJobs(from io.Reader) (Jobs, error) {
	const document = "/metrics/json/"
	var jobs Jobs
	active, all := 0, 0
	err := jsonstream.Gauges(from, func(name string, value json.RawMessage) error {
		switch {
		case strings.HasSuffix(name, ".DAGScheduler.job.activeJobs"):
			active++
			return readNumber(value, &jobs.Active)
		case strings.HasSuffix(name, ".DAGScheduler.job.allJobs"):
			all++
			return readNumber(value, &jobs.All)
		}
		return nil
	})
	if err != nil || active != 1 || all != 1 {
		return Jobs{}, malformed(document, err)
	}
	return jobs, nil
}

// readNumber reads a number; null is none.
func readNumber(value json.RawMessage, into *int64) error {
	var number *int64
	if err := json.Unmarshal(value, &number); err != nil || number == nil {
		return jsonstream.ErrMalformed
	}
	*into = *number
	return nil
}
