// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/progress"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

const oneJob = `[{"jobId":0,"name":"count","stageIds":[0,1],"numActiveTasks":2,"numFailedTasks":1,"numCompletedStages":1}]`

// driverAt serves the web UI of a driver of application spark-1 and returns a target for it.
func driverAt(t *testing.T, ui http.HandlerFunc) Target {
	t.Helper()
	server := httptest.NewServer(ui)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return Target{Pod: poller.Pod{UID: "u", Address: strings.TrimPrefix(server.URL, "http://"), ApplicationID: "spark-1"}, Period: 10 * time.Second}
}

// jobs answers like a driver that runs one job.
func jobs(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/applications/spark-1/jobs" {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, oneJob)
}

// compressed returns so many blanks, compressed.
func compressed(t *testing.T, blanks int) []byte {
	t.Helper()
	var text bytes.Buffer
	z := gzip.NewWriter(&text)
	if _, err := z.Write(bytes.Repeat([]byte(" "), blanks)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// TestHostileDriversAreDescribed: whatever a driver does, a sample ends in time, and the message
// says what is missing without a word of the driver.
func TestHostileDriversAreDescribed(t *testing.T) {
	bomb := compressed(t, 64<<20) // before the time of the request counts
	var followed atomic.Bool
	elsewhere := driverAt(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for name, test := range map[string]struct {
		ui   http.HandlerFunc
		want string
	}{
		"another application": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such app: evil", http.StatusNotFound) }, "does not know application spark-1"},
		"a login":             {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "evil", http.StatusUnauthorized) }, "refuses the operator (HTTP status 401)"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+elsewhere.Address+"/evil", http.StatusFound)
		}, "redirects /api/v1/applications/spark-1/jobs (HTTP status 302)"},
		"an error":  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "evil", http.StatusInternalServerError) }, "answers /api/v1/applications/spark-1/jobs with HTTP status 500"},
		"garbage":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>evil") }, "the list of jobs cannot be read"},
		"null":      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") }, "the list of jobs cannot be read"},
		"deep JSON": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("[", 100_000)) }, "the list of jobs cannot be read"},
		"an endless answer": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := fmt.Fprint(w, strings.Repeat(" ", 64<<10)); err != nil {
					return
				}
			}
		}, "sends more than 512 KiB"},
		"a compressed bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		}, "the list of jobs cannot be read"},
		"endless headers": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 1000 {
				w.Header().Set(fmt.Sprint("X-Evil-", i), strings.Repeat("e", 1000))
			}
		}, "no valid HTTP response"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(connection, "evil\r\n\r\n")
				_ = connection.Close()
			}
		}, "no valid HTTP response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := driverAt(t, test.ui)
			client := webui.NewClient(timeout)
			_, err := sample(t.Context(), client, &target.Pod, true)
			if err == nil {
				t.Fatal("no error")
			}
			if got := describe(&target.Pod, err); !strings.Contains(got, test.want) || strings.Contains(got, "evil") || strings.ContainsAny(got, "\r\n") {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	t.Cleanup(func() {
		if followed.Load() {
			t.Error("a redirect was followed")
		}
	})
}

// TestSilentDriversAreDescribed: one that never answers, and a closed port.
func TestSilentDriversAreDescribed(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := poller.Pod{Address: listener.Addr().String(), ApplicationID: "spark-1"}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = sample(ctx, webui.NewClient(timeout), &silent, false)
	if got := describe(&silent, err); !strings.Contains(got, "does not answer in time; a NetworkPolicy") {
		t.Errorf("silent: %q", got)
	}
	_ = listener.Close()
	_, err = sample(t.Context(), webui.NewClient(timeout), &silent, false)
	if got := describe(&silent, err); !strings.Contains(got, "refuses connections; check spark.ui.enabled") {
		t.Errorf("closed: %q", got)
	}
}

// TestManyJobsAreNotRead: if the list of all jobs is too long, those that run are asked for.
func TestManyJobsAreNotRead(t *testing.T) {
	target := driverAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "status=running" {
			fmt.Fprint(w, oneJob)
			return
		}
		fmt.Fprint(w, "["+strings.Repeat(oneJob[1:len(oneJob)-1]+",", 10_000)+oneJob[1:])
	})
	s, err := sample(t.Context(), webui.NewClient(timeout), &target.Pod, false)
	if err != nil || s.StagesTotal != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// follow runs a sampler over a clock of its own and returns the applications that it reports.
func follow(t *testing.T) (s *Sampler, clk *steps, changed chan cache.ObjectName) {
	t.Helper()
	clk, changed = &steps{}, make(chan cache.ObjectName, 100)
	s = New(clk, func(key cache.ObjectName) { changed <- key })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return s, clk, changed
}

