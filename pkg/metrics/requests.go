// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"net/http"
	"strconv"

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
	verb, resource := apipath.Call(request)
	t.count.WithLabelValues(verb, resource, code).Inc()
	return answer, err
}

// WrappedRoundTripper is how client-go finds the transport that closes its connections.
func (t countingTransport) WrappedRoundTripper() http.RoundTripper { return t.next }
