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
	// requeueAfter is when to look again if nothing happens; 0 for never.
	requeueAfter time.Duration
}

// Decide selects the row of the state table. It is pure.
func Decide(in *Input) Plan {
	row := selectRow(in)
	p := Plan{Row: row}
	if row == nil {
		return p
	}
	if row.wait != nil {
		p.requeueAfter = max(row.wait.of(in), MinimumDelay)
	} else if row.to != stay {
		p.requeueAfter = AuditDelay
	}
	if _, at := in.stuckBound(); in.Now.Before(at) && p.requeueAfter > 0 {
		p.requeueAfter = Soonest(p.requeueAfter, at.Sub(in.Now))
	}
	switch row.to {
	case StateSubmitted:
		if at := in.driverDeadline(); !at.IsZero() {
			p.requeueAfter = Soonest(p.requeueAfter, at.Sub(in.Now))
		}
	case StateRunning:
		if at := in.executorDeadline(); in.Now.Before(at) && !hadExecutors(&in.App.Status) {
			p.requeueAfter = Soonest(p.requeueAfter, at.Sub(in.Now))
		}
	default: // the other states wait for nothing of that kind
	}
	// Times in a status may be of a clock that was wrong by years.
	p.requeueAfter = min(p.requeueAfter, maxDelay)
	return p
}

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
