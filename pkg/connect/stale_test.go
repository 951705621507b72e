// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"
)

// TestStaleCaches: the controller sees everything some seconds late, also what it wrote itself.
// There are as many servers, stops and restarts as otherwise.
func TestStaleCaches(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.stop()
		c.lag = 3 * time.Second
		c.start()
		liveThrough(c)
	})
}

// late watches objects as the fake clientsets do, but with the lag of the cluster.
func (c *cluster) late(tracker clienttesting.ObjectTracker) clienttesting.WatchReactionFunc {
	type lateEvent struct {
		watch.Event
		due time.Time
	}
	return func(action clienttesting.Action) (bool, watch.Interface, error) {
		watching, ok := action.(clienttesting.WatchActionImpl)
		if !ok || c.lag == 0 {
			return false, nil, nil
		}
		live, err := tracker.Watch(action.GetResource(), action.GetNamespace(), watching.ListOptions)
		if err != nil {
			return true, nil, err
		}
		pending, shown := make(chan lateEvent, 1000), make(chan watch.Event)
		proxy := watch.NewProxyWatcher(shown)
		go func() {
			defer close(pending)
			for event := range live.ResultChan() {
				pending <- lateEvent{event, time.Now().Add(c.lag)}
			}
		}()
		go func() {
			<-proxy.StopChan()
			live.Stop()
		}()
		go func() {
			for event := range pending {
				select {
				case <-time.After(time.Until(event.due)):
				case <-proxy.StopChan():
					continue
				}
				select {
				case shown <- event.Event:
				case <-proxy.StopChan():
				}
			}
		}()
		return true, proxy, nil
	}
}
