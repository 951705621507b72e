// SPDX-License-Identifier: Apache-2.0

// Package tracing records submissions as OpenTelemetry traces: what a submission did, each
// request to the API server that it made, and how long each took.
//
// The id of a trace is the id of the submission, which the status of the application shows.
// A submission that is tried again adds another root span to the same trace. Tracing is off
// unless there is a [Tracer]; it allocates nothing then.
package tracing

import (
	"context"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer records traces. A nil Tracer records nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New returns a tracer that sends spans to a collector by OTLP over HTTP. The endpoint is
// that of [ParseEndpoint]; failed is called with each batch that could not be sent and is
// dropped. Attributes of the process come from the variable OTEL_RESOURCE_ATTRIBUTES.
func New(ctx context.Context, endpoint *url.URL, version string, failed func(error)) (*Tracer, error) {
	process, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "spark-operator"), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("attributes of traces: %w", err)
	}
	return newTracer(sdktrace.WithResource(process),
		sdktrace.WithBatcher(otlptrace.NewUnstarted(&collector{endpoint: endpoint.String(), failed: failed}))), nil
}

// scope is the name of what records.
const scope = "github.com/spark-operator/spark-operator"

func newTracer(options ...sdktrace.TracerProviderOption) *Tracer {
	// Each submission is recorded, also with OTEL_TRACES_SAMPLER: a ratio would be taken of
	// bits of the trace id that are the same in all ids of submissions.
	options = append(options, sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(ids{}))
	provider := sdktrace.NewTracerProvider(options...)
	return &Tracer{provider, provider.Tracer(scope)}
}

// Shutdown sends what is recorded, as long as ctx allows.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Span is a step that takes time. A nil Span records nothing.
type Span struct{ span trace.Span }

// Submission starts the root span of a submission, to whose children the context leads.
func (t *Tracer) Submission(ctx context.Context, id string, attributes ...attribute.KeyValue) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(context.WithValue(ctx, submission{}, id), "submission", trace.WithNewRoot(), trace.WithAttributes(attributes...))
	return ctx, &Span{span}
}

// Step starts a span below that of the context; nil if that one is not recorded.
func Step(ctx context.Context, name string) (context.Context, *Span) {
	if !recorded(ctx) {
		return ctx, nil
	}
	ctx, span := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, &Span{span}
}

func recorded(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Set adds attributes.
func (s *Span) Set(attributes ...attribute.KeyValue) {
	if s != nil {
		s.span.SetAttributes(attributes...)
	}
}

// End ends the step. An error marks it as failed; its text must contain no secret.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}

// submission is the key of the id of a submission in a context.
type submission struct{}

// ids gives the trace of a submission its id.
type ids struct{}

// NewIDs implements [sdktrace.IDGenerator].
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	name, _ := ctx.Value(submission{}).(string)
	id, err := uuid.Parse(name)
	if err != nil {
		id = uuid.New() // an id of spark-submit's Job or of kubeflow/spark-operator may be any text
	}
	return trace.TraceID(id), g.NewSpanID(ctx, trace.TraceID(id))
}

// NewSpanID implements [sdktrace.IDGenerator].
func (ids) NewSpanID(context.Context, trace.TraceID) (span trace.SpanID) {
	id := uuid.New()
	copy(span[:], id[8:])
	return span
}
