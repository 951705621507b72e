// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/redact"
)

// sync brings one server closer to its spec. Failures is the number of syncs of this server
// that failed in a row before this one.
func (c *Controller) sync(ctx context.Context, key cache.ObjectName, failures int) (requeueAfter time.Duration, err error) {
	if wait, ready := c.gate.Ready(key); !ready {
		return wait, nil
	}
	cached, found := c.connects.Get(key)
	if !found {
		c.forget(key)
		return 0, nil
	}
	connect := *cached // only the status is replaced
	if sent := c.unkept.Restored(key, connect.UID, &connect.Status); sent != nil {
		connect.Status = *sent
	}
	in, err := c.observe(&connect) // caches only
	if err != nil {
		return 0, err
	}
	p := decide(in)              // pure
	out := c.execute(ctx, in, p) // requests
	out.err = redact.Error(out.err, c.config.Redact)
	status := conclude(in, p, out, failures) // pure
	if err := c.commit(ctx, in, out, status); err != nil {
		return 0, err
	}
	c.follow(in, status)
	if phaseOf(status) == phaseFailed && p.does(startServer) {
		out.err = nil // it is final, and the status says so
	}
	return p.requeueAfter, out.err
}

func (c *Controller) forget(key cache.ObjectName) {
	c.fresh.Forget(key)
	c.unkept.Forget(key)
	c.services.forget(key)
	c.events.forget(key)
	c.prober.Forget(key)
	c.routes.forget(key)
}
