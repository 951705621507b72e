// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// webUI is the web UI of a driver: so many stages of ten have completed.
type webUI struct {
	completed, requests atomic.Int64
	broken              atomic.Bool
}

func (u *webUI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.requests.Add(1)
	switch {
	case u.broken.Load():
		http.Error(w, "password=hunter2", http.StatusInternalServerError)
	case strings.HasSuffix(r.URL.Path, "/jobs"):
		fmt.Fprintf(w, `[{"jobId":0,"stageIds":[0,1,2,3,4,5,6,7,8,9],"numCompletedStages":%d}]`, u.completed.Load())
	case strings.HasSuffix(r.URL.Path, "/allexecutors"):
		fmt.Fprint(w, `[{"id":"driver","peakMemoryMetrics":{"JVMHeapMemory":1000000}},{"id":"1","isActive":true,"totalCores":8,"maxTasks":4,"activeTasks":3}]`)
	default:
		http.NotFound(w, r)
	}
}

// sampled runs an application whose driver has a web UI. The sampler works, and so does the test
// in place of the loop.
func sampled(t *testing.T, edit func(*v1beta2.SparkApplication)) (*webUI, *cluster, *process) {
	t.Helper()
	ui := &webUI{}
	server := httptest.NewServer(ui)
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t)
	app := newApplication("pi")
	app.Spec.SparkConf = map[string]string{"spark.ui.port": port}
	edit(app)
	c.addApplication(app)
	p := c.start()
	runSampler(t, p)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	c.editPod("pi-driver", func(pod *corev1.Pod) { pod.Status.PodIP = host })
	mustSettle(t, p, "pi")
	return ui, c, p
}

func runSampler(t *testing.T, p *process) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.sampler.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

func withProgress(app *v1beta2.SparkApplication) {
	app.Spec.Progress = &v1beta2.ProgressConfiguration{PeriodSeconds: ptr.To[int64](60)}
}

// untilAsked waits until the web UI has answered so many requests, and syncs if the sampler has
// news.
func untilAsked(t *testing.T, ui *webUI, p *process, requests int64) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for ui.requests.Load() < requests {
		select {
		case <-deadline:
			t.Fatalf("%d requests, want %d", ui.requests.Load(), requests)
		case <-time.After(time.Millisecond):
		}
	}
	time.Sleep(50 * time.Millisecond) // the sampler notes the answer
	for p.queue.Len() > 0 {
		key, _ := p.queue.Get()
		p.queue.Done(key)
	}
	mustSettle(t, p, "pi")
}

// TestProgressIsWrittenWhenItChanges: at most one write for each period, and none if the driver
// shows what the status shows already.
func TestProgressIsWrittenWhenItChanges(t *testing.T) {
	ui, c, p := sampled(t, withProgress)
	bigExecutor(c, "pi-exec-1")
	untilAsked(t, ui, p, 3) // jobs, metrics and executors
	before := c.writes
	for step, test := range []struct {
		completed int64
		want      string
		writes    int
	}{{0, "0/10 stages", 0}, {4, "4/10 stages", 1}, {4, "4/10 stages", 0}, {9, "9/10 stages", 1}} {
		ui.completed.Store(test.completed)
		c.clock.Step(time.Minute)
		untilAsked(t, ui, p, int64(4+step))
		got := c.application("pi").Status.Progress
		if got == nil || got.Summary != test.want || got.Message != "" {
			t.Errorf("step %d: %+v, want %s", step, got, test.want)
		}
		if writes := c.writes - before; writes != test.writes {
			t.Errorf("step %d: %d writes, want %d", step, writes, test.writes)
		}
		before = c.writes
	}
	attempt := c.application("pi").Status.Attempts[0]
	if attempt.Peaks == nil || attempt.Peaks.Driver.JVMHeapBytes != 1000000 || attempt.Peaks.Driver.RequestedBytes != 1408<<20 {
		t.Errorf("peaks %+v", attempt.Peaks)
	}
	if want := (v1beta2.ExecutorCoresPeak{Cores: 8, OccupiedCores: 6, Samples: 1}); *attempt.Peaks.ExecutorCores != want || attempt.Peaks.DriverCPU != nil {
		t.Errorf("peaks of CPU %+v, %+v, want %+v", attempt.Peaks.ExecutorCores, attempt.Peaks.DriverCPU, want)
	}
	if attempt.Usage == nil || attempt.Usage.Driver.CoreSeconds != 230 {
		t.Errorf("usage %+v, want that of four minutes, without the last ten seconds", attempt.Usage)
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	if app := c.wantState("pi", lifecycle.StateCompleted); app.Status.Progress.Summary != "9/10 stages" {
		t.Errorf("progress after the end: %+v", app.Status.Progress)
	}
}

// TestBrokenUIChangesNothingElse: the status says what is missing, and the run goes on and ends
// as it would.
func TestBrokenUIChangesNothingElse(t *testing.T) {
	ui, c, p := sampled(t, func(app *v1beta2.SparkApplication) { withProgress(app) })
	ui.broken.Store(true)
	untilAsked(t, ui, p, 1)
	for i := range 4 {
		c.clock.Step(10 * time.Minute)
		untilAsked(t, ui, p, int64(i+2))
	}
	app := c.wantState("pi", lifecycle.StateRunning)
	if app.Status.Progress == nil || !strings.Contains(app.Status.Progress.Message, "HTTP status 500") || strings.Contains(app.Status.Progress.Message, "hunter2") {
		t.Errorf("progress %+v", app.Status.Progress)
	}
	ui.broken.Store(false)
	c.clock.Step(10 * time.Minute)
	untilAsked(t, ui, p, 7)
	if app := c.application("pi"); app.Status.Progress.Message != "" || app.Status.Progress.Summary != "0/10 stages" {
		t.Errorf("progress %+v", app.Status.Progress)
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
}

// TestProgressEndsWithTheSetting: an edit needs no new run; afterwards the driver is asked no
// more, and the status shows no progress.
func TestProgressEndsWithTheSetting(t *testing.T) {
	ui, c, p := sampled(t, withProgress)
	untilAsked(t, ui, p, 2)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Progress = nil })
	mustSettle(t, p, "pi")
	asked := ui.requests.Load()
	c.clock.Step(time.Hour)
	mustSettle(t, p, "pi")
	time.Sleep(50 * time.Millisecond)
	if app := c.wantState("pi", lifecycle.StateRunning); app.Status.Progress != nil || app.Status.ExecutionAttempts != 1 || ui.requests.Load() != asked {
		t.Errorf("progress %+v, %d runs, %d more requests", app.Status.Progress, app.Status.ExecutionAttempts, ui.requests.Load()-asked)
	}
}

