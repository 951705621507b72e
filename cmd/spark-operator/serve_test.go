// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
)

// freeAddress returns an address on loopback without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestEndpoints(t *testing.T) {
	options := newServingOptions()
	options.HealthAddress, options.MetricsAddress, options.ProfilingAddress = freeAddress(t), freeAddress(t), freeAddress(t)
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "spark_test"})
	registry.MustRegister(counter)
	notReady := errors.New("not yet")
	endpoints, err := options.endpoints(probe(), probe(check{"caches", func(*http.Request) error { return notReady }}), registry, reviewers{})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := listenAndServe(context.Background(), endpoints)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	if code, body := get(t, http.DefaultClient, "http://"+options.HealthAddress+"/healthz"); code != http.StatusOK || body != "ok" {
		t.Errorf("healthz: %d %q", code, body)
	}
	if code, body := get(t, http.DefaultClient, "http://"+options.HealthAddress+"/readyz"); code != http.StatusInternalServerError || !strings.Contains(body, "caches: not yet") {
		t.Errorf("readyz: %d %q", code, body)
	}
	workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{Name: "endpoints"}).ShutDown()
	_, body := get(t, http.DefaultClient, "http://"+options.MetricsAddress+"/metrics")
	for _, want := range []string{"spark_test 0", "go_goroutines", "process_cpu_seconds_total", `workqueue_depth{controller="endpoints",name="endpoints"} 0`} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if code, _ := get(t, http.DefaultClient, "http://"+options.ProfilingAddress+"/debug/pprof/"); code != http.StatusOK {
		t.Errorf("pprof: %d", code)
	}
	if _, err := listenAndServe(context.Background(), endpoints); err == nil {
		t.Error("no error for an address that is taken")
	}
}

// anyToken is an API server that knows one user, who may read everything.
type anyToken struct{}

func (anyToken) reviewers() reviewers { return reviewers{tokensOf{}, accessOf{}} }

type tokensOf struct{}

func (tokensOf) Create(_ context.Context, review *authenticationv1.TokenReview, _ metav1.CreateOptions) (*authenticationv1.TokenReview, error) {
	review.Status.Authenticated, review.Status.User.Username = review.Spec.Token == "good", "prometheus"
	return review, nil
}

type accessOf struct{}

func (accessOf) Create(_ context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	review.Status.Allowed = review.Spec.NonResourceAttributes.Path == "/metrics"
	return review, nil
}

func TestSecureMetrics(t *testing.T) {
	options := newServingOptions()
	options.HealthAddress, options.MetricsAddress, options.Secure.Enable = noAddress, freeAddress(t), true
	endpoints, err := options.endpoints(probe(), probe(), prometheus.NewRegistry(), anyToken{}.reviewers())
	if err != nil {
		t.Fatal(err)
	}
	if len(endpoints) != 1 {
		t.Fatalf("%d endpoints, want that of the metrics alone", len(endpoints))
	}
	stop, err := listenAndServe(context.Background(), endpoints)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for token, want := range map[string]int{"": 401, "bad": 401, "good": 200} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+options.MetricsAddress+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("token %q: %s", token, response.Status)
		}
	}
}

// TestEndpointsEndWhatNeverArrives: connections without a request, with half a request
// and without the rest of a body, on every endpoint, end after a limited time, and as
// many as there may be do not keep another client out.
func TestEndpointsEndWhatNeverArrives(t *testing.T) {
	options := newServingOptions()
	options.HealthAddress, options.MetricsAddress, options.ProfilingAddress = freeAddress(t), freeAddress(t), freeAddress(t)
	endpoints, err := options.endpoints(probe(), probe(), prometheus.NewRegistry(), reviewers{})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := listenAndServe(context.Background(), endpoints)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var waiting sync.WaitGroup
	for address, path := range map[string]string{
		options.HealthAddress: "/healthz", options.MetricsAddress: "/metrics", options.ProfilingAddress: "/debug/pprof/cmdline",
	} {
		for range maxConnections + 10 {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if code, _ := get(t, &http.Client{Transport: &http.Transport{}}, "http://"+address+path); code != http.StatusOK {
			t.Errorf("%s: %d beside silent connections", path, code)
		}
		for _, sent := range []string{
			"GET " + path + " HTTP/1.1\r\nHost: x\r\n",
			"POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx",
			"POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		} {
			waiting.Go(func() {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, sent); err != nil {
					t.Error(err)
					return
				}
				_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout + 10*time.Second))
				if _, err := io.ReadAll(conn); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("still open after %q: %v", sent, err)
				}
			})
		}
	}
	waiting.Wait()
}
