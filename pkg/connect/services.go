// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// nowAndThen remembers when something of each server was last ensured that is not watched: a
// change by others is put right when it is ensured again. The zero value is ready for use.
type nowAndThen struct {
	lock    sync.Mutex
	ensured map[cache.ObjectName]ensured
}

type ensured struct {
	uid        types.UID
	generation int64
	at         time.Time
}

// recent reports whether that was done for the present spec, and is not that long ago.
func (n *nowAndThen) recent(in *input, pause time.Duration) bool {
	n.lock.Lock()
	defer n.lock.Unlock()
	last := n.ensured[cache.MetaObjectToName(in.connect)]
	return last.uid == in.connect.UID && last.generation == in.connect.Generation && in.now.Sub(last.at) < pause && !in.now.Before(last.at)
}

// done notes that it was done now.
func (n *nowAndThen) done(in *input) {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.ensured == nil {
		n.ensured = map[cache.ObjectName]ensured{}
	}
	n.ensured[cache.MetaObjectToName(in.connect)] = ensured{in.connect.UID, in.connect.Generation, in.now}
}

func (n *nowAndThen) forget(key cache.ObjectName) {
	n.lock.Lock()
	defer n.lock.Unlock()
	delete(n.ensured, key)
}

// ensureServiceNowAndThen ensures the Service if the spec is another one, or if that was
// not done for a while.
func (c *Controller) ensureServiceNowAndThen(ctx context.Context, in *input) error {
	if c.services.recent(in, auditDelay) {
		return nil
	}
	if in.refusal() != "" {
		return nil // the Service stays as it is, as the server does
	}
	run, err := c.build(in, nextID(in.connect))
	if err != nil {
		return nil //nolint:nilerr // as above; the condition UpToDate says so
	}
	if err := c.ensureService(ctx, in, run.Service); err != nil {
		return err
	}
	c.services.done(in)
	return nil
}