// steps is a clock on which periods take a thousandth of their time.
type steps struct{ clock.RealClock }

func (steps) NewTimer(d time.Duration) clock.Timer   { return clock.RealClock{}.NewTimer(d / 1000) }
func (steps) After(d time.Duration) <-chan time.Time { return clock.RealClock{}.After(d / 1000) }

func (s steps) Now() time.Time {
	now := s.RealClock.Now()
	return epoch.Add(1000 * now.Sub(epoch))
}

func (s steps) Since(at time.Time) time.Duration { return s.Now().Sub(at) }

var epoch = clock.RealClock{}.Now()

func wait(t *testing.T, changed chan cache.ObjectName) cache.ObjectName {
	t.Helper()
	select {
	case key := <-changed:
		return key
	case <-t.Context().Done():
	case <-time.After(30 * time.Second):
		t.Fatal("nothing changed")
	}
	return cache.ObjectName{}
}

// TestOnlyChangesAreReported: the same sample again is no news, another one is, and the driver
// of an application is asked by its id.
func TestOnlyChangesAreReported(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	target := driverAt(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/jobs") {
			http.NotFound(w, r)
			return
		}
		if asked.Add(1) > 5 {
			fmt.Fprint(w, strings.Replace(oneJob, `"numActiveTasks":2`, `"numActiveTasks":1`, 1))
			return
		}
		jobs(w, r)
	})
	s, _, changed := follow(t)
	key := cache.NewObjectName("ns", "pi")
	s.Follow(key, target)
	if got := wait(t, changed); got != key {
		t.Errorf("changed %v", got)
	}
	if view := s.Follow(key, target); view.Sample.TasksActive != 2 || view.At.IsZero() || view.Failure != "" {
		t.Errorf("view %+v", view)
	}
	wait(t, changed)
	if got := asked.Load(); got < 6 {
		t.Errorf("reported after %d samples", got)
	}
	if view := s.Forget(key, target.UID); view.Sample.TasksActive != 1 {
		t.Errorf("view %+v", view)
	}
}

// TestFailuresAreReportedOnce: after some failures in a row, which the start of the web UI
// explains, once; a driver that answers again is reported, too.
func TestFailuresAreReportedOnce(t *testing.T) {
	t.Parallel()
	var asked, works atomic.Int64
	target := driverAt(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1); works.Load() == 0 {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		jobs(w, r)
	})
	s, _, changed := follow(t)
	key := cache.NewObjectName("ns", "pi")
	s.Follow(key, target)
	wait(t, changed)
	if got := asked.Load(); got != quietFailures+1 {
		t.Errorf("reported after %d failures", got)
	}
	if view := s.Follow(key, target); !strings.Contains(view.Failure, "HTTP status 500") {
		t.Errorf("view %+v", view)
	}
	works.Store(1)
	wait(t, changed)
	if view := s.Follow(key, target); view.Failure != "" || view.Sample.StagesTotal != 2 {
		t.Errorf("view %+v", view)
	}
}

// TestAnotherPodBeginsAnew: what was seen of the driver before is forgotten, and its schedule
// does not go on beside that of the new one.
func TestAnotherPodBeginsAnew(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	target := driverAt(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); jobs(w, r) })
	target.Period = time.Hour
	s, _, changed := follow(t)
	key := cache.NewObjectName("ns", "pi")
	s.Follow(key, target)
	wait(t, changed)
	for i := range 3 {
		target.UID = types.UID(fmt.Sprint("next-", i))
		if view := s.Follow(key, target); !view.At.IsZero() {
			t.Errorf("view %+v", view)
		}
		wait(t, changed)
	}
	if s.Forget(key, "u").At.IsZero() == false {
		t.Error("the view of an old pod")
	}
	if got := asked.Load(); got > 3*4 { // jobs, metrics and executors
		t.Errorf("%d requests", got)
	}
}

// TestSilentDriversDelayNoOthers: a hundred drivers that never answer do not keep one from being
// asked that does.
func TestSilentDriversDelayNoOthers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	good := driverAt(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Replace(oneJob, `"numActiveTasks":2`, fmt.Sprintf(`"numActiveTasks":%d`, asked.Add(1)), 1))
	})
	silent := driverAt(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s, _, changed := follow(t)
	key := cache.NewObjectName("ns", "good")
	s.Follow(key, good)
	wait(t, changed)
	for i := range 100 {
		s.Follow(cache.NewObjectName("ns", fmt.Sprint("silent-", i)), silent)
	}
	for range 20 {
		if got := wait(t, changed); got != key {
			t.Errorf("%v changed", got)
		}
	}
}

