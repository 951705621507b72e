// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
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
	endpoints, err := options.endpoints(probe(), probe(check{"caches", func(*http.Request) error { return notReady }}), registry)
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

func TestSecureMetrics(t *testing.T) {
	options := newServingOptions()
	options.HealthAddress, options.MetricsAddress, options.SecureMetrics = noAddress, freeAddress(t), true
	endpoints, err := options.endpoints(probe(), probe(), prometheus.NewRegistry())
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
	if code, _ := get(t, client, "https://"+options.MetricsAddress+"/metrics"); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
}
