// SPDX-License-Identifier: Apache-2.0

// Package faultproxy puts an HTTP proxy between a program and an API server, so
// that a test can stop the program, or refuse and delay its requests, at an exact
// point of its conversation.
package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // net/http wants its type
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Moment is a point in the life of a request.
type Moment int

const (
	// Before is before the API server has seen the request.
	Before Moment = iota
	// After is when the API server has carried the request out and the client has
	// not heard of it.
	After
)

// Observer gets every write (POST, PUT, PATCH, DELETE) that is not an event
// or a lease, once Before and once After. number counts the writes from 1. An error
// is answered to the client as 503 in place of what the server said.
type Observer func(moment Moment, number int64, request *http.Request) error

// Proxy listens on loopback until Close.
type Proxy struct {
	// URL is where clients connect; no credentials are needed there.
	URL string

	observer   atomic.Pointer[Observer]
	writes     atomic.Int64
	disturber  atomic.Pointer[Disturber]
	requests   atomic.Int64
	watchDelay atomic.Int64 // nanoseconds
	server     *http.Server

	lock    sync.Mutex
	inDoubt map[string]int
}

// New starts a proxy that speaks to the API server of config with the credentials
// of config.
func New(config *rest.Config) (*Proxy, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("parse API server URL %q: %w", config.Host, err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("build transport to %s: %w", config.Host, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	proxy := &Proxy{URL: "http://" + listener.Addr().String(), inDoubt: map[string]int{}}
	upstream := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // watches must arrive event by event
		// Connections break whenever a server is killed; that is the point.
		ErrorLog: log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	proxy.server = &http.Server{Handler: proxy.handle(upstream), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = proxy.server.Serve(listener) }()
	return proxy, nil
}

func (p *Proxy) handle(upstream http.Handler) http.Handler {
	return p.disturb(p.noteDoubts(p.delay(p.observe(upstream))))
}

// Observe replaces the observer and starts to count writes anew. nil observes nothing.
func (p *Proxy) Observe(observer Observer) {
	p.writes.Store(0)
	if observer == nil {
		p.observer.Store(nil)
		return
	}
	p.observer.Store(&observer)
}

// Writes is the number of writes since the last Observe.
func (p *Proxy) Writes() int64 { return p.writes.Load() }

// Close ends all connections.
func (p *Proxy) Close() error {
	err := p.server.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// WriteKubeconfig writes a kubeconfig for the proxy into dir and returns its path.
func (p *Proxy) WriteKubeconfig(dir string) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: p.URL}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy"}
	config.CurrentContext = "proxy"
	path := filepath.Join(dir, "proxy.kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return "", err
	}
	return path, os.Chmod(path, 0o600)
}

func (p *Proxy) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		observer := p.observer.Load()
		if observer == nil || !isWrite(r) {
			next.ServeHTTP(w, r)
			return
		}
		number := p.writes.Add(1)
		if err := (*observer)(Before, number, r); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		// The answer is held back until the observer has had its say: what it does
		// happens after the server's write and before the client knows of it. The
		// client's own connection may die in between, hence the detached context.
		answer := newHeldAnswer()
		next.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
		if err := (*observer)(After, number, r); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer.release(w)
	})
}

func isWrite(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return false
	}
	for _, untold := range []string{"/events", "/leases"} {
		if strings.Contains(r.URL.Path, untold) {
			return false
		}
	}
	return true
}

// heldAnswer is a response kept in memory.
type heldAnswer struct {
	header http.Header
	status int
	body   []byte
}

func newHeldAnswer() *heldAnswer {
	return &heldAnswer{header: http.Header{}, status: http.StatusOK}
}

func (a *heldAnswer) Header() http.Header { return a.header }

func (a *heldAnswer) WriteHeader(status int) { a.status = status }

func (a *heldAnswer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return len(b), nil
}

func (a *heldAnswer) release(w http.ResponseWriter) {
	for key, values := range a.header {
		w.Header()[key] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