// TestNothingIsAskedAndWrittenWithoutProgress: without spec.progress no driver gets a request, and
// a life has the writes that it had before there was any usage or progress.
func TestNothingIsAskedAndWrittenWithoutProgress(t *testing.T) {
	ui, c, p := sampled(t, func(*v1beta2.SparkApplication) {})
	for i := range 3 {
		bigExecutor(c, fmt.Sprintf("pi-exec-%d", i+1))
		mustSettle(t, p, "pi")
		c.clock.Step(time.Minute)
		mustSettle(t, p, "pi")
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if got := ui.requests.Load(); got != 0 {
		t.Errorf("%d requests", got)
	}
	const before = 12
	if c.writes != before {
		t.Errorf("%d writes, want %d", c.writes, before)
	}
}

// TestAddressOfNoPodIsNotAsked, nor the one that the pod had before, and the status says so.
func TestAddressOfNoPodIsNotAsked(t *testing.T) {
	ui, c, p := sampled(t, withProgress)
	untilAsked(t, ui, p, 2)
	c.editPod("pi-driver", func(pod *corev1.Pod) { pod.Status.PodIP = "169.254.169.254" })
	mustSettle(t, p, "pi")
	if shown := c.application("pi").Status.Progress; shown == nil || shown.Message != "the driver pod has no IP address that belongs to a pod" {
		t.Errorf("progress %+v", shown)
	}
	asked := ui.requests.Load()
	c.clock.Step(time.Hour)
	time.Sleep(50 * time.Millisecond)
	if got := ui.requests.Load(); got != asked {
		t.Errorf("%d requests at the old address", got-asked)
	}
}

// TestDriverIsAskedAtItsNewAddress once its pod has got another one, and no more at the old one.
func TestDriverIsAskedAtItsNewAddress(t *testing.T) {
	old, c, p := sampled(t, withProgress)
	untilAsked(t, old, p, 2)
	next := &webUI{}
	next.completed.Store(7)
	const address = "127.0.0.2"
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(address, c.application("pi").Spec.SparkConf["spark.ui.port"]))
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: next, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	c.editPod("pi-driver", func(pod *corev1.Pod) { pod.Status.PodIP = address })
	mustSettle(t, p, "pi")
	asked := old.requests.Load()
	c.clock.Step(time.Minute)
	untilAsked(t, next, p, 1)
	if got := c.application("pi").Status.Progress; got == nil || got.Summary != "7/10 stages" || got.Message != "" {
		t.Errorf("progress %+v", got)
	}
	if got := old.requests.Load(); got != asked {
		t.Errorf("%d requests at the old address", got-asked)
	}
}

// TestCrashAtAWriteOfProgress, before and after it: the next process samples the driver again, writes
// what is missing and no more, and the run goes on.
func TestCrashAtAWriteOfProgress(t *testing.T) {
	for _, after := range []bool{false, true} {
		ui, c, p := sampled(t, withProgress)
		bigExecutor(c, "pi-exec-1")
		untilAsked(t, ui, p, 3)
		ui.completed.Store(4)
		c.fault = &fault{at: c.writes + 1, after: after, crash: true}
		c.clock.Step(time.Minute)
		eventually(t, "the end of the process", func() bool {
			_, err := p.settle("pi")
			return errors.Is(err, errCrash)
		})
		c.fault = nil
		written := c.application("pi").Status.Progress.Summary
		if want := map[bool]string{false: "0/10 stages", true: "4/10 stages"}[after]; written != want {
			t.Fatalf("after the crash: %s, want %s", written, want)
		}

		before, asked := c.writes, ui.requests.Load()
		p = c.start()
		runSampler(t, p)
		mustSettle(t, p, "pi")
		c.clock.Step(time.Minute)
		untilAsked(t, ui, p, asked+1)
		if got := c.application("pi").Status.Progress.Summary; got != "4/10 stages" {
			t.Errorf("progress %s", got)
		}
		if writes, want := c.writes-before, map[bool]int{false: 1, true: 0}[after]; writes != want {
			t.Errorf("%d writes, want %d", writes, want)
		}
		c.driverPhase("pi-driver", corev1.PodSucceeded)
		mustSettle(t, p, "pi")
		if app := c.wantState("pi", lifecycle.StateCompleted); len(app.Status.Attempts) != 1 || app.Status.ExecutionAttempts != 1 || app.Status.Progress.Summary != "4/10 stages" {
			t.Errorf("status %+v", app.Status)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}
