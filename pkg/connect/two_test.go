// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// TestTwoOperatorsRunOneServer: two operators at once, as after a change of leaders, start
// one server at a time and report each start and stop once.
func TestTwoOperatorsRunOneServer(t *testing.T) {
	bubble(t, func(c *cluster) {
		first := c.stop
		c.start()
		second := c.stop
		c.stop = func() { first(); second() }

		c.ready()
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
		c.letPass(time.Minute)
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = nil })
		for range 30 {
			c.letPass(time.Second)
		}
		c.report(running(true))
		c.letPass(time.Minute)
		c.want(ready, reasonReady, "")
		c.report(ended(1, "Error"))
		for range 60 {
			c.letPass(time.Second)
		}
		c.report(running(true))
		c.letPass(time.Hour)
		if status := c.want(ready, reasonReady, ""); len(c.pods) != 3 || status.Starts != 3 {
			t.Errorf("%d server pods, %+v", len(c.pods), status)
		}
		for event, want := range map[string]int{eventStarted: 3, eventStopped: 1, eventRestarting: 1} {
			if got := c.count(event); got != want {
				t.Errorf("%d events %s, want %d", got, event, want)
			}
		}
	})
}
