// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spark-operator/spark-operator/pkg/apipath"
)

// Requests counts requests to the API server. The metrics of client-go do not know the
// resource.
type Requests struct{ count *prometheus.CounterVec }

// NewRequests registers the counter.
func NewRequests(registerer prometheus.Registerer) (*Requests, error) {
	r := &Requests{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "spark_operator_api_requests_total",
		Help: "Requests to the API server; the code is error if there was no answer",
	}, []string{"verb", "resource", "code"})}
	if err := registerer.Register(r.count); err != nil {
		return nil, fmt.Errorf("metric of API requests: %w", err)
	}
	return r, nil
}

// Wrap returns a transport to the API server that counts. A nil receiver counts nothing.
func (r *Requests) Wrap(next http.RoundTripper) http.RoundTripper {
	if r == nil {
		return next
	}
	return countingTransport{r.count, next}
}

type countingTransport struct {
	count *prometheus.CounterVec
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t countingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(request)
	code := "error"
	if err == nil {
		code = strconv.Itoa(answer.StatusCode)
	}
	verb, resource := called(request)
	t.count.WithLabelValues(verb, resource, code).Inc()
	return answer, err
}

// WrappedRoundTripper is how client-go finds the transport that closes its connections.
func (t countingTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// called returns the verb and the resource of a request, such as update and
// sparkapplications/status. Requests for no resource, such as discovery, have the
// resource none. The operator calls few resources, so both have few values.
func called(request *http.Request) (verb, resource string) {
	target := apipath.Parse(request.URL.Path)
	if target.Resource == "" {
		return strings.ToLower(request.Method), "none"
	}
	resource = target.Resource
	if target.Subresource != "" {
		resource += "/" + target.Subresource
	}
	named := target.Name != ""
	switch request.Method {
	case http.MethodGet:
		switch query := request.URL.Query(); {
		case query.Get("watch") == "true" || query.Get("watch") == "1":
			return "watch", resource
		case !named:
			return "list", resource
		}
		return "get", resource
	case http.MethodPost:
		return "create", resource
	case http.MethodPut:
		return "update", resource
	case http.MethodDelete:
		if !named {
			return "deletecollection", resource
		}
	}
	return strings.ToLower(request.Method), resource
}
