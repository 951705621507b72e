// SPDX-License-Identifier: Apache-2.0

// Package sampler asks the drivers of running applications how far they are.
//
// It works beside the loop, which only reads the latest sample from memory. A driver is a pod of a
// user: redirects are not followed, and nothing that it sends is repeated in a message. One that
// does not answer is asked less and less often. Package poller says when, and bounds the rate and
// the connections.
package sampler

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/progress"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

const (
	// perSecond is how many samples begin in a second, of all drivers together.
	perSecond, burst = 100, 20
	// workers is how many drivers that answer are asked at the same time, and how many others.
	workers = 8
	// longestRetry bounds the time until a driver is asked again that does not answer.
	longestRetry = 10 * time.Minute
	// quietFailures is how many samples in a row may fail before the status says so: the web UI
	// starts some seconds after its container.
	quietFailures = 2
	// startDelay is when a driver is asked again that may not have started its web UI yet.
	startDelay = 4 * time.Second
	// peaksEvery is that only every so many samples ask for peaks, which change slowly.
	peaksEvery = 4
)

// Target is a driver to be asked.
type Target struct {
	poller.Pod
	// Period is the time between two samples.
	Period time.Duration
	// Since is when the driver was asked the last time, maybe by another process; zero for never.
	Since time.Time
}

// Sampler asks drivers. Its methods are safe for concurrent use.
type Sampler struct {
	clock  clock.PassiveClock
	client *http.Client
	poller *poller.Poller[Target, history]
}

// history is what the samples of a driver showed.
type history struct {
	progress.View
	// samples and failures are how many samples succeeded, and how many failed since the last one
	// of them.
	samples, failures int
	// cpu is the latest reading of the CPU of the driver, in a sample with peaks.
	cpu progress.CPUTime
}

// New returns a Sampler that asks no driver before Run. Changed is called with the application
// whenever a sample differs from the one before.
func New(clk clock.WithTicker, changed func(cache.ObjectName)) *Sampler {
	s := &Sampler{clock: clk, client: webui.NewClient(timeout)}
	s.poller = poller.New(poller.Config[Target, history]{
		Clock: clk, PerSecond: perSecond, Burst: burst, Workers: workers, Ask: s.ask,
		Report: func(key cache.ObjectName, _ Target, before, after history) {
			if isNews(&before.View, &after.View) {
				changed(key)
			}
		},
	})
	return s
}

// isNews reports whether a view shows something else than the one before, apart from its time.
func isNews(before, after *progress.View) bool {
	return after.Sample != before.Sample || after.Peaks != before.Peaks || after.Failure != before.Failure || after.At.IsZero() != before.At.IsZero()
}

// Follow asks a driver from now on, until Forget, and returns what is known of it. It may be
// called again and again.
func (s *Sampler) Follow(key cache.ObjectName, target Target) progress.View {
	wait := min(max(target.Since.Add(target.Period).Sub(s.clock.Now()), 0), target.Period)
	return s.poller.Follow(key, target, history{}, wait).View
}

// Forget stops asking the driver of an application. It returns what is known of the driver pod
// with a UID.
func (s *Sampler) Forget(key cache.ObjectName, pod types.UID) progress.View {
	known, _ := s.poller.View(key, pod)
	s.poller.Forget(key)
	return known.View
}

// Run asks drivers until ctx is done.
func (s *Sampler) Run(ctx context.Context) {
	s.poller.Run(ctx)
	s.client.CloseIdleConnections()
}

// ask takes one sample.
func (s *Sampler) ask(ctx context.Context, target Target, before history) (after history, again time.Duration, answers bool) {
	at := s.clock.Now()
	var seen taken
	err := poller.Guard(ctx, target.Pod, func() (err error) {
		seen, err = sample(ctx, s.client, &target.Pod, before.asksForPeaks())
		return err
	})
	if err == nil {
		return before.succeeded(at, &seen), target.Period, true
	}
	after = before.failed(&target.Pod, err)
	return after, after.retry(target.Period, err), false
}

// asksForPeaks reports whether the next sample asks for peaks. Spark shows the first ones some
// seconds after its start, and short runs have few samples.
func (h history) asksForPeaks() bool {
	none := progress.Memory{}
	return h.samples%peaksEvery == 0 || h.samples < 2*peaksEvery && h.Peaks.Driver == none && h.Peaks.Executor == none
}

func (h history) succeeded(at time.Time, seen *taken) history {
	peaks := h.Peaks.Merge(seen.peaks)
	if h.asksForPeaks() && seen.cpu.Known() {
		if milliCores, known := seen.cpu.Since(h.cpu); known {
			peaks.DriverMilliCores = max(peaks.DriverMilliCores, milliCores)
			h.CPUSamples++
		}
		h.cpu = seen.cpu
	}
	if seen.working {
		h.TaskSamples++
	}
	h.failures, h.samples = 0, h.samples+1
	h.At, h.Sample, h.Peaks, h.Failure = at, seen.Sample, peaks, ""
	return h
}

func (h history) failed(pod *poller.Pod, err error) history {
	h.failures++
	if h.failures > quietFailures {
		h.Failure = describe(pod, err)
	}
	return h
}

// retry is when a driver is asked again after a failure. One that answers costs no more than
// others: Spark serves its web UI before it knows the application there.
func (h history) retry(period time.Duration, err error) time.Duration {
	if h.At.IsZero() && h.failures <= quietFailures {
		return startDelay
	}
	if failure, ok := errors.AsType[*webui.Error](err); ok && failure.Status != 0 {
		return period
	}
	return poller.Backoff(period, h.failures-quietFailures, max(longestRetry, period))
}
