// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const id = "485d4db9-aa55-506f-ab76-0951cab94d66"

func get(ctx context.Context, t *testing.T, transport http.RoundTripper, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(request)
	if err == nil {
		_ = answer.Body.Close()
	}
}

// TestSubmissionIsATree: the steps and requests of a submission are below it, in the trace
// with its id; a failed one says why; what is no part of a submission is not recorded.
func TestSubmissionIsATree(t *testing.T) {
	var parents []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parents = append(parents, r.Header.Get("Traceparent"))
		if strings.HasSuffix(r.URL.Path, "/absent") {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer api.Close()
	recorder := tracetest.NewSpanRecorder()
	tracer := newTracer(sdktrace.WithSpanProcessor(recorder))
	transport := tracer.Wrap(http.DefaultTransport)

	get(t.Context(), t, transport, api.URL+"/api/v1/pods")
	ctx, root := tracer.Submission(t.Context(), id, attribute.String("k8s.namespace.name", "jobs"))
	_, step := Step(ctx, "build objects")
	step.End(errors.New("no main file"))
	get(ctx, t, transport, api.URL+"/api/v1/namespaces/jobs/pods/driver")
	get(ctx, t, transport, api.URL+"/api/v1/namespaces/jobs/services/absent")
	get(ctx, t, transport, "http://127.0.0.1:1/api/v1/namespaces/jobs/configmaps/x")
	root.End(nil)

	want := []struct {
		name string
		code codes.Code
		text string
	}{
		{"build objects", codes.Error, "no main file"}, {"get pods", codes.Unset, ""}, {"get services", codes.Error, "404 Not Found"},
		{"get configmaps", codes.Error, "connection refused"}, {"submission", codes.Unset, ""},
	}
	spans := recorder.Ended()
	if len(spans) != len(want) {
		t.Fatalf("%d spans, want %d", len(spans), len(want))
	}
	top := spans[len(spans)-1]
	for i, span := range spans {
		status := span.Status()
		if span.Name() != want[i].name || status.Code != want[i].code || !strings.Contains(status.Description, want[i].text) {
			t.Errorf("span %s: %+v, want %+v", span.Name(), status, want[i])
		}
		if got := uuid.UUID(span.SpanContext().TraceID()).String(); got != id {
			t.Errorf("span %s is in trace %s", span.Name(), got)
		}
		if span != top && span.Parent().SpanID() != top.SpanContext().SpanID() {
			t.Errorf("span %s is not below the submission", span.Name())
		}
	}
	if top.Parent().IsValid() {
		t.Error("the submission has a parent")
	}
	hex := strings.ReplaceAll(id, "-", "")
	if len(parents) != 3 || parents[0] != "" || !strings.HasPrefix(parents[1], "00-"+hex+"-"+spans[1].SpanContext().SpanID().String()) {
		t.Errorf("the API server got the parents %q", parents)
	}
}

// TestOtherIDsAreTraced: an id that is no UUID gets a trace of its own.
func TestOtherIDsAreTraced(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := newTracer(sdktrace.WithSpanProcessor(recorder))
	for range 2 {
		_, span := tracer.Submission(t.Context(), "spark-123")
		span.End(nil)
	}
	spans := recorder.Ended()
	if len(spans) != 2 || !spans[0].SpanContext().IsValid() || spans[0].SpanContext().TraceID() == spans[1].SpanContext().TraceID() {
		t.Errorf("%v", spans)
	}
}

// TestOffIsFree: without a tracer, nothing is recorded and nothing allocated.
func TestOffIsFree(t *testing.T) {
	var tracer *Tracer
	allocations := testing.AllocsPerRun(100, func() {
		ctx, root := tracer.Submission(t.Context(), id)
		_, step := Step(ctx, "build objects")
		step.Set()
		step.End(nil)
		root.End(nil)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func BenchmarkOff(b *testing.B) {
	var tracer *Tracer
	for b.Loop() {
		ctx, root := tracer.Submission(b.Context(), id)
		_, step := Step(ctx, "build objects")
		step.End(nil)
		root.End(nil)
	}
}

// TestCollectorGetsSpans by the time that the tracer is shut down, and a collector that
// refuses or does not answer is reported once for each batch.
func TestCollectorGetsSpans(t *testing.T) {
	for name, test := range map[string]struct {
		code int
		want string
	}{
		"taken":   {http.StatusOK, ""},
		"refused": {http.StatusUnauthorized, "401 Unauthorized"},
		"absent":  {0, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var got atomic.Pointer[tracepb.TracesData]
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				data := &tracepb.TracesData{}
				if err != nil || proto.Unmarshal(body, data) != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
					t.Errorf("%s %s: %v", r.Method, r.URL, err)
				}
				got.Store(data)
				w.WriteHeader(test.code)
			}))
			defer server.Close()
			if test.code == 0 {
				server.Close()
			}
			endpoint, err := ParseEndpoint(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			var failures []string
			tracer, err := New(t.Context(), endpoint, "v1.2.3", func(err error) { failures = append(failures, err.Error()) })
			if err != nil {
				t.Fatal(err)
			}
			_, span := tracer.Submission(t.Context(), id)
			span.End(nil)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := tracer.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			if test.want == "" {
				data := got.Load()
				if len(failures) > 0 || data == nil || data.ResourceSpans[0].ScopeSpans[0].Spans[0].Name != "submission" || !strings.Contains(data.ResourceSpans[0].Resource.String(), "v1.2.3") {
					t.Errorf("got %v, failures %q", data, failures)
				}
			} else if len(failures) != 1 || !strings.Contains(failures[0], test.want) {
				t.Errorf("failures %q, want %q", failures, test.want)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		"http://collector:4318":           "http://collector:4318/v1/traces",
		"http://collector:4318/":          "http://collector:4318/v1/traces",
		"https://example.com/otlp/traces": "https://example.com/otlp/traces",
		"collector:4318":                  "",
		"grpc://collector:4317":           "",
		"http://":                         "",
		"http://me:hunter2@collector":     "",
		"http://[::1":                     "",
	} {
		got, err := ParseEndpoint(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%s is accepted as %s", text, got)
		case want == "" && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%v repeats a secret", err)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}
