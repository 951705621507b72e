// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// commit writes the status if it differs from the one that was read, provided
// nobody wrote the object since. Events, metrics and the log follow the write, so
// each transition shows exactly once however often it was attempted.
//
// This is the only place that writes a status, and the verb is always
// UpdateStatus: fields written by it would not be removed by an apply.
func (c *Controller) commit(ctx context.Context, in *input, out *outcome, status *v1beta2.SparkApplicationStatus) error {
	app := in.app
	if equality.Semantic.DeepEqual(&app.Status, status) {
		return nil
	}
	// The API server takes nothing but the status from the body, so the spec can
	// stay out of it, and a spec that could not be decoded is not harmed.
	body := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{
			Name:            app.Name,
			Namespace:       app.Namespace,
			UID:             app.UID,
			ResourceVersion: app.ResourceVersion,
		},
		Status: *status,
	}
	written, err := c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace).UpdateStatus(ctx, body, metav1.UpdateOptions{FieldManager: fieldManager})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile; its pods go with it
	}
	if err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	c.fresh.Wrote(keyOf(app), freshApplications, written.ResourceVersion)
	in.noteRephrasing(status)

	if from, to := app.Status.AppState.State, status.AppState.State; from != to {
		klog.FromContext(ctx).Info("State changed", "from", from, "to", to, "submissionID", status.SubmissionID, "message", status.AppState.ErrorMessage)
	}
	before := app.Status
	after := *app
	after.Status = *status
	c.metrics.Transition(&before, &after, in.now)
	emit(c.recorder, app, transitionEvents(in, out, status))
	return nil
}
