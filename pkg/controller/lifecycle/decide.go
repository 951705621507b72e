// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Plan is what one sync is going to do.
type Plan struct {
	Row *Row
	// requeueAfter is when to sync again if nothing happens; 0 for never.
	requeueAfter time.Duration
}

// Decide selects the row of the state table. It is pure.
func Decide(in *Input) Plan {
	row := selectRow(in)
	if row == nil {
		return Plan{}
	}
	return Plan{Row: row, requeueAfter: in.requeueAfter(row)}
}

// Submits reports whether the plan submits the application.
func (p Plan) Submits() bool { return p.Row != nil && slices.Contains(p.Row.Do, SubmitRun) }

// selectRow returns the first row that applies; nil for a state that this version
// does not know, which is left alone.
func selectRow(in *Input) *Row {
	state := in.State()
	for i := range table {
		row := &table[i]
		if slices.Contains(row.from, state) && row.when.holds(in) {
			return row
		}
	}
	return nil
}

// enter puts the state to which the row leads into the status.
func (r *Row) enter(status *v1beta2.SparkApplicationStatus) {
	if r.to != stay {
		status.AppState.State = r.to
	}
}
