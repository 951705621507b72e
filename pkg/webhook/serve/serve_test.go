// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// reviewer answers with what the test says.
type reviewer func(body []byte) ([]byte, webhook.Outcome, error)

func (reviewer) Paths() []string { return []string{"/review"} }

func (r reviewer) Review(_ string, body []byte) ([]byte, webhook.Outcome, error) { return r(body) }

func echo(body []byte) ([]byte, webhook.Outcome, error) { return body, webhook.Allowed, nil }

type server struct {
	address string
	stop    func() error
	client  *http.Client
	metrics *Metrics
}

func start(t *testing.T, r reviewer) *server {
	t.Helper()
	certPEM, keyPEM, err := certutil.GenerateSelfSignedCertKey("localhost", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := NewMetrics(prometheus.NewRegistry(), clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	quiet := klog.NewContext(context.Background(), klog.Logger{}) // the zero Logger discards
	ctx, cancel := context.WithCancel(quiet)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, listener, Config{
			Reviewer: r, TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Metrics: metrics,
			Certificate: func() (*tls.Certificate, error) { return &pair, nil },
		})
	}()
	s := &server{address: listener.Addr().String(), metrics: metrics, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
	}}}
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *server) post(t *testing.T, path, kind string, body io.Reader) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+s.address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func TestReviewsAreAnswered(t *testing.T) {
	s := start(t, echo)
	if status, text := s.post(t, "/review", "application/json", strings.NewReader("{}")); status != http.StatusOK || text != "{}" {
		t.Errorf("%d %s", status, text)
	}
	if got := testutil.ToFloat64(s.metrics.reviews.WithLabelValues("review", "allowed")); got != 1 {
		t.Errorf("%v reviews counted", got)
	}
}

func TestRequestsThatAreNoReviews(t *testing.T) {
	s := start(t, func(body []byte) ([]byte, webhook.Outcome, error) {
		if string(body) == "panic" {
			panic("secret of a mistake")
		}
		return nil, "", errors.New("not a review")
	})
	endless := func() io.Reader {
		return io.MultiReader(bytes.NewReader(make([]byte, MaxBody)), strings.NewReader("x"))
	}
	for name, test := range map[string]struct {
		path, kind string
		body       io.Reader
		status     int
		want       string
	}{
		"another path":        {"/other", "application/json", strings.NewReader("{}"), 404, "not found"},
		"another type":        {"/review", "application/yaml", strings.NewReader("{}"), 415, "send application/json"},
		"not answerable":      {"/review", "application/json", strings.NewReader("{}"), 400, "not a review"},
		"10 MB":               {"/review", "application/json", bytes.NewReader(make([]byte, 10<<20)), 413, "at most"},
		"10 MB without count": {"/review", "application/json", endless(), 413, "more than"},
		"a mistake of ours":   {"/review", "application/json", strings.NewReader("panic"), 400, "made a mistake"},
	} {
		status, text := s.post(t, test.path, test.kind, test.body)
		if status != test.status || !strings.Contains(text, test.want) || strings.Contains(text, "secret") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	response, err := s.client.Get("https://" + s.address + "/review")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", response.StatusCode)
	}
	if got := testutil.ToFloat64(s.metrics.panics); got != 1 {
		t.Errorf("%v panics counted", got)
	}
}

func TestHalfClosedConnectionsEnd(t *testing.T) {
	s := start(t, echo)
	for _, sent := range []string{
		"", "POST /review HTTP/1.1\r\nHost: x\r\n",
		"POST /review HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		conn, err := dialer.DialContext(t.Context(), "tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		secure, ok := conn.(*tls.Conn)
		if !ok {
			t.Fatalf("%T", conn)
		}
		if _, err := io.WriteString(secure, sent); err != nil {
			t.Fatal(err)
		}
		if err := secure.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_ = secure.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(secure)
		if err != nil || len(answer) > 0 && !bytes.Contains(answer, []byte("400 Bad Request")) {
			t.Errorf("%q: %q, %v", sent, answer, err)
		}
		_ = secure.Close()
	}
}

// TestSlowBodiesTakeNoTurn: more bodies than there are turns, which never arrive, do not
// keep another review from being answered.
func TestSlowBodiesTakeNoTurn(t *testing.T) {
	const slow = 2 * maxReviews
	h := newHandler(klog.Logger{}, reviewer(echo), nil)
	h.smallTimeout = time.Hour // no body ends before the other review is answered
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	post := func(ctx context.Context, body io.Reader, length int64) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/review", body)
		if err != nil {
			return 0, err
		}
		request.ContentLength = length
		request.Header.Set("Content-Type", "application/json")
		response, err := server.Client().Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var requests sync.WaitGroup
	for range slow {
		requests.Go(func() {
			body, end := io.Pipe()
			defer end.Close()
			_, _ = post(ctx, body, 100)
		})
	}
	for deadline := time.Now().Add(time.Minute); len(h.small) < slow; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bodies of %d are under way", len(h.small), slow)
		}
	}
	if status, err := post(t.Context(), strings.NewReader("{}"), 2); err != nil || status != http.StatusOK {
		t.Errorf("beside slow bodies: %d, %v", status, err)
	}
	if got := len(h.small); got < slow {
		t.Errorf("%d slow bodies of %d were under way until the review was answered", got, slow)
	}
	cancel()
	requests.Wait()
}

func TestWhatHasBegunIsAnsweredAtTheEnd(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	s := start(t, func(body []byte) ([]byte, webhook.Outcome, error) {
		close(begun)
		<-goOn
		return body, webhook.Allowed, nil
	})
	answered := make(chan string, 1)
	go func() {
		status, text := s.post(t, "/review", "application/json", strings.NewReader("{}"))
		answered <- fmt.Sprint(status, text)
	}()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	time.Sleep(50 * time.Millisecond)
	close(goOn)
	if err, text := <-ended, <-answered; err != nil || text != "200{}" {
		t.Errorf("%v, %s", err, text)
	}
}

// TestManyConnections: 10,000 connections that send nothing neither fill the memory nor
// keep reviews from being answered, and no more than the limit are open.
func TestManyConnections(t *testing.T) {
	const all, dialers = 10000, 50
	s := start(t, echo)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var dialed atomic.Int64
	var dialing sync.WaitGroup
	for range dialers {
		dialing.Go(func() {
			for range all / dialers {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address)
				if err != nil {
					continue // the backlog is full
				}
				dialed.Add(1)
				// The kernel keeps it open; closing at the end only.
				t.Cleanup(func() { _ = conn.Close() })
			}
		})
	}
	for range 20 {
		if status, text := s.post(t, "/review", "application/json", strings.NewReader("{}")); status != http.StatusOK {
			t.Errorf("in the crowd: %d %s", status, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
	dialing.Wait()
	if status, text := s.post(t, "/review", "application/json", strings.NewReader("{}")); status != http.StatusOK {
		t.Errorf("after the crowd: %d %s", status, text)
	}
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("%d connections, %d MiB more", dialed.Load(), grown>>20)
	if dialed.Load() < all/2 || grown > 100<<20 {
		t.Errorf("%d connections need %d MiB", dialed.Load(), grown>>20)
	}
}
