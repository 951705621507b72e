// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// plan is what one sync is going to do.
type plan struct {
	// row is nil in a state that this version does not know, which is left alone.
	row *row
	// requeueAfter is when to sync again if nothing happens; 0 for never.
	requeueAfter time.Duration
}

// decide selects the row of the state table. It is pure.
func decide(in *input) plan {
	present := phaseOf(&in.connect.Status)
	for i := range table {
		row := &table[i]
		if slices.Contains(row.from, present) && row.when.holds(in) {
			return plan{row, in.requeueAfter(row)}
		}
	}
	return plan{}
}

// does reports whether the plan has an action.
func (p plan) does(what action) bool { return p.row != nil && slices.Contains(p.row.do, what) }

// delay is a named time until the next sync.
type delay struct {
	text  string
	until func(in *input) time.Duration
}

const (
	// backstopDelay is when to sync again if something has to end first. Its end normally
	// causes an event.
	backstopDelay = 30 * time.Second
	// auditDelay is how long a server is left alone at most.
	auditDelay = 5 * time.Minute
	// minimumDelay keeps a time that has just come from being taken for none.
	minimumDelay = time.Millisecond
)

var (
	backstop = &delay{"30 s", func(*input) time.Duration { return backstopDelay }}
	audit    = &delay{"5 min, or at spec.maxAge or spec.idleTimeout", func(in *input) time.Duration {
		wait := auditDelay
		if end, limited := in.endOfAge(); limited {
			wait = min(wait, max(end.Sub(in.now), minimumDelay))
		}
		if at, known := in.idleAt(); known {
			wait = min(wait, max(at.Sub(in.now), minimumDelay), max(in.publishAt().Sub(in.now), minimumDelay))
		}
		if at := in.stableAt(); in.connect.Status.Restarts > 0 && at.After(in.now) {
			wait = min(wait, at.Sub(in.now))
		}
		if retry, due := in.routeRetry(); due {
			wait = min(wait, retry)
		}
		if o := in.obstacle; o != nil && o.Due.After(in.now) {
			wait = min(wait, o.Due.Sub(in.now))
		}
		if in.startsSilently() {
			at := in.eventsDue()
			if !at.After(in.now) {
				at = in.events.pace.Done(in.now).Next() // they are read now
			}
			wait = min(wait, at.Sub(in.now))
		}
		if in.own() {
			if at := reconcile.StuckAt(in.pod.DeletionTimestamp); at.After(in.now) {
				wait = min(wait, at.Sub(in.now))
			}
		}
		return wait
	}}
	untilRestart = &delay{"at the restart", func(in *input) time.Duration {
		at := in.connect.Status.NextRestartTime
		if at == nil {
			return minimumDelay // the row has just set it
		}
		return max(at.Sub(in.now), minimumDelay)
	}}
	untilExpiry = &delay{"at the end of the time to live", func(in *input) time.Duration {
		if expires, limited := in.expiry(); limited {
			return max(expires.Sub(in.now), minimumDelay)
		}
		return 0
	}}
)

func (in *input) requeueAfter(r *row) time.Duration {
	if r.wait == nil {
		return 0
	}
	return r.wait.until(in)
}
