// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// commit writes the status if it differs from the one that was read, provided
// no other client wrote the object since. Events, metrics and the log follow the write, so
// each of them reports each transition once.
//
// This is the only place that writes a status, and the verb is always
// UpdateStatus: fields written by it would not be removed by an apply.
func (c *Controller) commit(ctx context.Context, in *input, p *plan, status *v1beta2.ScheduledSparkApplicationStatus) error {
	app := in.app
	if equality.Semantic.DeepEqual(&app.Status, status) {
		return nil
	}
	// The API server takes nothing but the status from the body, so the spec can
	// stay out of it, and a spec that could not be decoded is not harmed.
	body := &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{
			Name:            app.Name,
			Namespace:       app.Namespace,
			UID:             app.UID,
			ResourceVersion: app.ResourceVersion,
		},
		Status: *status,
	}
	client := c.client.SparkoperatorV1beta2().ScheduledSparkApplications(app.Namespace)
	written, err := client.UpdateStatus(ctx, body, metav1.UpdateOptions{FieldManager: fieldManager})
	if apierrors.IsNotFound(err) {
		// The server says so, too, while it does not serve the resource or its status.
		live, getErr := client.Get(ctx, app.Name, metav1.GetOptions{})
		if reconcile.Gone(getErr) || getErr == nil && live.UID != app.UID {
			return nil // deleted meanwhile; its runs go with it
		}
	}
	if err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	c.fresh.Wrote(keyOf(app), freshSchedules, written.ResourceVersion)

	if from, to := app.Status.ScheduleState, status.ScheduleState; from != to {
		klog.FromContext(ctx).Info("State changed", "from", from, "to", to, "reason", status.Reason)
	}
	c.metrics.settled(app.Namespace, p)
	for _, r := range p.recorded {
		// Those that this process saw come into being were measured then.
		if in.spec.timetable != nil && !c.created.has(keyOf(app), r.app.UID) {
			c.metrics.created(r.app.CreationTimestamp.Sub(in.spec.timetable.due(r.scheduled)))
		}
	}
	emit(c.recorder, app, transitionEvents(in, p, status))
	return nil
}
