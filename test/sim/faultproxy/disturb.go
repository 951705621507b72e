// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Disturbance is what goes wrong with a request. The zero value is nothing.
type Disturbance struct {
	// Delay is how long the proxy holds the request before everything else.
	Delay time.Duration
	// Moment is when it goes wrong: with After, the API server has carried the
	// request out.
	Moment Moment
	// Status is the code that the client gets for an answer.
	Status int
	// Abort closes the connection without an answer.
	Abort bool
}

// Disturber says what goes wrong with a request of any kind. number counts them
// from 1. Watches are disturbed only Before, that is when they begin.
type Disturber func(number int64, request *http.Request) Disturbance

// Disturb lets requests fail from now on; nil for no more.
func (p *Proxy) Disturb(disturber Disturber) {
	if disturber == nil {
		p.disturber.Store(nil)
		return
	}
	p.disturber.Store(&disturber)
}

// DelayWatches holds back all that watches deliver for so long, as an API server or a
// network does that is overloaded. It holds for watches that begin from now on; 0
// for no delay.
func (p *Proxy) DelayWatches(delay time.Duration) { p.watchDelay.Store(int64(delay)) }

// IsWatch reports whether a request begins a watch.
func IsWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

func (p *Proxy) disturb(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		disturber := p.disturber.Load()
		if disturber == nil {
			next.ServeHTTP(w, r)
			return
		}
		d := (*disturber)(p.requests.Add(1), r)
		fails := (d.Status != 0 || d.Abort) && (d.Moment == Before || !IsWatch(r))
		if d.Delay > 0 {
			if fails && d.Moment == Before {
				// The server sees that the client has gone only once the body is read.
				_, _ = io.Copy(io.Discard, r.Body)
			}
			select {
			case <-r.Context().Done():
			case <-time.After(d.Delay):
			}
		}
		if !fails {
			next.ServeHTTP(w, r)
			return
		}
		if d.Moment == After {
			next.ServeHTTP(newHeldAnswer(), r.WithContext(context.WithoutCancel(r.Context())))
		}
		if d.Abort {
			panic(http.ErrAbortHandler) // net/http's way to close a connection
		}
		if d.Status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, "the request was disturbed", d.Status)
	})
}

func (p *Proxy) delay(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delay := time.Duration(p.watchDelay.Load())
		if delay == 0 || !IsWatch(r) {
			next.ServeHTTP(w, r)
			return
		}
		late := &lateAnswer{ResponseWriter: w, delay: delay, pieces: make(chan piece, 10_000), end: r.Context().Done()}
		written := make(chan struct{})
		go func() {
			defer close(written)
			late.write()
		}()
		defer func() {
			close(late.pieces)
			<-written
		}()
		next.ServeHTTP(late, r)
	})
}

// lateAnswer passes on what is written to it, later.
type lateAnswer struct {
	http.ResponseWriter
	delay  time.Duration
	pieces chan piece
	end    <-chan struct{} // of the client's interest
}

type piece struct {
	due  time.Time
	text []byte
}

// WriteHeader implements http.ResponseWriter. The client waits for the header to
// know that its watch has begun.
func (a *lateAnswer) WriteHeader(status int) {
	a.ResponseWriter.WriteHeader(status)
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// Write implements http.ResponseWriter.
func (a *lateAnswer) Write(b []byte) (int, error) {
	a.pieces <- piece{time.Now().Add(a.delay), append([]byte(nil), b...)}
	return len(b), nil
}

// FlushError implements what [http.ResponseController] looks for: there is nothing
// to flush until a piece is due.
func (a *lateAnswer) FlushError() error { return nil }

func (a *lateAnswer) write() {
	for p := range a.pieces {
		select {
		case <-time.After(time.Until(p.due)):
		case <-a.end:
			continue // the listener is closed
		}
		if _, err := a.ResponseWriter.Write(p.text); err == nil {
			_ = http.NewResponseController(a.ResponseWriter).Flush()
		}
	}
}
