// SPDX-License-Identifier: Apache-2.0

// Package serverclock is the clock by which the operator judges times that the cluster
// has written: when a pod was created or a container started. If the clock of the
// machine is wrong, by an hour say, those judged by it would be over at once, or never.
//
// The API server sends its time with every answer. As long as both clocks agree within
// [Tolerance], that of the machine counts alone.
package serverclock

import (
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	// Tolerance is by how much the clocks may differ: the time of an answer has whole
	// seconds, and its way takes time.
	Tolerance = 10 * time.Second
	// slow is how long a request takes at least whose answer says too little about now.
	slow = 2 * time.Second
)

// Clock is the clock of the machine with the time of the API server. The zero value has
// that of the machine until [Clock.Wrap] has seen an answer.
type Clock struct {
	clock.RealClock
	// machine is the clock of the machine; nil for the real one.
	machine clock.PassiveClock
	// behind is by how much the machine is behind the API server, in nanoseconds.
	behind atomic.Int64
}

// Now returns the present time.
func (c *Clock) Now() time.Time { return c.local().Add(time.Duration(c.behind.Load())) }

// Since returns the time that has passed since t.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Timers returns the clock that delays follow: clk, or the clock of the machine if clk is a
// [Clock]. How long a delay is must not change when one of the clocks is set right.
func Timers(clk clock.WithTicker) clock.WithTicker {
	if corrected, ok := clk.(interface{ Timers() clock.WithTicker }); ok {
		return corrected.Timers()
	}
	return clk
}

// Timers returns the clock of the machine: see the function of this name.
func (c *Clock) Timers() clock.WithTicker { return c.RealClock }

func (c *Clock) local() time.Time {
	if c.machine != nil {
		return c.machine.Now()
	}
	return c.RealClock.Now()
}

// Wrap returns a transport to the API server from whose answers the clock is set.
func (c *Clock) Wrap(next http.RoundTripper) http.RoundTripper { return transport{c, next} }

type transport struct {
	clock *Clock
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := t.clock.local()
	answer, err := t.next.RoundTrip(request)
	if err != nil {
		return answer, err
	}
	took := t.clock.local().Sub(sent)
	if at, parseErr := http.ParseTime(answer.Header.Get("Date")); parseErr == nil && took >= 0 && took < slow {
		t.clock.set(request, at.Add(time.Second/2).Sub(sent.Add(took/2)))
	}
	return answer, err
}

// WrappedRoundTripper is how client-go finds the transport that closes its connections.
func (t transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// set notes by how much the machine is behind.
func (c *Clock) set(request *http.Request, behind time.Duration) {
	known := time.Duration(c.behind.Load())
	switch {
	case behind.Abs() <= Tolerance:
		behind = 0
	case (behind - known).Abs() <= Tolerance:
		return // the same, within the precision of an answer
	}
	if known != behind {
		c.behind.Store(int64(behind))
		klog.FromContext(request.Context()).Info("The clocks of this machine and of the API server differ; the operator uses the time of the API server", "behind", behind)
	}
}
