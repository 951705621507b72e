// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

const (
	// backstopDelay is when to sync again if a run has to end first. Its end
	// normally causes an event.
	backstopDelay = 30 * time.Second
	// clockDelay is how long a schedule is left alone at most. Timers follow the time
	// that passes, schedules the clock: a clock that is put forward is noticed within
	// this time.
	clockDelay = time.Minute
	// minimumDelay keeps a time that has just come from being taken for none.
	minimumDelay = time.Millisecond
)

// sync brings one schedule one step further. Failures is the number of syncs of
// this schedule that failed in a row before this one.
func (c *Controller) sync(ctx context.Context, key cache.ObjectName, failures int) (requeueAfter time.Duration, err error) {
	if wait, ready := c.gate.Ready(key); !ready {
		return wait, nil
	}
	cached, found := c.schedules.Get(key)
	if !found {
		c.forget(key)
		return 0, nil
	}
	if cached.DeletionTimestamp != nil {
		return 0, nil // its runs go with it
	}
	app := *cached // defaults are set at the first level only, so this copy is enough
	if sent := c.unkept.Restored(key, app.UID, &app.Status); sent != nil {
		app.Status = *sent
	}
	v1beta2.SetDefaults_ScheduledSparkApplication(&app)

	in, err := c.observe(&app) // caches only
	if err != nil {
		return 0, err
	}
	p := decide(in)               // pure
	out := c.execute(ctx, in, &p) // API writes
	out.err = redact.Error(out.err, c.config.Redact)
	c.upcoming.set(key, p.next)
	switch {
	case out.started > 0 && out.err == nil:
		// The next sync records what was started, once no start waits.
		c.queue.Add(key)
		return 0, nil
	case out.started == 0:
		status := conclude(in, &p, out, failures) // pure
		if err := c.commit(ctx, in, &p, status); err != nil {
			out.err = err // the status comes first: an action that failed is tried again anyway
		}
	}
	// An error delays what failed, not the runs to come.
	return p.requeue(c.clock.Now()), out.err
}

func (c *Controller) forget(key cache.ObjectName) {
	c.fresh.Forget(key)
	c.unkept.Forget(key)
	c.created.forget(key)
	c.meanings.forget(key)
	c.upcoming.forget(key)
}

// requeue is when to sync again if nothing happens; 0 for never.
func (p *plan) requeue(now time.Time) time.Duration {
	var after time.Duration
	for _, due := range []time.Time{p.next, p.history.archived} { // logs may be copied before the deadline
		if !due.IsZero() && (after == 0 || due.Sub(now) < after) {
			after = min(max(due.Sub(now), minimumDelay), clockDelay)
		}
	}
	if len(p.replace) > 0 || !p.verdict.waiting.IsZero() {
		if after == 0 || after > backstopDelay {
			after = backstopDelay
		}
	}
	return after
}
