// SPDX-License-Identifier: Apache-2.0

// Package serve is the HTTPS server of the webhook. It bounds what it uses, whoever
// connects: connections, reviews at the same time, the size of a body, and the time
// that each part of a request may take. Certificates are looked up for each handshake,
// so a new one needs no restart.
package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // the type of http.Server.ErrorLog; its lines go to klog
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// Limits of the server.
const (
	// MaxConnections is how many connections are open at the same time. An API server
	// needs a few.
	MaxConnections = 1000
	// MaxBody is the size of a review in bytes. An object has 3 MiB at most, and the
	// review of an update holds it twice.
	MaxBody = 7 << 20
	// maxReviews is how many reviews are answered at the same time, maxSmall how many
	// bodies up to smallBody are in memory, and maxLarge how many larger ones. A body
	// that arrives slowly takes no turn of a review.
	maxReviews = 64
	maxSmall   = 1000
	maxLarge   = 8
	smallBody  = 64 << 10 // bytes
	// maxStreams is how many requests one connection may send at the same time.
	maxStreams = 100

	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second // of headers and body
	smallTimeout  = 3 * time.Second  // of a body up to smallBody
	writeTimeout  = 30 * time.Second // of the whole request
	idleTimeout   = 2 * time.Minute
	// patience is how long a review waits for its turn. The API server waits 10 s.
	patience = 8 * time.Second
	// drain is how long reviews that have begun may take when the process ends.
	drain = 10 * time.Second
)

// Reviewer answers reviews; see [webhook.Webhook].
type Reviewer interface {
	Paths() []string
	Review(path string, body []byte) ([]byte, webhook.Outcome, error)
}

// Config is what a server needs.
type Config struct {
	Reviewer Reviewer
	// TLS has the versions and cipher suites.
	TLS *tls.Config
	// Certificate returns the certificate for the next handshake.
	Certificate func() (*tls.Certificate, error)
	// Linger is how long new connections are accepted after the context is
	// done: until no Service routes them to this pod.
	Linger time.Duration
	// Metrics counts; nil for nothing.
	Metrics *Metrics
}

// Run serves on the listener until ctx is done, and then until what has begun is
// answered.
func Run(ctx context.Context, listener net.Listener, config Config) error {
	logger := klog.FromContext(ctx)
	connections := newConnections(MaxConnections)
	secure := config.TLS.Clone()
	secure.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return config.Certificate() }
	server := &http.Server{
		Handler:           NewHandler(logger, config.Reviewer, config.Metrics),
		TLSConfig:         secure,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    32 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnState:         connections.changed,
		ErrorLog:          log.New(NewErrorLog(logger), "", 0),
	}
	config.Metrics.countConnections(connections.open)
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	logger.Info("Serving reviews", "address", listener.Addr())
	select {
	case err := <-failed:
		return fmt.Errorf("webhook server: %w", err)
	case <-ctx.Done():
	}
	select {
	case err := <-failed:
		return fmt.Errorf("webhook server: %w", err)
	case <-time.After(config.Linger):
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close()
		return fmt.Errorf("reviews that have begun were not answered within %v: %w", drain, err)
	}
	return nil
}

// NewErrorLog returns a writer of [http.Server.ErrorLog] that logs at level 4: clients
// that connect and close must not fill the log.
func NewErrorLog(logger klog.Logger) io.Writer { return verbose{logger} }

// verbose logs the lines of net/http at level 4.
type verbose struct{ logger klog.Logger }

// Write logs a line.
func (v verbose) Write(line []byte) (int, error) {
	v.logger.V(4).Info("Connection", "message", string(line))
	return len(line), nil
}

// handler answers HTTP requests.
type handler struct {
	logger   klog.Logger
	reviewer Reviewer
	metrics  *Metrics
	// reviews are the turns of answers, small and large those of bodies in memory.
	reviews, small, large chan struct{}
	// smallTimeout is the time limit of a small body.
	smallTimeout time.Duration
}

// NewHandler returns the handler of all paths of the reviewer.
func NewHandler(logger klog.Logger, reviewer Reviewer, metrics *Metrics) http.Handler {
	h := newHandler(logger, reviewer, metrics)
	mux := http.NewServeMux()
	for _, path := range reviewer.Paths() {
		mux.Handle(path, h)
	}
	return mux
}

func newHandler(logger klog.Logger, reviewer Reviewer, metrics *Metrics) *handler {
	return &handler{
		logger: logger, reviewer: reviewer, metrics: metrics, smallTimeout: smallTimeout,
		reviews: make(chan struct{}, maxReviews), small: make(chan struct{}, maxSmall), large: make(chan struct{}, maxLarge),
	}
}

// ServeHTTP answers one review.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	finished := h.metrics.began(r.URL.Path)
	outcome, status, err := h.review(w, r)
	if err != nil {
		outcome = failed
		h.logger.V(2).Info("Not a review that can be answered", "path", r.URL.Path, "from", r.RemoteAddr, "status", status, "err", err)
		http.Error(w, err.Error(), status)
	}
	finished(outcome)
}

func (h *handler) review(w http.ResponseWriter, r *http.Request) (outcome webhook.Outcome, status int, err error) {
	switch kind := r.Header.Get("Content-Type"); {
	case r.Method != http.MethodPost:
		return "", http.StatusMethodNotAllowed, fmt.Errorf("method %s; send an AdmissionReview by POST", r.Method)
	case kind != "application/json":
		return "", http.StatusUnsupportedMediaType, fmt.Errorf("content type %.100q; send application/json", kind)
	case r.ContentLength > MaxBody:
		return "", http.StatusRequestEntityTooLarge, fmt.Errorf("the body has %d bytes; a review has at most %d", r.ContentLength, MaxBody)
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	bodies, limit := h.small, h.smallTimeout
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		bodies, limit = h.large, readTimeout
	}
	if !take(ctx, bodies) {
		return "", http.StatusServiceUnavailable, errors.New("too many requests at the same time; try again")
	}
	defer func() { <-bodies }()
	if err := http.NewResponseController(w).SetReadDeadline(clock.RealClock{}.Now().Add(limit)); err != nil {
		return "", http.StatusInternalServerError, fmt.Errorf("limit the time of the body: %w", err)
	}
	var buffer bytes.Buffer
	buffer.Grow(bytes.MinRead + int(min(max(r.ContentLength, 0), smallBody))) // more only for what has arrived
	_, err = buffer.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return "", http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes, which no review has", MaxBody)
	}
	if err != nil {
		return "", http.StatusBadRequest, fmt.Errorf("read the body: %w", err)
	}
	if !take(ctx, h.reviews) {
		return "", http.StatusServiceUnavailable, errors.New("too many reviews at the same time; try again")
	}
	defer func() { <-h.reviews }()
	answer, outcome, err := h.answer(r.URL.Path, buffer.Bytes())
	if err != nil {
		return "", http.StatusBadRequest, err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // fails only if the client has closed the connection
	return outcome, 0, nil
}

// answer asks the reviewer. A mistake in it costs one review, not the process.
func (h *handler) answer(path string, body []byte) (answer []byte, outcome webhook.Outcome, err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			h.logger.Error(nil, "Panic in a review", "path", path, "panic", mistake, "stack", string(debug.Stack()))
			h.metrics.panicked()
			answer, outcome, err = nil, "", errors.New("the webhook made a mistake; its log has more")
		}
	}()
	return h.reviewer.Review(path, body)
}

// take waits for a turn.
func take(ctx context.Context, turns chan<- struct{}) bool {
	select {
	case turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
