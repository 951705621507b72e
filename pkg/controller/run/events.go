// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
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
	events, err := owned.PodEvents(ctx, r.kube.CoreV1(), pod.GetObjectMeta())
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the events of the driver", "pod", klog.KObj(pod), "reason", err)
		return nil
	}
	t.out.Events = &lifecycle.DriverEvents{Obstacle: diagnosis.EventObstacle(pod, events)}
	return nil
}
