// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// eventRead is what the events of a server pod showed when they were last read. It limits
// how often that is done, so nothing is lost with it.
type eventRead struct {
	pod      types.UID
	pace     reconcile.Pace
	obstacle *diagnosis.Obstacle
}

// after is the read that follows at this time.
func (r eventRead) after(now time.Time, obstacle *diagnosis.Obstacle) eventRead {
	r.pace, r.obstacle = r.pace.Done(now), obstacle
	return r
}

// eventReads has the last read of each server that starts silently. The zero value is ready
// for use.
type eventReads struct {
	lock  sync.Mutex
	reads map[cache.ObjectName]eventRead
}

// of returns the last read for a pod.
func (e *eventReads) of(key cache.ObjectName, pod types.UID) eventRead {
	e.lock.Lock()
	defer e.lock.Unlock()
	if last := e.reads[key]; last.pod == pod {
		return last
	}
	return eventRead{pod: pod}
}

func (e *eventReads) store(key cache.ObjectName, read eventRead) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.reads == nil {
		e.reads = map[cache.ObjectName]eventRead{}
	}
	e.reads[key] = read
}

func (e *eventReads) forget(key cache.ObjectName) {
	e.lock.Lock()
	defer e.lock.Unlock()
	delete(e.reads, key)
}

// startsSilently reports whether only events can show why the server pod does not start.
func (in *input) startsSilently() bool {
	return in.own() && in.obstacle == nil && diagnosis.StartsSilently(in.pod)
}

// eventsDue is when the events of a server pod that starts silently are read next.
func (in *input) eventsDue() time.Time {
	return reconcile.Later(diagnosis.QuietUntil(in.pod), in.events.pace.Next())
}

// readEvents reads the events of a server pod that has not started for a while. Without an
// answer, what is known stays.
func (c *Controller) readEvents(ctx context.Context, in *input, out *outcome) {
	if !in.startsSilently() {
		return
	}
	out.events = in.events
	if in.now.Before(in.eventsDue()) {
		return
	}
	events, err := owned.PodEvents(ctx, c.kube.CoreV1(), in.pod.GetObjectMeta())
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the events of the server pod", "pod", klog.KObj(in.pod), "reason", err)
		out.events = in.events.after(in.now, in.events.obstacle)
	} else {
		out.events = in.events.after(in.now, diagnosis.EventObstacle(in.pod, events))
		out.eventsRead = true
	}
	c.events.store(cache.MetaObjectToName(in.connect), out.events)
}
