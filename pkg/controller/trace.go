// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/tracing"
)

// traceSubmission starts the trace of a sync that submits; the span is nil for any other.
func (c *Controller) traceSubmission(ctx context.Context, in *lifecycle.Input, plan lifecycle.Plan) (context.Context, *tracing.Span) {
	if c.config.Tracer == nil || !plan.Submits() {
		return ctx, nil
	}
	app := in.App
	ctx, span := c.config.Tracer.Submission(ctx, lifecycle.NextSubmissionID(app.UID, app.Status.SubmissionID),
		attribute.String("k8s.namespace.name", app.Namespace),
		attribute.String("sparkoperator.application.name", app.Name),
		attribute.String("sparkoperator.application.uid", string(app.UID)),
		attribute.Int("sparkoperator.attempt", int(app.Status.ExecutionAttempts)+1))
	if since := in.StateSince(); !since.IsZero() {
		span.Set(attribute.Float64("sparkoperator.waited_seconds", in.Now.Sub(since).Seconds()))
	}
	return ctx, span
}

// endSubmission ends the trace with what came of the submission. Err is why no status was
// written. Both have no secrets any more.
func endSubmission(span *tracing.Span, out *lifecycle.Outcome, err error) {
	if span == nil {
		return
	}
	if s := out.Submission; s != nil {
		span.Set(attribute.String("k8s.pod.name", s.DriverPodName))
	}
	if out.Pending != nil {
		span.Set(attribute.Bool("sparkoperator.pending", true))
	}
	if out.Refusal != "" {
		err = cmp.Or(err, errors.New(out.Refusal))
	}
	span.End(cmp.Or(out.Err, err))
}
