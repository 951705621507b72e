// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const (
	// callers is how many connections send reviews, one after the other: those of an API
	// server that is busy.
	callers = 8
	// usualConnections is how many connections the memory is compared with: the limit of
	// the webhook.
	usualConnections = 1000
	// dialers is how many connections are opened at the same time.
	dialers = 64
)

// review is what the webhook is asked directly.
type review struct {
	name, path string
	body       []byte
}

// reviews asks the webhook directly, by HTTPS as the API server does.
func (r *reviewed) reviews(ctx context.Context, size AdmissionSize) error {
	all, err := r.bodies(ctx)
	if err != nil {
		return err
	}
	// The rest of the machine is for the webhook.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	client := r.client()
	defer client.CloseIdleConnections()
	for _, review := range all {
		if _, err := r.send(ctx, client, review, size.Reviews/4); err != nil { // warm up
			return err
		}
		before, err := plane.CostOf(r.webhook.PID())
		if err != nil {
			return err
		}
		begun := time.Now()
		times, err := r.send(ctx, client, review, size.Reviews)
		if err != nil {
			return err
		}
		took := time.Since(begun)
		after, err := plane.CostOf(r.webhook.PID())
		if err != nil {
			return err
		}
		r.last = review
		quantiles := report.QuantilesOf(times)
		r.extra[review.name+"PerCPUSecond"] = report.Round(float64(len(times)) / (after.CPU - before.CPU).Seconds())
		r.extra[review.name+"PerSecond"] = report.Round(float64(len(times)) / took.Seconds())
		r.extra[review.name+"P50Ms"], r.extra[review.name+"P99Ms"] = quantiles.P50, quantiles.P99
		r.setup.logf("admission: %s: %v reviews of %d bytes a second of CPU time, %v a second, p99 %v ms", review.name,
			r.extra[review.name+"PerCPUSecond"], len(review.body), r.extra[review.name+"PerSecond"], quantiles.P99)
	}
	return nil
}

// client is how the API server reaches a webhook by its Service: by HTTP/1.1, so that
// requests are distributed over replicas.
func (r *reviewed) client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: r.tls(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, MaxIdleConnsPerHost: callers,
	}}
}

// tls trusts whoever answers: what is measured is on loopback.
func (r *reviewed) tls() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// send sends a review so often, and returns how long each took.
func (r *reviewed) send(ctx context.Context, client *http.Client, review review, count int) ([]time.Duration, error) {
	times := make([]time.Duration, count)
	group, ctx := errgroup.WithContext(ctx)
	for caller := range callers {
		group.Go(func() error {
			for n := caller; n < count; n += callers {
				begun := time.Now()
				if err := r.ask(ctx, client, review); err != nil {
					return err
				}
				times[n] = time.Since(begun)
			}
			return nil
		})
	}
	return times, group.Wait()
}

// allowedText is in every answer that allows.
var allowedText = []byte(`"allowed":true`)

func (r *reviewed) ask(ctx context.Context, client *http.Client, review review) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("https://127.0.0.1:%d%s", r.port, review.path), bytes.NewReader(review.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || !bytes.Contains(answer, allowedText)) {
		err = fmt.Errorf("review of %s: %s: %.200s", review.name, response.Status, answer)
	}
	return err
}

// bodies are reviews with the objects as the API server sends them: with managed fields
// and defaults.
func (r *reviewed) bodies(ctx context.Context) ([]review, error) {
	app, err := r.spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, load.Application(namespace, "direct", 1), metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	app.TypeMeta = metav1.TypeMeta{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication"}
	pod, err := r.core.CoreV1().Pods(namespace).Create(ctx, limited(executorOf(namespace, "direct", 1)), metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	var all []review
	for _, one := range []struct {
		name, path, resource string
		object               metav1.Object
	}{
		{"mutate", "/mutate-sparkoperator-k8s-io-v1beta2-sparkapplication", "sparkapplications", app},
		{"validate", "/validate-sparkoperator-k8s-io-v1beta2-sparkapplication", "sparkapplications", app},
		{"executor", "/mutate--v1-pod", "pods", pod},
	} {
		body, err := reviewOf(one.object, one.resource)
		if err != nil {
			return nil, err
		}
		all = append(all, review{one.name, one.path, body})
	}
	return all, nil
}

// reviewOf is the review of a creation in the reviewed namespace.
func reviewOf(object metav1.Object, resource string) ([]byte, error) {
	object.SetNamespace(reviewedNamespace)
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	kind := metav1.GroupVersionKind{Group: v1beta2.SchemeGroupVersion.Group, Version: v1beta2.SchemeGroupVersion.Version, Kind: "SparkApplication"}
	if _, isPod := object.(*corev1.Pod); isPod {
		kind = metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}
	}
	of := metav1.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: resource}
	return json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "705ab4f5-6393-11e8-b7cc-42010a800002", Kind: kind, RequestKind: &kind, Resource: of, RequestResource: &of,
			Name: object.GetName(), Namespace: reviewedNamespace, Operation: admissionv1.Create,
			UserInfo: authenticationv1.UserInfo{Username: string(plane.Person), Groups: []string{"system:masters", "system:authenticated"}},
			Object:   k8sruntime.RawExtension{Raw: raw},
			Options:  k8sruntime.RawExtension{Raw: []byte(`{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}`)},
			DryRun:   new(bool),
		},
	})
}

// connections opens connections that send nothing, and compares the memory of the
// webhook with that beside as many as it allows.
func (r *reviewed) connections(ctx context.Context, size AdmissionSize) error {
	all := &idle{config: r.tls(), address: fmt.Sprintf("127.0.0.1:%d", r.port)}
	defer all.close()
	var memory []float64
	for _, count := range []int{min(usualConnections, size.Connections), size.Connections} {
		if err := all.open(ctx, count); err != nil {
			return err
		}
		cost, err := plane.CostOf(r.webhook.PID())
		if err != nil {
			return err
		}
		memory = append(memory, float64(cost.Resident)/(1<<20))
	}
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.ask(ctx, client, r.last); err != nil {
		return fmt.Errorf("beside %d connections: %w", size.Connections, err)
	}
	r.extra["connections"], r.extra["memoryMB"] = float64(size.Connections), report.Round(memory[1])
	r.extra["connectionsMemoryRatio"] = report.Round(memory[1] / memory[0])
	r.setup.logf("admission: %.0f MB beside %d connections, %.0f MB beside %d", memory[1], size.Connections, memory[0], usualConnections)
	return nil
}

// idle are connections that send nothing.
type idle struct {
	config  *tls.Config
	address string

	lock sync.Mutex
	all  []net.Conn
}

// open opens connections until so many were opened. Those that the webhook has closed
// count.
func (i *idle) open(ctx context.Context, count int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dialers)
	for range count - len(i.all) {
		group.Go(func() error {
			conn, err := (&tls.Dialer{Config: i.config}).DialContext(ctx, "tcp", i.address)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				return err
			}
			i.lock.Lock()
			defer i.lock.Unlock()
			if conn != nil {
				i.all = append(i.all, conn)
			}
			return nil
		})
	}
	return group.Wait()
}

func (i *idle) close() {
	for _, conn := range i.all {
		_ = conn.Close()
	}
}
