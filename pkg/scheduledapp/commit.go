// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// commit writes the status if it differs from the one that was read. Events, metrics and
// the log follow the write. This is the only place that writes a status.
func (c *Controller) commit(ctx context.Context, in *input, p *plan, status *v1beta2.ScheduledSparkApplicationStatus) error {
	app := in.app
	if equality.Semantic.DeepEqual(&app.Status, status) {
		return nil
	}
	_, stored, written, err := loop.Commit[*v1beta2.ScheduledSparkApplication]{
		Client: c.client.SparkoperatorV1beta2().ScheduledSparkApplications(app.Namespace),
		Fresh:  c.fresh, Cache: freshSchedules,
	}.Write(ctx, &v1beta2.ScheduledSparkApplication{ObjectMeta: loop.Identity(app), Status: *status})
	if err != nil || !written || c.config.DryRun {
		return err
	}
	unseen, err := c.unkept.Remember(app, stored, status, &stored.Status, loses(status, &stored.Status))
	if err != nil {
		return err
	}
	if unseen {
		c.queue.Add(cache.MetaObjectToName(app))
	}

	if from, to := app.Status.ScheduleState, status.ScheduleState; from != to {
		klog.FromContext(ctx).Info("State changed", "from", from, "to", to, "reason", status.Reason, "after", in.now.Sub(in.stateSince()).Round(time.Millisecond))
	}
	c.metrics.settled(app.Namespace, p)
	for _, r := range p.recorded {
		// Those that this process saw come into being were measured then.
		if in.spec.timetable != nil && !c.created.has(cache.MetaObjectToName(app), r.app.UID) {
			c.metrics.created(r.app.CreationTimestamp.Sub(in.spec.timetable.due(r.scheduled)))
		}
	}
	loop.Emit(c.recorder, app, transitionEvents(in, p, status), c.config.Redact)
	return nil
}

// loses reports whether less of a status was kept than was sent, because the CRD is that of
// kubeflow/spark-operator.
func loses(sent, kept *v1beta2.ScheduledSparkApplicationStatus) bool {
	return kept.ObservedGeneration != sent.ObservedGeneration || len(kept.Conditions) < len(sent.Conditions) || (kept.RunNow == nil) != (sent.RunNow == nil)
}
