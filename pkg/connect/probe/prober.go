// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/connect/activity"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

const (
	// perSecond is how many probes begin in a second, of all servers together.
	perSecond, burst = 50, 10
	// workers is how many servers that answer are asked at the same time, and how many others.
	workers = 8
	// timeout is how long one probe takes at most.
	timeout = 10 * time.Second
	// shortest and longest bound the time between two probes of a server.
	shortest, longest = 10 * time.Second, time.Minute
	// patience is how many probes in a row may fail before the server is asked less often.
	patience = 3
	// longestRetry bounds the time until a server is asked again that does not answer.
	longestRetry = 5 * time.Minute
)

// Interval is the time between two probes of a server with a timeout for idleness.
func Interval(idleTimeout time.Duration) time.Duration {
	return min(max(idleTimeout/10, shortest), longest)
}

// Target is a server to be asked.
type Target struct {
	poller.Pod
	// IdleTimeout is spec.idleTimeout. How often the server is asked follows from it.
	IdleTimeout time.Duration
	// Since is when the server was last in use as far as is known, for its first probe.
	Since time.Time
}

// View is what is known of a server.
type View struct {
	Track activity.Track
	// Failure is why the latest probe failed; nil if it did not.
	Failure *Failure
}

// Probed is the result of one probe.
type Probed struct {
	Key cache.ObjectName
	// Before and After are what was known before and after it.
	Before, After View
	// IdleTimeout is that of the target.
	IdleTimeout time.Duration
}

// Prober asks servers. Its methods are safe for concurrent use.
type Prober struct {
	clock  clock.PassiveClock
	client *http.Client
	poller *poller.Poller[Target, View]
}

// New returns a Prober that asks no server before Run. Report is called after every probe.
// Transport makes the requests; nil for the network.
func New(clk clock.WithTicker, transport http.RoundTripper, report func(Probed)) *Prober {
	p := &Prober{clock: clk, client: webui.NewClient(timeout)}
	if transport != nil {
		p.client.Transport = transport
	}
	p.poller = poller.New(poller.Config[Target, View]{
		Clock: clk, PerSecond: perSecond, Burst: burst, Workers: workers, Ask: p.ask,
		Report: func(key cache.ObjectName, target Target, before, after View) {
			report(Probed{Key: key, Before: before, After: after, IdleTimeout: target.IdleTimeout})
		},
	})
	return p
}

// Follow asks a server from now on, until Forget. It may be called again and again.
func (p *Prober) Follow(key cache.ObjectName, target Target) {
	p.poller.Follow(key, target, View{Track: activity.Track{LastActivity: target.Since}}, 0)
}

// Forget stops asking a server.
func (p *Prober) Forget(key cache.ObjectName) { p.poller.Forget(key) }

// Ask asks a server that is followed as soon as possible.
func (p *Prober) Ask(key cache.ObjectName) { p.poller.AskNow(key) }

// View returns what is known of a server whose pod has a UID; false if that pod is not
// followed.
func (p *Prober) View(key cache.ObjectName, pod types.UID) (View, bool) {
	return p.poller.View(key, pod)
}

// Run asks servers until ctx is done.
func (p *Prober) Run(ctx context.Context) {
	p.poller.Run(ctx)
	p.client.CloseIdleConnections()
}

// ask makes one probe.
func (p *Prober) ask(ctx context.Context, target Target, before View) (after View, again time.Duration, answers bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	at := p.clock.Now()
	a := &asker{ctx: ctx, client: p.client, target: target.Pod, now: p.clock.Now}
	var reading activity.Reading
	err := poller.Guard(ctx, target.Pod, func() (err error) {
		reading, err = a.ask()
		return err
	})
	if err == nil {
		after = View{before.Track.Succeeded(at, reading, a.trusted), nil}
	} else {
		after = View{before.Track.Failed(at), failureOf(err)}
	}
	return after, delay(target.IdleTimeout, after.Track.Failures), answered(err)
}

// answered reports whether the server has answered in time.
func answered(err error) bool {
	var failure *webui.Error
	return !errors.As(err, &failure) || failure.Status != 0
}

// delay is the time until the next probe. It doubles with every failure after the first few.
func delay(idleTimeout time.Duration, failures int) time.Duration {
	return poller.Backoff(Interval(idleTimeout), failures-patience, longestRetry)
}
