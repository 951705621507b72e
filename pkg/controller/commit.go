// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// commit writes the status if it differs from the one that was read, provided
// no other client wrote the object since. Events, metrics and the log follow the write, so
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
	client := c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace)
	written, err := client.UpdateStatus(ctx, body, metav1.UpdateOptions{FieldManager: fieldManager})
	if tooLarge(err) {
		status = withoutDetails(status)
		body.Status = *status
		written, err = client.UpdateStatus(ctx, body, metav1.UpdateOptions{FieldManager: fieldManager})
	}
	if apierrors.IsNotFound(err) {
		// The server says so, too, while it does not serve the resource or its status.
		live, getErr := client.Get(ctx, app.Name, metav1.GetOptions{})
		if reconcile.Gone(getErr) || getErr == nil && live.UID != app.UID {
			return nil // deleted meanwhile; its pods go with it
		}
	}
	if err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	c.fresh.Wrote(keyOf(app), freshApplications, written.ResourceVersion)
	c.complete.Delete(keyOf(app))
	if out.unseen, err = c.remember(app, status, written); err != nil {
		return err
	}
	in.noteRephrasing(status)

	if from, to := in.state(), stateOf(status); from != to {
		klog.FromContext(ctx).Info("State changed", "from", from, "to", to, "submissionID", status.SubmissionID, "message", status.AppState.ErrorMessage)
	}
	before := app.Status
	after := *app
	after.Status = *status
	c.metrics.Transition(&before, &after, in.now)
	emit(c.recorder, app, transitionEvents(in, out, status), c.settings.redact)
	return nil
}

// tooLarge reports whether an object was refused for its size: by the API server, or by
// etcd, whose answer has no reason of its own.
func tooLarge(err error) bool {
	return err != nil && (apierrors.IsRequestEntityTooLargeError(err) || strings.Contains(err.Error(), "request is too large") ||
		strings.Contains(err.Error(), "larger than max"))
}

// withoutDetails returns a status without all that may be large and that decides nothing.
func withoutDetails(status *v1beta2.SparkApplicationStatus) *v1beta2.SparkApplicationStatus {
	small := status.DeepCopy()
	small.ExecutorState = nil
	for i := range small.Attempts {
		small.Attempts[i].LogTail = ""
		small.Attempts[i].Message = truncated(small.Attempts[i].Message, smallMessage)
	}
	small.AppState.ErrorMessage = truncated(small.AppState.ErrorMessage, smallMessage)
	return small
}

// smallMessage is how much of a message stays in a status that is too large.
const smallMessage = 200

// unwrittenFailures is how many writes of a status in a row fail before an event says
// so: the status itself cannot.
const unwrittenFailures = 5

// reportUnwritten says that the status is out of date.
func (c *Controller) reportUnwritten(app *v1beta2.SparkApplication, failures int, err error) {
	if failures+1 != unwrittenFailures || reconcile.Expected(err) {
		return
	}
	emit(c.recorder, app, []event{{
		corev1.EventTypeWarning, "SparkApplicationStatusNotWritten", actionObserve,
		fmt.Sprintf("SparkApplication %s: the status cannot be written and is out of date: %s", app.Name, oneLine(err.Error())), nil,
	}}, c.settings.redact)
}
