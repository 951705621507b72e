// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"

	"github.com/spark-operator/spark-operator/pkg/apipath"
)

// Wrap returns a transport to the API server that records each request of a recorded step.
// The API server learns the trace by the header traceparent (W3C Trace Context), and adds
// its own spans if it traces.
func (t *Tracer) Wrap(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if !recorded(request.Context()) {
		return t.next.RoundTrip(request)
	}
	verb, resource := apipath.Call(request)
	ctx, span := Step(request.Context(), verb+" "+resource)
	request = request.Clone(ctx)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(request.Header))
	span.Set(attribute.String("http.request.method", request.Method), attribute.String("url.path", request.URL.Path))
	answer, err := t.next.RoundTrip(request)
	failed := err
	if err == nil {
		span.Set(attribute.Int("http.response.status_code", answer.StatusCode))
		if answer.StatusCode >= http.StatusBadRequest {
			failed = fmt.Errorf("%s", answer.Status)
		}
	}
	span.End(failed)
	return answer, err
}

// WrappedRoundTripper is how client-go finds the transport that closes its connections.
func (t transport) WrappedRoundTripper() http.RoundTripper { return t.next }
