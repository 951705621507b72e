// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// running starts the controller with real caches and its own loop. The function
// returned ends it and waits.
func running(t *testing.T, c *cluster, config Config) (stop func()) {
	t.Helper()
	c.clock.SetTime(time.Now())
	_, ctx := ktesting.NewTestContext(t)
	ctx, cancel := context.WithCancel(ctx)
	config.Master = "k8s://https://10.0.0.1:443"
	config.MaxTrackedExecutors, config.DriverGracePeriod = lifecycle.DefaultMaxTrackedExecutors, lifecycle.DefaultDriverGracePeriod
	set, err := informers.New(informers.Config{}, informers.Clients{Kube: c.kube, Spark: c.spark})
	if err != nil {
		t.Fatal(err)
	}
	controller, err := newController(config, run.Clients{Kube: c.kube, Spark: c.spark}, set, c, c.metrics, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	set.Start(ctx)
	done := make(chan error)
	go func() { done <- controller.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		set.Shutdown()
	}
}

// letPass lets time pass until everything that it triggers has happened.
func letPass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("early", onFailure(1, 7)))
		stop := running(t, c, Config{Workers: 2, Settings: run.Settings{UI: ui.Config{WebService: true}}})
		defer stop()
		letPass(time.Second)
		c.wantState("early", lifecycle.StateSubmitted)

		c.addApplication(newApplication("late", func(app *v1beta2.SparkApplication) { app.Spec.TimeToLiveSeconds = ptr.To[int64](40) }))
		letPass(time.Second)
		c.wantState("late", lifecycle.StateSubmitted)

		c.driverPhase("early-driver", corev1.PodRunning)
		c.driverPhase("late-driver", corev1.PodSucceeded)
		letPass(time.Second)
		c.wantState("early", lifecycle.StateRunning)
		c.wantState("late", lifecycle.StateCompleted)

		// The retry is due without any event.
		c.driverPhase("early-driver", corev1.PodFailed)
		letPass(time.Second)
		first := c.wantState("early", lifecycle.StateFailing).Status.SubmissionID
		letPass(8 * time.Second)
		if id := c.wantState("early", lifecycle.StateSubmitted).Status.SubmissionID; id == first {
			t.Error("no new submission")
		}

		// So is the end of the time to live, which counts from the fake container's end.
		letPass(time.Minute)
		if object, _ := c.spark.Tracker().Get(applicationsResource, "ns", "late"); object != nil {
			t.Error("the application outlived its time to live")
		}
	})
}

// TestRunCoalescesExecutors lets many executors start at once.
func TestRunCoalescesExecutors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		stop := running(t, c, Config{})
		defer stop()
		letPass(time.Second)
		c.driverPhase("pi-driver", corev1.PodRunning)
		letPass(time.Second)
		app := c.wantState("pi", lifecycle.StateRunning)

		before := c.writes
		for i := range 80 {
			c.addPod(&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Name: fmt.Sprintf("pi-exec-%d", i+1), Namespace: "ns", OwnerReferences: c.byDriver(),
					Labels: map[string]string{
						v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: app.Status.SubmissionID, v1beta2.LabelLaunchedBySparkOperator: "true",
						v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkExecutorID: fmt.Sprint(i + 1),
					},
				},
				Status: corev1.PodStatus{Phase: corev1.PodRunning},
			})
		}
		letPass(3 * time.Second)
		app = c.wantState("pi", lifecycle.StateRunning)
		if len(app.Status.ExecutorState) != 80 {
			t.Errorf("%d executors in the status", len(app.Status.ExecutorState))
		}
		if writes := c.writes - before; writes > 3 {
			t.Errorf("%d writes for 80 executors", writes)
		}
	})
}

