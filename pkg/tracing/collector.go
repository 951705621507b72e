// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// ParseEndpoint reads the address of a collector, such as http://collector:4318. Without a
// path, it gets that of OTLP, /v1/traces.
func ParseEndpoint(text string) (*url.URL, error) {
	endpoint, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if (endpoint.Scheme != "http" && endpoint.Scheme != "https") || endpoint.Host == "" {
		return nil, fmt.Errorf("%q is no address of a collector; use http://HOST:4318 or https://HOST", text)
	}
	if endpoint.User != nil {
		return nil, errors.New("the address of a collector must contain no credentials, as flags are no secret")
	}
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint.Path = "/v1/traces"
	}
	return endpoint, nil
}

// collector sends spans by OTLP over HTTP with binary encoding. It implements
// [otlptrace.Client]. The client of OpenTelemetry links gRPC, which makes the operator
// larger by a third.
type collector struct {
	endpoint string
	failed   func(error)
}

// sendTimeout limits one batch.
const sendTimeout = 10 * time.Second

// Start implements [otlptrace.Client].
func (c *collector) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client].
func (c *collector) Stop(context.Context) error { return nil }

// UploadTraces implements [otlptrace.Client]. What the collector does not take is dropped.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	if err := c.send(ctx, spans); err != nil {
		c.failed(fmt.Errorf("send traces: %w", err))
	}
	return nil
}

func (c *collector) send(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	// On the wire, TracesData is an ExportTraceServiceRequest, whose type needs gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10) // so that the connection is used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", c.endpoint, answer.Status)
	}
	return nil
}