// TestDriversThatAnswerAreAskedEveryPeriod: only those that take time are asked less often.
func TestDriversThatAnswerAreAskedEveryPeriod(t *testing.T) {
	const period = 30 * time.Second
	unknown, silent := &webui.Error{Status: http.StatusNotFound}, &webui.Error{Err: context.DeadlineExceeded}
	for _, test := range []struct {
		failures int
		err      error
		want     time.Duration
	}{
		{1, unknown, startDelay}, {quietFailures, silent, startDelay},
		{3, unknown, period}, {100, unknown, period},
		{3, silent, 2 * period}, {5, silent, 8 * period}, {100, silent, longestRetry},
	} {
		if got := (history{failures: test.failures}).retry(period, test.err); got != test.want {
			t.Errorf("failure %d, %v: %v, want %v", test.failures, test.err, got, test.want)
		}
	}
}

// TestPeaksAreAskedForUntilTheyAreKnown: a driver that never shows any costs no more for it.
func TestPeaksAreAskedForUntilTheyAreKnown(t *testing.T) {
	known := progress.Peaks{Driver: progress.Memory{Heap: 1}}
	for samples, want := range map[int][2]bool{0: {true, true}, 1: {true, false}, 4: {true, true}, 7: {true, false}, 8: {true, true}, 9: {false, false}, 12: {true, true}} {
		unknown, found := history{samples: samples}, history{samples: samples}
		found.Peaks, unknown.Peaks.ExecutorCores = known, progress.Cores{Total: 1}
		if got := [2]bool{unknown.asksForPeaks(), found.asksForPeaks()}; got != want {
			t.Errorf("sample %d: %v, want %v", samples, got, want)
		}
	}
}

// working answers like a driver whose executor works. The clock of the driver is late by seconds.
type working struct {
	at   atomic.Int64 // seconds since the start
	asks atomic.Int64
}

func (d *working) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.asks.Add(1)
	seconds := d.at.Load()
	w.Header().Set("Date", time.Unix(1000+seconds, 0).UTC().Format(http.TimeFormat))
	switch strings.TrimPrefix(r.URL.Path, "/api/v1/applications/spark-1") {
	case "/jobs":
		fmt.Fprint(w, oneJob)
	case "/allexecutors":
		fmt.Fprintf(w, `[{"id":"1","isActive":true,"totalCores":8,"maxTasks":8,"activeTasks":%d}]`, seconds/120)
	case "/metrics/json/":
		fmt.Fprintf(w, `{"gauges":{"spark-1.driver.JVMCPU.jvmCpuTime":{"value":%d}}}`, 20e9+seconds*seconds*1e6)
	default:
		http.NotFound(w, r)
	}
}

// TestPeaksOfCPUGrowFromSampleToSample: the CPU of the driver needs two readings, and a sample counts
// for the cores of executors if tasks run in it. A sample with peaks takes three requests.
func TestPeaksOfCPUGrowFromSampleToSample(t *testing.T) {
	ui := &working{}
	target := driverAt(t, ui.ServeHTTP)
	s, known := &Sampler{clock: clock.RealClock{}, client: webui.NewClient(timeout)}, history{samples: 8}
	for step, want := range []struct {
		milliCores           int64
		cores                progress.Cores
		cpuSamples, withTask int32
	}{
		{0, progress.Cores{Total: 8}, 0, 0},
		{119, progress.Cores{Total: 8, Occupied: 1}, 1, 1}, // 14.4 s in 121 s
		{357, progress.Cores{Total: 8, Occupied: 2}, 2, 2},
		{595, progress.Cores{Total: 8, Occupied: 3}, 3, 3},
	} {
		ui.at.Store(int64(120 * step))
		for range peaksEvery {
			known, _, _ = s.ask(t.Context(), target, known)
		}
		if known.Peaks.DriverMilliCores != want.milliCores || known.Peaks.ExecutorCores != want.cores || known.CPUSamples != want.cpuSamples || known.TaskSamples != want.withTask {
			t.Errorf("step %d: %+v, want %+v", step, known.View, want)
		}
	}
	if got := ui.asks.Load(); got != 4*(peaksEvery+2) {
		t.Errorf("%d requests", got)
	}
	ui.at.Store(-60) // the counter is smaller
	for range 2 * peaksEvery {
		known, _, _ = s.ask(t.Context(), target, known)
	}
	if known.Peaks.DriverMilliCores != 595 || known.CPUSamples != 3 {
		t.Errorf("after a smaller counter: %+v", known.View)
	}
}

// TestMoreSamplesAloneAreNoNews: they do not wake the loop.
func TestMoreSamplesAloneAreNoNews(t *testing.T) {
	before, after := progress.View{At: epoch}, progress.View{At: epoch, CPUSamples: 1, TaskSamples: 1}
	if isNews(&before, &after) {
		t.Error("another sample is news")
	}
	if after.Peaks.DriverMilliCores = 1; !isNews(&before, &after) {
		t.Error("a peak is no news")
	}
}
