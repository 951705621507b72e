// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"fmt"
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
	if err := c.remember(app, status, stored); err != nil {
		return err
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

// remember keeps what the API server dropped of a status, because the CRD is that of
// kubeflow/spark-operator. Where it kept nothing new there is no event, but the next look
// has to follow nevertheless.
func (c *Controller) remember(app *v1beta2.ScheduledSparkApplication, sent *v1beta2.ScheduledSparkApplicationStatus, written *v1beta2.ScheduledSparkApplication) error {
	key, kept := cache.MetaObjectToName(app), &written.Status
	if kept.ObservedGeneration == sent.ObservedGeneration && len(kept.Conditions) >= len(sent.Conditions) && (kept.RunNow == nil) == (sent.RunNow == nil) {
		c.unkept.Forget(key)
		return nil
	}
	changed, err := c.unkept.Wrote(key, app.UID, sent, kept)
	if err != nil {
		return fmt.Errorf("remember status: %w", err)
	}
	if changed && written.ResourceVersion == app.ResourceVersion {
		c.queue.Add(key)
	}
	return nil
}
