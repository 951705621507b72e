// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

// servers answer requests without a network, so that a test can use the clock of a bubble.
type servers struct {
	serve http.Handler // nil to answer no request

	lock            sync.Mutex
	now, most, asks int
}

func (s *servers) RoundTrip(r *http.Request) (*http.Response, error) {
	s.lock.Lock()
	s.now++
	s.most = max(s.most, s.now)
	if r.URL.Path == pathApplication {
		s.asks++
	}
	s.lock.Unlock()
	defer func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.now--
	}()
	if s.serve == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	s.serve.ServeHTTP(w, r)
	return w.Result(), nil
}

// bubble runs a test with a Prober that asks servers.
func bubble(t *testing.T, s *servers, test func(p *Prober, results *[]Probed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var lock sync.Mutex
		var results []Probed
		p := New(clock.RealClock{}, s, func(result Probed) {
			lock.Lock()
			defer lock.Unlock()
			results = append(results, result)
		})
		_, ctx := ktesting.NewTestContext(t)
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		defer running.Wait()
		defer cancel()
		test(p, &results)
	})
}

func key(n int) cache.ObjectName { return cache.NewObjectName("jobs", fmt.Sprint("lab-", n)) }

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestServersAreAskedAtTheirInterval(t *testing.T) {
	handler, app := recorded(t, "4.1.4", "idle")
	for timeout, want := range map[time.Duration]int{time.Minute: 61, 5 * time.Minute: 21, 24 * time.Hour: 11} {
		s := &servers{serve: handler}
		bubble(t, s, func(p *Prober, _ *[]Probed) {
			target := Target{Pod: poller.Pod{UID: "a", Address: "10.0.0.1:4040", ApplicationID: app}, IdleTimeout: timeout}
			for range 3 { // as each sync does
				p.Follow(key(1), target)
			}
			pass(10*time.Minute + time.Second)
			if s.asks != want {
				t.Errorf("timeout %v: asked %d times in ten minutes, want %d", timeout, s.asks, want)
			}
			if view, found := p.View(key(1), "a"); !found || view.Failure != nil || !view.Track.Known {
				t.Errorf("%t, %+v", found, view)
			}
			p.Forget(key(1))
			pass(time.Hour)
			if s.asks != want {
				t.Errorf("a server that is not followed is asked")
			}
		})
	}
}

// TestAnswersOfTheLastPodAreForgotten: another pod has the name now.
func TestAnswersOfTheLastPodAreForgotten(t *testing.T) {
	handler, app := recorded(t, "4.3.0", "idle")
	s := &servers{serve: handler}
	bubble(t, s, func(p *Prober, _ *[]Probed) {
		begin := time.Now()
		target := Target{Pod: poller.Pod{UID: "a", Address: "10.0.0.1:4040", ApplicationID: app}, IdleTimeout: time.Minute, Since: begin}
		p.Follow(key(1), target)
		pass(time.Hour)
		s.serve = nil // what is known cannot be an answer of the new pod
		target.UID, target.Since = "b", time.Now()
		p.Follow(key(1), target)
		if _, found := p.View(key(1), "a"); found {
			t.Error("the last pod is still known")
		}
		view, found := p.View(key(1), "b")
		if !found || view.Track.Known || !view.Track.LastActivity.Equal(begin.Add(time.Hour)) {
			t.Errorf("%t, %+v", found, view)
		}
	})
}

// TestServersThatDoNotAnswerAreAskedLess, and do not keep others from being asked.
func TestServersThatDoNotAnswerAreAskedLess(t *testing.T) {
	s := &servers{}
	bubble(t, s, func(p *Prober, results *[]Probed) {
		p.Follow(key(1), Target{Pod: poller.Pod{UID: "a", Address: "10.0.0.1:4040"}, IdleTimeout: time.Minute})
		pass(time.Hour)
		if s.asks < 12 || s.asks > 20 {
			t.Errorf("asked %d times in an hour", s.asks)
		}
		last := (*results)[len(*results)-1].After
		if last.Failure == nil || last.Failure.Reason != Unreachable || last.Track.Failures != s.asks {
			t.Errorf("%+v after %d probes", last, s.asks)
		}
	})
}

// TestProbesAreBounded: many servers that do not answer take no more connections, and many
// that do are not asked faster.
func TestProbesAreBounded(t *testing.T) {
	handler, app := recorded(t, "4.3.0", "idle")
	for name, s := range map[string]*servers{"silent": {}, "quick": {serve: handler}} {
		bubble(t, s, func(p *Prober, _ *[]Probed) {
			for n := range 1000 {
				p.Follow(key(n), Target{Pod: poller.Pod{UID: types.UID(fmt.Sprint(n)), Address: fmt.Sprintf("10.0.%d.%d:4040", n/250, n%250), ApplicationID: app}, IdleTimeout: time.Minute})
			}
			pass(10 * time.Second)
			if s.most > 2*workers || s.asks > 10*perSecond+burst+1 || s.asks < workers {
				t.Errorf("%s: %d requests at once, %d probes in ten seconds", name, s.most, s.asks)
			}
		})
	}
}

// TestPanicIsAFailure of the one server.
func TestPanicIsAFailure(t *testing.T) {
	s := &servers{serve: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("for the test") })}
	bubble(t, s, func(p *Prober, results *[]Probed) {
		p.Follow(key(1), Target{Pod: poller.Pod{UID: "a", Address: "10.0.0.1:4040"}, IdleTimeout: time.Minute})
		pass(15 * time.Second) // the first probe and another one
		if len(*results) != 2 || (*results)[1].After.Track.Failures != 2 {
			t.Errorf("%+v", *results)
		}
	})
}

// TestProberEndsDuringAProbe: what is under way says nothing about the server.
func TestProberEndsDuringAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ctx := ktesting.NewTestContext(t)
		ctx, cancel := context.WithCancelCause(ctx)
		p := New(clock.RealClock{}, &servers{}, func(Probed) { t.Error("a result") })
		p.Follow(key(1), Target{Pod: poller.Pod{UID: "a", Address: "10.0.0.1:4040"}, IdleTimeout: time.Minute})
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		pass(time.Second)
		cancel(errors.New("the test is over"))
		running.Wait()
	})
}
