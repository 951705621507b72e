// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// commit writes the status if it differs from the one that was read, provided
// no other client wrote the object since. Events, metrics and the log follow the write, so
// each transition shows exactly once however often it was attempted.
//
// This is the only place that writes a status, and the verb is always
// UpdateStatus: fields written by it would not be removed by an apply.
func (c *Controller) commit(ctx context.Context, in *lifecycle.Input, out *lifecycle.Outcome, status *v1beta2.SparkApplicationStatus) error {
	app := in.App
	if equality.Semantic.DeepEqual(&app.Status, status) {
		return nil
	}
	sent, stored, written, err := loop.Commit[*v1beta2.SparkApplication]{
		Client: c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace),
		Fresh:  c.fresh, Cache: freshApplications,
		Shrink: withoutDetails,
	}.Write(ctx, &v1beta2.SparkApplication{ObjectMeta: loop.Identity(app), Status: *status})
	if err != nil || !written {
		return err
	}
	status = &sent.Status
	c.runner.Written(cache.MetaObjectToName(app))
	if c.config.DryRun {
		return nil
	}
	if out.Unseen, err = c.unkept.Remember(app, stored, status, &stored.Status, loses(status, &stored.Status)); err != nil {
		return err
	}
	if in.Rephrases(status) {
		c.runner.Rephrased(cache.MetaObjectToName(app), in.Driver.UID, in.Now)
	}

	if from, to := in.State(), lifecycle.StateOf(status); from != to {
		logTransition(ctx, in, from, to, status)
	}
	before := app.Status
	after := *app
	after.Status = *status
	c.metrics.Transition(&before, &after, metrics.Times{Taken: in.Now, Written: c.clock.Now()})
	loop.Emit(c.recorder, app, lifecycle.TransitionEvents(in, out, status), c.settings.Hide)
	return nil
}

// logTransition logs a transition that was written: one line with what the status says of
// it, and how long the application was in the state before.
func logTransition(ctx context.Context, in *lifecycle.Input, from, to v1beta2.ApplicationStateType, status *v1beta2.SparkApplicationStatus) {
	fields := []any{"from", from, "to", to, "attempt", status.ExecutionAttempts, "submissionID", status.SubmissionID}
	if n := len(status.Attempts); n > 0 && status.Attempts[n-1].Reason != "" {
		fields = append(fields, "reason", status.Attempts[n-1].Reason)
	}
	if since := in.StateSince(); !since.IsZero() {
		fields = append(fields, "after", in.Now.Sub(since).Round(time.Millisecond))
	}
	if message := status.AppState.ErrorMessage; message != "" {
		fields = append(fields, "message", message)
	}
	klog.FromContext(ctx).Info("State changed", fields...)
}

// withoutDetails returns an application with a status without all that may be large and that decides nothing.
func withoutDetails(app *v1beta2.SparkApplication) *v1beta2.SparkApplication {
	app = app.DeepCopy()
	small := &app.Status
	small.ExecutorState = nil
	for i := range small.Attempts {
		small.Attempts[i].LogTail = ""
		small.Attempts[i].Message = reconcile.Truncate(small.Attempts[i].Message, smallMessage)
	}
	small.AppState.ErrorMessage = reconcile.Truncate(small.AppState.ErrorMessage, smallMessage)
	return app
}

// smallMessage is how much of a message stays in a status that is too large.
const smallMessage = 200

// unwrittenFailures is how many writes of a status in a row fail before an event says
// so: the status itself cannot.
const unwrittenFailures = 5

// reportUnwritten says that the status, which was to become another one, is out of date.
func (c *Controller) reportUnwritten(app *v1beta2.SparkApplication, status *v1beta2.SparkApplicationStatus, failures int, err error) {
	if failures+1 != unwrittenFailures || reconcile.Expected(err) {
		return
	}
	loop.Emit(c.recorder, app, lifecycle.UnwrittenEvents(app, status, err), c.settings.Hide)
}
