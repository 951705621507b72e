// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// quietStart is how long a scheduled driver may take to start a container before
	// its events are read.
	quietStart = 15 * time.Second
	// firstDelay and longestDelay bound the delays between two reads of the events,
	// and between two texts of the same reason.
	firstDelay, longestDelay = 30 * time.Second, 5 * time.Minute
	// maxPodEvents bounds one read. Kubernetes merges repeated events, so that a pod
	// has few.
	maxPodEvents = 100
	// eventsTimeout limits one read, so that it delays no other work.
	eventsTimeout = 3 * time.Second
)

// driverWatch is what this process remembers of a driver that does not start or
// whose executors do not. It only limits how often something is done, so nothing is lost with it.
type driverWatch struct {
	pod      types.UID
	read     pace // of its events
	rephrase pace // of the message of the same reason
}

// pace spaces out what may be done again and again, with delays that grow.
type pace struct {
	next  time.Time // zero: never done yet
	delay time.Duration
}

func (p pace) due(now time.Time) bool { return !now.Before(p.next) }

// done is the pace after it was done.
func (p pace) done(now time.Time) pace {
	delay := min(max(2*p.delay, firstDelay), longestDelay)
	return pace{next: now.Add(delay), delay: delay}
}

// driverWatches are such drivers, at most one for each application.
type driverWatches struct {
	lock sync.Mutex
	all  map[cache.ObjectName]driverWatch
}

// of returns what is remembered of a driver.
func (w *driverWatches) of(key cache.ObjectName, pod types.UID) driverWatch {
	w.lock.Lock()
	defer w.lock.Unlock()
	if watch := w.all[key]; watch.pod == pod {
		return watch
	}
	return driverWatch{pod: pod}
}

func (w *driverWatches) store(key cache.ObjectName, watch driverWatch) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.all == nil {
		w.all = map[cache.ObjectName]driverWatch{}
	}
	w.all[key] = watch
}

// forget drops an application that is gone or whose driver is.
func (w *driverWatches) forget(key cache.ObjectName) {
	w.lock.Lock()
	defer w.lock.Unlock()
	delete(w.all, key)
}

// startsSilently reports whether the driver is on a node and nothing shows why
// none of its containers has started.
func (in *input) startsSilently() bool {
	pod := in.driver
	if pod == nil || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodPending || in.obstacle != nil {
		return false
	}
	condition := pod.Condition(corev1.PodScheduled)
	return (pod.Spec.NodeName != "" || condition != nil && condition.Status == corev1.ConditionTrue) && !anyStarted(pod)
}

func anyStarted(pod *podview.Pod) bool {
	for _, statuses := range [][]podview.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if state := statuses[i].State; state.Running != nil || state.Terminated != nil || statuses[i].RestartCount > 0 {
				return true
			}
		}
	}
	return false
}

// eventsDue is when the events of a driver that starts silently are read next.
func (in *input) eventsDue() time.Time {
	scheduled := in.driver.CreationTimestamp.Time
	if condition := in.driver.Condition(corev1.PodScheduled); condition != nil {
		scheduled = reconcile.Later(scheduled, condition.LastTransitionTime.Time)
	}
	return reconcile.Later(scheduled.Add(quietStart), in.watch.read.next)
}

// driverEvents is what the events of the driver show.
type driverEvents struct {
	obstacle *obstacle // nil if nothing is wrong
}

// readDriverEvents reads the events of a driver that has not started for a while.
// It is the only place where a read for the sake of a message is made while a
// driver is pending. Without an answer, what is known stays.
func (c *Controller) readDriverEvents(ctx context.Context, t *task) error {
	in := t.in
	if !in.startsSilently() || in.now.Before(in.eventsDue()) {
		return nil
	}
	watch := in.watch
	watch.read = watch.read.done(in.now)
	in.watches.store(cache.MetaObjectToName(in.app), watch)

	pod := in.driver
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	list, err := c.kube.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector:  fields.OneTermEqualSelector("involvedObject.uid", string(pod.UID)).String(),
		Limit:          maxPodEvents,
		TimeoutSeconds: ptr.To(int64(eventsTimeout / time.Second)),
	})
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the events of the driver", "pod", klog.KObj(pod), "reason", err)
		return nil
	}
	t.out.events = &driverEvents{obstacle: eventObstacle(pod, list.Items)}
	return nil
}
