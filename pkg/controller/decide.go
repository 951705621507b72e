// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// plan is what one sync is going to do.
type plan struct {
	row *row
	// requeueAfter is when to look again if nothing happens; 0 for never.
	requeueAfter time.Duration
}

// decide selects the row of the state table. It is pure.
func decide(in *input) plan {
	row := selectRow(in)
	p := plan{row: row}
	if row == nil {
		return p
	}
	if row.wait != nil {
		p.requeueAfter = max(row.wait.of(in), minimumDelay)
	} else if row.to != stay {
		p.requeueAfter = auditDelay
	}
	if _, at := in.stuckBound(); in.now.Before(at) && p.requeueAfter > 0 {
		p.requeueAfter = soonest(p.requeueAfter, at.Sub(in.now))
	}
	switch row.to {
	case stateSubmitted:
		if at := in.driverDeadline(); !at.IsZero() {
			p.requeueAfter = soonest(p.requeueAfter, at.Sub(in.now))
		}
	case stateRunning:
		if at := in.executorDeadline(); in.now.Before(at) && !hadExecutors(&in.app.Status) {
			p.requeueAfter = soonest(p.requeueAfter, at.Sub(in.now))
		}
	default: // the other states wait for nothing of that kind
	}
	// Times in a status may be of a clock that was wrong by years.
	p.requeueAfter = min(p.requeueAfter, maxDelay)
	return p
}

// soonest is the shorter delay, where 0 stands for never.
func soonest(a, b time.Duration) time.Duration {
	b = max(b, minimumDelay)
	if a == 0 {
		return b
	}
	return min(a, b)
}

// minimumDelay keeps a deadline that has just passed from being taken as no
// deadline.
const minimumDelay = 10 * time.Millisecond

// selectRow returns the first row that applies; nil for a state that this version
// does not know, which is left alone.
func selectRow(in *input) *row {
	state := in.state()
	for i := range table {
		row := &table[i]
		if slices.Contains(row.from, state) && row.when.holds(in) {
			return row
		}
	}
	return nil
}

// enter puts the state to which the row leads into the status.
func (r *row) enter(status *v1beta2.SparkApplicationStatus) {
	if r.to != stay {
		status.AppState.State = r.to
	}
}