// TestRunsGiveWayToStarts: a run is submitted when no schedule has another one to
// create, but it does not wait for ever; no other work waits at all.
func TestRunsGiveWayToStarts(t *testing.T) {
	ofSchedule := func(app *v1beta2.SparkApplication) {
		app.Labels = map[string]string{v1beta2.LabelScheduledSparkAppName: "nightly"}
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var starting atomic.Bool
		starting.Store(true)
		stop := running(t, c, Config{Starting: starting.Load})
		defer stop()
		c.addApplication(newApplication("other"))
		c.addApplication(newApplication("first", ofSchedule))
		letPass(4 * time.Second)
		c.wantState("other", lifecycle.StateSubmitted)
		c.wantState("first", lifecycle.StateNew)
		starting.Store(false)
		letPass(time.Second)
		c.wantState("first", lifecycle.StateSubmitted)

		starting.Store(true)
		c.clock.SetTime(time.Now()) // from which the creation time is taken
		c.addApplication(newApplication("second", ofSchedule))
		letPass(29 * time.Second)
		c.wantState("second", lifecycle.StateNew)
		letPass(2 * time.Second)
		c.wantState("second", lifecycle.StateSubmitted)
	})
}

// TestRunEndsGracefully: a step that has begun is finished, and no other starts.
func TestRunEndsGracefully(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		begun := make(chan struct{})
		var once sync.Once
		c.onWrite = func() {
			once.Do(func() {
				close(begun)
				time.Sleep(time.Second) // in the middle of the first submission
			})
		}
		stop := running(t, c, Config{Workers: 1})
		// The fake clientset is locked while a write takes its time, and who waits for a
		// lock keeps the time of the bubble from passing. So all watches must be there.
		synctest.Wait()
		c.addApplication(newApplication("a"))
		c.addApplication(newApplication("b"))
		<-begun
		stop()
		letPass(10 * time.Second)
		var submitted []string
		for _, name := range []string{"a", "b"} {
			if c.application(name).Status.AppState.State == lifecycle.StateSubmitted {
				submitted = append(submitted, name)
			}
		}
		if len(submitted) != 1 || len(c.pods()) != 1 {
			t.Errorf("submitted %q, %d pods; want the one that had begun", submitted, len(c.pods()))
		}
	})
}

// TestPanicStaysInItsApplication: a panic in a step is an error of that step, which
// is done again.
func TestPanicStaysInItsApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		stop := running(t, c, Config{Workers: 1})
		defer stop()
		letPass(time.Second)
		c.fault = &fault{at: 1, crash: true}
		c.addApplication(newApplication("pi"))
		letPass(100 * time.Millisecond)
		if got := c.counter("spark_operator_panics_total"); got != 1 {
			t.Errorf("%v panics counted", got)
		}
		c.addApplication(newApplication("other"))
		letPass(100 * time.Millisecond)
		c.wantState("other", lifecycle.StateSubmitted)
		letPass(2 * time.Second)
		c.wantState("pi", lifecycle.StateSubmitted)
	})
}

// TestReadsItsOwnWrites: a sync with caches from before the last write does
// nothing at all.
func TestReadsItsOwnWrites(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	p.refresh()
	if _, err := p.syncOnce("pi"); err != nil {
		t.Fatal(err)
	}
	calls := len(c.kube.Actions()) + len(c.spark.Actions())
	after, err := p.syncOnce("pi")
	if err != nil || after != loop.CacheDelay {
		t.Errorf("next look after %v, error %v", after, err)
	}
	if now := len(c.kube.Actions()) + len(c.spark.Actions()); now != calls {
		t.Errorf("%d calls to the API server", now-calls)
	}
}

func TestNamespacesThatAreNotWatched(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	p.gate.Watched = informers.NewNamespaces([]string{"elsewhere"}, nil, nil).Match
	if after, err := p.step("pi"); err != nil || after != 0 {
		t.Errorf("next look after %v, error %v", after, err)
	}
	if got := c.application("pi").Status.AppState.State; got != lifecycle.StateNew || len(c.log) != 0 {
		t.Errorf("state %q, writes %q", got, c.log)
	}
}
