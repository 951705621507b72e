// SPDX-License-Identifier: Apache-2.0

// Package faults makes an API server unpleasant for one client: it refuses some
// requests, fails others after they were carried out, and is slow at times.
package faults

import (
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // net/http wants its type
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Shares of all requests, in percent, that meet with each fault.
const (
	throttled = 1 // 429, not carried out
	refused   = 1 // 500, not carried out
	forgotten = 1 // carried out, but answered with 500
	delayed   = 3 // by up to maxDelay
	maxDelay  = 500 * time.Millisecond
)

// webhookTimeout is how long the API server waits for an admission webhook at most.
const webhookTimeout = 30 * time.Second

// Proxy stands between a client and the API server until Close.
type Proxy struct {
	url    string
	server *http.Server
	on     atomic.Bool
	faults atomic.Int64

	// hanging is the namespace in which no pod can be created; nil for none.
	hanging atomic.Pointer[string]
	hung    atomic.Int64

	lock    sync.Mutex
	inDoubt map[string]int
}

// New starts a proxy on loopback that reaches the API server by config. It makes
// no trouble before Trouble says so.
func New(config *rest.Config) (*Proxy, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("address of the API server: %w", err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("transport of the proxy: %w", err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("address of the proxy: %w", err)
	}
	p := &Proxy{url: "http://" + listener.Addr().String(), inDoubt: map[string]int{}}
	upstream := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // watches arrive event by event
		// Connections break whenever a server is killed; that is the point.
		ErrorLog: log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	p.server = &http.Server{Handler: p.handle(upstream), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Trouble switches the faults on or off.
func (p *Proxy) Trouble(on bool) { p.on.Store(on) }

// Hang has every creation of a pod in a namespace fail as late as an admission webhook
// that hangs has it fail.
func (p *Proxy) Hang(namespace string) { p.hanging.Store(&namespace) }

// Hung is how many creations hang or have hung.
func (p *Proxy) Hung() int64 { return p.hung.Load() }

// hangs reports whether a request hangs, after it has.
func (p *Proxy) hangs(w http.ResponseWriter, r *http.Request) bool {
	namespace := p.hanging.Load()
	if namespace == nil || r.Method != http.MethodPost || r.URL.Path != "/api/v1/namespaces/"+*namespace+"/pods" {
		return false
	}
	p.hung.Add(1)
	// The server sees that the client has gone only once the body is read.
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-r.Context().Done():
	case <-time.After(webhookTimeout):
	}
	http.Error(w, "failed calling webhook: context deadline exceeded", http.StatusInternalServerError)
	return true
}

// Faults is how many requests have met with one.
func (p *Proxy) Faults() int64 { return p.faults.Load() }

// Close ends the proxy and all connections.
func (p *Proxy) Close() error {
	if err := p.server.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("end of the proxy: %w", err)
	}
	return nil
}

// Kubeconfig writes a file for clients of the proxy, who need no credentials.
func (p *Proxy) Kubeconfig(folder string) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["faults"] = &clientcmdapi.Cluster{Server: p.url}
	config.Contexts["faults"] = &clientcmdapi.Context{Cluster: "faults"}
	config.CurrentContext = "faults"
	path := filepath.Join(folder, "faults.kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return "", fmt.Errorf("kubeconfig of the proxy: %w", err)
	}
	return path, nil
}

func (p *Proxy) handle(server http.Handler) http.Handler {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, writes := stateWritten(r)
		if !writes {
			server.ServeHTTP(w, r)
			return
		}
		_, thrownAway := w.(discard)
		answered := &answer{ResponseWriter: w, code: http.StatusOK}
		complete := false // it is not if the server is killed while it answers
		defer func() {
			if !complete || uncertain(answered.code, !thrownAway) {
				p.noteDoubt(state)
			}
		}()
		server.ServeHTTP(answered, r)
		complete = true
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.hangs(w, r) {
			return
		}
		if !p.on.Load() || r.URL.Query().Get("watch") != "" {
			next.ServeHTTP(w, r)
			return
		}
		switch dice := rand.IntN(100); {
		case dice < throttled:
			p.faults.Add(1)
			w.Header().Set("Retry-After", "1")
			http.Error(w, "injected fault", http.StatusTooManyRequests)
		case dice < throttled+refused:
			p.faults.Add(1)
			http.Error(w, "injected fault", http.StatusInternalServerError)
		case dice < throttled+refused+forgotten:
			p.faults.Add(1)
			next.ServeHTTP(discard{http.Header{}}, r)
			http.Error(w, "injected fault", http.StatusInternalServerError)
		case dice < throttled+refused+forgotten+delayed:
			p.faults.Add(1)
			time.Sleep(rand.N(maxDelay))
			next.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// discard is an answer that the client never gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return io.Discard.Write(b) }
func (d discard) WriteHeader(int)             {}
