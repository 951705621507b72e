// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// TestRequestsAreCounted by verb, resource and code, whatever namespace and name.
func TestRequestsAreCounted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	requests, err := NewRequests(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewRequests(registry); err == nil {
		t.Error("registered twice")
	}
	transport := requests.Wrap(answering(func(request *http.Request) (*http.Response, error) {
		if strings.Contains(request.URL.Path, "unreachable") {
			return nil, errors.New("no route to host")
		}
		return httptest.NewRecorder().Result(), nil
	}))
	for _, call := range []string{
		"GET /api/v1/namespaces/a/pods/x", "GET /api/v1/namespaces/b/pods/y", "GET /api/v1/pods?watch=true", "GET /api/v1/namespaces/a/pods?limit=500",
		"POST /api/v1/namespaces/a/pods", "DELETE /api/v1/namespaces/a/pods/x", "DELETE /api/v1/namespaces/a/pods", "GET /api/v1/namespaces/a/pods/x/log",
		"PUT /apis/sparkoperator.k8s.io/v1beta2/namespaces/a/sparkapplications/pi/status",
		"PATCH /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x", "GET /api/v1/namespaces", "GET /api/v1/namespaces/a",
		"GET /openapi/v3", "GET /apis", "GET /apis/apps/v1", "GET /", "GET /api/v1/namespaces/unreachable/services/x",
	} {
		method, path, _ := strings.Cut(call, " ")
		if answer, err := transport.RoundTrip(httptest.NewRequest(method, path, http.NoBody)); err == nil {
			_ = answer.Body.Close()
		}
	}
	want := `
# HELP spark_operator_api_requests_total Requests to the API server; the code is error if there was no answer
# TYPE spark_operator_api_requests_total counter
spark_operator_api_requests_total{code="200",resource="customresourcedefinitions",verb="patch"} 1
spark_operator_api_requests_total{code="200",resource="namespaces",verb="get"} 1
spark_operator_api_requests_total{code="200",resource="namespaces",verb="list"} 1
spark_operator_api_requests_total{code="200",resource="none",verb="get"} 4
spark_operator_api_requests_total{code="200",resource="pods",verb="create"} 1
spark_operator_api_requests_total{code="200",resource="pods",verb="delete"} 1
spark_operator_api_requests_total{code="200",resource="pods",verb="deletecollection"} 1
spark_operator_api_requests_total{code="200",resource="pods",verb="get"} 2
spark_operator_api_requests_total{code="200",resource="pods",verb="list"} 1
spark_operator_api_requests_total{code="200",resource="pods",verb="watch"} 1
spark_operator_api_requests_total{code="200",resource="pods/log",verb="get"} 1
spark_operator_api_requests_total{code="200",resource="sparkapplications/status",verb="update"} 1
spark_operator_api_requests_total{code="error",resource="services",verb="get"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	next := http.DefaultTransport
	if (*Requests)(nil).Wrap(next) != next {
		t.Error("metrics that are off change the transport")
	}
}
