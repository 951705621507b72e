// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
)

const (
	// maxPodEvents bounds one read. Kubernetes merges repeated events, so that a pod
	// has few.
	maxPodEvents = 100
	// eventsTimeout limits one read, so that it delays no other work.
	eventsTimeout = 3 * time.Second
)

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
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	list, err := r.kube.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector:  fields.OneTermEqualSelector("involvedObject.uid", string(pod.UID)).String(),
		Limit:          maxPodEvents,
		TimeoutSeconds: ptr.To(int64(eventsTimeout / time.Second)),
	})
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the events of the driver", "pod", klog.KObj(pod), "reason", err)
		return nil
	}
	t.out.Events = &lifecycle.DriverEvents{Obstacle: diagnosis.EventObstacle(pod, list.Items)}
	return nil
}
