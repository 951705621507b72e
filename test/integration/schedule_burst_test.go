// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/crash"
)

// A small burst takes little time with every test; `make bench` asks for the full
// one, without race detector.
var (
	burstSchedules = flag.Int("schedules", 100, "how many schedules are due in the same minute")
	burstLag       = flag.Duration("schedule-lag", 30*time.Second, "how late a run of them may be created, 99th percentile")
	burstOperator  = flag.String("operator", "", "operator binary for them; default the one built for the tests")
)

// TestSchedulesDueAtOnce makes many schedules due in the same minute. Every run is
// created exactly once, and hardly any late.
func TestSchedulesDueAtOnce(t *testing.T) {
	b := newBurst(t, "schedule-burst")
	b.startOperator()
	b.waitForRuns(b.count)
	b.check()

	lags := b.lags()
	at := func(percent int) time.Duration { return lags[(len(lags)-1)*percent/100].Round(time.Millisecond) }
	t.Logf("%d runs, lag from due to seen: median %s, p90 %s, p99 %s, max %s", len(lags), at(50), at(90), at(99), at(100))
	if at(99) > *burstLag {
		t.Errorf("99th percentile of the lag is %s, want at most %s", at(99), *burstLag)
	}
}

// TestOperatorKilledWhileSchedulesAreDue kills the operator when a third of the
// runs exist. The next one creates the others, and none twice.
func TestOperatorKilledWhileSchedulesAreDue(t *testing.T) {
	b := newBurst(t, "schedule-burst-kill")
	kill := b.startOperator()
	b.waitForRuns(b.count / 3)
	kill()
	t.Logf("killed after %d of %d runs", b.seen(), b.count)
	b.startOperator()
	b.waitForRuns(b.count)
	b.check()
}

// burst is a number of schedules that are due at the same time.
type burst struct {
	t         *testing.T
	namespace string
	count     int
	due       time.Time

	lock    sync.Mutex
	created map[string][]time.Time // of runs, by the name of their schedule
}

func newBurst(t *testing.T, namespace string) *burst {
	b := &burst{t: t, namespace: newNamespace(t, namespace), count: *burstSchedules, created: map[string][]time.Time{}}
	// Time to create them and to start the operator.
	ready := time.Now().Add(20*time.Second + time.Duration(b.count)*10*time.Millisecond)
	b.due = ready.UTC().Truncate(time.Minute).Add(time.Minute)

	watcher, err := api.spark.SparkoperatorV1beta2().SparkApplications(b.namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	go b.observe(watcher)

	schedule := fmt.Sprintf("%d %d %d %d *", b.due.Minute(), b.due.Hour(), b.due.Day(), int(b.due.Month()))
	names := make(chan string)
	var creators sync.WaitGroup
	for range 16 {
		creators.Go(func() {
			for name := range names {
				_, err := api.spark.SparkoperatorV1beta2().ScheduledSparkApplications(b.namespace).Create(t.Context(), newSchedule(name, schedule), metav1.CreateOptions{})
				if err != nil {
					t.Errorf("create %s: %v", name, err)
				}
			}
		})
	}
	for i := range b.count {
		names <- fmt.Sprintf("s-%d", i)
	}
	close(names)
	creators.Wait()
	if left := time.Until(b.due); left < 5*time.Second {
		t.Fatalf("creating %d schedules took too long, they are due in %s", b.count, left)
	}
	return b
}

// observe notes every application that comes into being.
func (b *burst) observe(watcher watch.Interface) {
	for event := range watcher.ResultChan() {
		if app, ok := event.Object.(*v1beta2.SparkApplication); ok && event.Type == watch.Added {
			b.lock.Lock()
			schedule := app.Labels[v1beta2.LabelScheduledSparkAppName]
			b.created[schedule] = append(b.created[schedule], time.Now())
			b.lock.Unlock()
		}
	}
}

func (b *burst) startOperator() (kill func()) {
	b.t.Helper()
	binary := api.operatorBinary
	if *burstOperator != "" {
		binary = *burstOperator
	}
	return crash.StartOperator(b.t, binary, api.kubeconfig, b.namespace)
}

// seen is how many schedules have a run.
func (b *burst) seen() int {
	b.lock.Lock()
	defer b.lock.Unlock()
	return len(b.created)
}

func (b *burst) waitForRuns(count int) {
	b.t.Helper()
	patience := time.After(time.Until(b.due) + 3*time.Minute)
	for b.seen() < count {
		select {
		case <-patience:
			b.t.Fatalf("only %d of %d runs were created", b.seen(), count)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// check waits until everything is written down, and that nothing comes twice.
func (b *burst) check() {
	b.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		list, err := api.spark.SparkoperatorV1beta2().ScheduledSparkApplications(b.namespace).List(b.t.Context(), metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			b.t.Fatal(err)
		}
		recorded := 0
		for _, app := range list.Items {
			if app.Status.LastRunName != "" && app.Status.LastScheduleTime != nil && app.Status.LastScheduleTime.Time.Equal(b.due) {
				recorded++
			}
		}
		if recorded == b.count {
			break
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("only %d of %d runs are in the status of their schedules", recorded, b.count)
		}
		time.Sleep(time.Second)
	}
	time.Sleep(3 * time.Second) // a second run would come by now
	b.lock.Lock()
	defer b.lock.Unlock()
	for schedule, times := range b.created {
		if len(times) != 1 {
			b.t.Errorf("%d runs of %s", len(times), schedule)
		}
	}
}

// lags are how long after they were due the runs were seen, in ascending order.
func (b *burst) lags() []time.Duration {
	b.lock.Lock()
	defer b.lock.Unlock()
	var lags []time.Duration
	for _, times := range b.created {
		lags = append(lags, times[0].Sub(b.due))
	}
	slices.Sort(lags)
	return lags
}
