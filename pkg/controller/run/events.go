// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
)

// driverWatches are such drivers, at most one for each application.
type driverWatches struct {
	lock sync.Mutex
	all  map[cache.ObjectName]lifecycle.DriverWatch
}

// of returns what is remembered of a driver.
func (w *driverWatches) of(key cache.ObjectName, pod types.UID) lifecycle.DriverWatch {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.all[key].Of(pod)
}

func (w *driverWatches) store(key cache.ObjectName, watch lifecycle.DriverWatch) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.all == nil {
		w.all = map[cache.ObjectName]lifecycle.DriverWatch{}
	}
	w.all[key] = watch
}

// forget drops an application that is gone or whose driver is.
func (w *driverWatches) forget(key cache.ObjectName) {
	w.lock.Lock()
	defer w.lock.Unlock()
	delete(w.all, key)
}

// readDriverEvents reads the events of a driver that has not started for a while.
// It is the only place where a read for the sake of a message is made while a
// driver is pending. Without an answer, what is known stays.
func (r *Runner) readDriverEvents(ctx context.Context, t *task) error {
	in := t.in
	if !in.StartsSilently() || in.Now.Before(in.EventsDue()) {
		return nil
	}
	r.watches.store(cache.MetaObjectToName(in.App), in.Watch.EventsRead(in.Now))

	pod := in.Driver
	ctx, cancel := context.WithTimeout(ctx, lifecycle.EventsTimeout)
	defer cancel()
	list, err := r.kube.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector:  fields.OneTermEqualSelector("involvedObject.uid", string(pod.UID)).String(),
		Limit:          lifecycle.MaxPodEvents,
		TimeoutSeconds: ptr.To(int64(lifecycle.EventsTimeout / time.Second)),
	})
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the events of the driver", "pod", klog.KObj(pod), "reason", err)
		return nil
	}
	t.out.Events = &lifecycle.DriverEvents{Obstacle: diagnosis.EventObstacle(pod, list.Items)}
	return nil
}
