// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// TestCrashAtEveryWrite ends the process before and after each write in the life of a
// server, and goes on with a new one that knows nothing but what the cluster shows. There
// must be as many servers, stops and restarts as without.
func TestCrashAtEveryWrite(t *testing.T) {
	for n := 1; ; n++ {
		reached := false
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d after %t", n, after), func(t *testing.T) {
				bubble(t, func(c *cluster) {
					c.change(func() { c.fault = &fault{at: n, after: after} })
					liveThrough(c)
					c.change(func() { reached = reached || c.fault == nil })
				})
			})
		}
		if !reached {
			if n < 20 {
				t.Errorf("only %d writes in a whole life", n-1)
			}
			return
		}
	}
}

// settle lets the controller come to rest; if the process was killed, another takes over.
func (c *cluster) settle(until func() bool) {
	c.t.Helper()
	for range 300 {
		c.letPass(time.Second)
		if c.killed() {
			c.stop()
			c.change(func() { c.fault = nil })
			c.start()
			continue
		}
		if until() {
			return
		}
	}
	c.t.Fatalf("it does not come to rest: %+v", c.get().Status)
}

func liveThrough(c *cluster) {
	in := func(state v1alpha1.SparkConnectState, starts int64) func() bool {
		return func() bool {
			status := c.get().Status
			return status.State == state && status.Starts == starts && status.ObservedGeneration == c.get().Generation
		}
	}
	runs := func(starts int64) {
		c.settle(func() bool { return in(v1alpha1.SparkConnectStateProvisioning, starts)() && c.pod() != nil })
		c.report(running(true))
		c.settle(in(v1alpha1.SparkConnectStateReady, starts))
	}
	c.add(connect(func(connect *v1alpha1.SparkConnect) { connect.Spec.UpdatePolicy = v1alpha1.UpdateRecreate }, generated, byIngress))
	runs(1)
	token := c.secret("lab-token").ResourceVersion
	c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
	c.settle(func() bool { return in(v1alpha1.SparkConnectStateNotReady, 1)() && c.pod() == nil })
	c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = nil })
	runs(2)
	c.report(ended(1, "Error"))
	runs(3)
	c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Server.Memory = ptr.To("2g") })
	runs(4)
	c.edit(idleAfter(time.Minute))
	c.settle(func() bool {
		return in(v1alpha1.SparkConnectStateNotReady, 4)() && c.get().Status.StopReason == v1alpha1.StopReasonIdle && c.pod() == nil
	})
	c.edit(func(connect *v1alpha1.SparkConnect) {
		connect.Annotations, connect.Spec.IdleTimeout = map[string]string{v1alpha1.AnnotationWake: "1"}, nil
	})
	runs(5)
	if c.secret("lab-token").ResourceVersion != token {
		c.t.Error("the Secret of the token was written again")
	}
	c.edit(func(connect *v1alpha1.SparkConnect) {
		connect.Spec.Suspend, connect.Spec.TimeToLiveSeconds = ptr.To(true), ptr.To[int64](60)
	})
	c.settle(func() bool { return !c.exists() })

	if len(c.pods) != 5 {
		c.t.Errorf("%d server pods were created, want 5", len(c.pods))
	}
	for event, want := range map[string]int{eventStarted: 5, eventStopped: 3, eventRestarting: 1, eventFailed: 0} {
		// The process may end between a write and the event about it.
		if got := c.count(event); got > want || got < want-1 {
			c.t.Errorf("%d events %s, want %d", got, event, want)
		}
	}
}
