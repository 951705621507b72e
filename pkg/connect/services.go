// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// services remembers when the Service of each server was last ensured. Services are not
// watched: a change is put right within auditDelay, at the latest.
type services struct {
	lock    sync.Mutex
	ensured map[cache.ObjectName]ensured
}

type ensured struct {
	uid        types.UID
	generation int64
	at         time.Time
}

func (s *services) forget(key cache.ObjectName) {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.ensured, key)
}

// ensureServiceNowAndThen ensures the Service if the spec is another one, or if that was
// not done for a while.
func (c *Controller) ensureServiceNowAndThen(ctx context.Context, in *input) error {
	key := cache.MetaObjectToName(in.connect)
	c.services.lock.Lock()
	last := c.services.ensured[key]
	c.services.lock.Unlock()
	if last.uid == in.connect.UID && last.generation == in.connect.Generation && in.now.Sub(last.at) < auditDelay && !in.now.Before(last.at) {
		return nil
	}
	if in.refusal() != "" {
		return nil // the Service stays as it is, as the server does
	}
	run, err := c.build(in, nextID(in.connect))
	if err != nil {
		return nil // as above; the condition UpToDate says so
	}
	if err := c.ensureService(ctx, in, run.Service); err != nil {
		return err
	}
	c.services.lock.Lock()
	defer c.services.lock.Unlock()
	c.services.ensured[key] = ensured{in.connect.UID, in.connect.Generation, in.now}
	return nil
}
