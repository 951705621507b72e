// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/connect/activity"
	"github.com/spark-operator/spark-operator/pkg/serverclock"
)

const (
	// perSecond is how many probes begin in a second, of all servers together.
	perSecond, burst = 50, 10
	// connections is how many servers are asked at the same time.
	connections = 16
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
	// PodUID is that of the server pod. What was seen of another pod is forgotten.
	PodUID types.UID
	// Address is host and port of the web UI.
	Address string
	// ApplicationID is the id of the Spark application that the web UI has to show.
	ApplicationID string
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
	clock   clock.WithTicker
	report  func(Probed)
	client  *http.Client
	queue   workqueue.TypedDelayingInterface[cache.ObjectName]
	limiter flowcontrol.RateLimiter

	lock    sync.Mutex
	servers map[cache.ObjectName]*server
}

type server struct {
	target Target
	view   View
}

// New returns a Prober that asks no server before Run. Report is called after every probe.
// Transport makes the requests; nil for the network.
func New(clk clock.WithTicker, transport http.RoundTripper, report func(Probed)) *Prober {
	return &Prober{
		clock: clk, report: report, client: newClient(transport),
		queue:   workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[cache.ObjectName]{Name: "sparkconnect-probes", Clock: serverclock.Timers(clk)}),
		limiter: flowcontrol.NewTokenBucketRateLimiter(perSecond, burst),
		servers: map[cache.ObjectName]*server{},
	}
}

// Follow asks a server from now on, until Forget. It may be called again and again.
func (p *Prober) Follow(key cache.ObjectName, target Target) {
	p.lock.Lock()
	defer p.lock.Unlock()
	known := p.servers[key]
	if known != nil && known.target.PodUID == target.PodUID && known.target.Address == target.Address && known.target.ApplicationID == target.ApplicationID {
		known.target.IdleTimeout = target.IdleTimeout
		return
	}
	p.servers[key] = &server{target: target, view: View{Track: activity.Track{LastActivity: target.Since}}}
	p.queue.Add(key)
}

// Forget stops asking a server.
func (p *Prober) Forget(key cache.ObjectName) {
	p.lock.Lock()
	defer p.lock.Unlock()
	delete(p.servers, key)
}

// Ask asks a server that is followed as soon as possible.
func (p *Prober) Ask(key cache.ObjectName) { p.queue.Add(key) }

// View returns what is known of a server whose pod has a UID; false if that pod is not
// followed.
func (p *Prober) View(key cache.ObjectName, pod types.UID) (View, bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	known := p.servers[key]
	if known == nil || known.target.PodUID != pod {
		return View{}, false
	}
	return known.view, true
}

// Run asks servers until ctx is done.
func (p *Prober) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			wait.UntilWithContext(ctx, func(ctx context.Context) {
				for p.next(ctx) {
				}
			}, time.Second)
		})
	}
	<-ctx.Done()
	p.queue.ShutDown()
	workers.Wait()
	p.client.CloseIdleConnections()
}

// next asks the next server. It returns false when there will be none.
func (p *Prober) next(ctx context.Context) bool {
	key, shutdown := p.queue.Get()
	if shutdown {
		return false
	}
	defer p.queue.Done(key)
	target, found := p.targetOf(key)
	if !found {
		return true
	}
	if err := p.limiter.Wait(ctx); err != nil {
		return false
	}
	at := p.clock.Now()
	reading, trusted, err := p.probe(ctx, target)
	if ctx.Err() != nil {
		return false
	}
	if result, still := p.record(key, target, at, reading, trusted, err); still {
		p.queue.AddAfter(key, delay(&result))
		p.report(result)
	}
	return true
}

func (p *Prober) targetOf(key cache.ObjectName) (Target, bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if known := p.servers[key]; known != nil {
		return known.target, true
	}
	return Target{}, false
}

// probe asks one server. A panic is a failure: one server must not stop the operator.
func (p *Prober) probe(ctx context.Context, target Target) (reading activity.Reading, trusted bool, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			klog.FromContext(ctx).Error(fmt.Errorf("panic: %v\n%s", reason, debug.Stack()), "Probe failed", "address", target.Address)
			err = failed(NoSignal, "the web UI could not be read")
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a := &asker{ctx: ctx, client: p.client, target: target, now: p.clock.Now}
	reading, err = a.ask()
	return reading, a.trusted, err
}

// record remembers the result of a probe, unless the server is not that any more.
func (p *Prober) record(key cache.ObjectName, target Target, at time.Time, reading activity.Reading, trusted bool, err error) (Probed, bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	known := p.servers[key]
	if known == nil || known.target.PodUID != target.PodUID || known.target.Address != target.Address {
		if known != nil {
			p.queue.Add(key) // it was taken for the old one
		}
		return Probed{}, false
	}
	before := known.view
	if err == nil {
		known.view = View{before.Track.Succeeded(at, reading, trusted), nil}
	} else {
		reason := failed(NoSignal, "%v", err)
		_ = errors.As(err, &reason)
		known.view = View{before.Track.Failed(at), &reason.Failure}
	}
	return Probed{Key: key, Before: before, After: known.view, IdleTimeout: known.target.IdleTimeout}, true
}

// delay is the time until the next probe. It doubles with every failure after the first few.
func delay(result *Probed) time.Duration {
	next := Interval(result.IdleTimeout)
	for range min(max(result.After.Track.Failures-patience, 0), 10) {
		next *= 2
	}
	return min(next, longestRetry)
}
