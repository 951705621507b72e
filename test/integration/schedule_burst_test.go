// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// A small burst takes little time with every test, with the race detector in the
// operator. The full one asks the operator as it is shipped:
//
//	go test ./integration -v -run 'DueAtOnce|WhileSchedulesAreDue' -schedules=2000 -schedule-lag=5s -operator=$PWD/../bin/spark-operator
var (
	burstSchedules = flag.Int("schedules", 100, "how many schedules are due in the same minute")
	burstLag       = flag.Duration("schedule-lag", 30*time.Second, "how late a run of them may be created, 99th percentile; a bound of the buckets of the operator's histogram")
)

// TestSchedulesDueAtOnce makes many schedules due in the same minute. Every run is
// created exactly once, and hardly any late.
func TestSchedulesDueAtOnce(t *testing.T) {
	b := newBurst(t, "schedule-burst")
	address := freeAddress(t)
	b.startOperator("--enable-metrics", "--metrics-bind-address", address)
	b.waitForRuns(b.count)
	b.check()

	lag := scrapeHistogram(t, address, "scheduled_spark_application_lag_seconds")
	t.Logf("%d runs, of which were created within: %s", lag.count, lag)
	if lag.count != uint64(b.count) {
		t.Errorf("the metric counts %d creations", lag.count)
	}
	within, known := lag.within[burstLag.Seconds()]
	if !known {
		t.Fatalf("-schedule-lag=%s is none of the buckets", *burstLag)
	}
	if float64(within) < 0.99*float64(b.count) {
		t.Errorf("%d of %d runs were created within %s, want 99%%", within, b.count, *burstLag)
	}
}

// TestOperatorKilledWhileSchedulesAreDue kills the operator when a third of the
// runs exist. The next one creates the others, and none twice.
func TestOperatorKilledWhileSchedulesAreDue(t *testing.T) {
	b := newBurst(t, "schedule-burst-kill")
	kill := b.startOperator()
	b.waitForRuns(b.count / 3)
	kill()
	if created := b.created(); created < b.count {
		t.Logf("killed after %d of %d runs", created, b.count)
	} else {
		t.Fatal("killed too late: all runs were created")
	}
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
}

func newBurst(t *testing.T, namespace string) *burst {
	t.Helper()
	b := &burst{t: t, namespace: newNamespace(t, namespace), count: *burstSchedules}
	// Time to create them and to start the operator, which a busy machine needs more of.
	for allowance := 20*time.Second + time.Duration(b.count)*10*time.Millisecond; ; allowance *= 3 {
		b.create(allowance)
		left := time.Until(b.due)
		if left >= 5*time.Second {
			return b
		}
		if allowance > 5*time.Minute {
			t.Fatalf("creating %d schedules takes more than %s", b.count, allowance)
		}
		t.Logf("creating %d schedules took too long, they are due in %s; they are created again", b.count, left)
		schedules := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(b.namespace)
		if err := schedules.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// create creates the schedules, which are due at the first full minute after an allowance.
func (b *burst) create(allowance time.Duration) {
	b.t.Helper()
	b.due = time.Now().Add(allowance).UTC().Truncate(time.Minute).Add(time.Minute)
	schedule := fmt.Sprintf("%d %d %d %d *", b.due.Minute(), b.due.Hour(), b.due.Day(), int(b.due.Month()))
	names := make(chan string)
	var creators sync.WaitGroup
	for range 16 {
		creators.Go(func() {
			for name := range names {
				_, err := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(b.namespace).Create(b.t.Context(), newSchedule(name, schedule), metav1.CreateOptions{})
				if err != nil {
					b.t.Errorf("create %s: %v", name, err)
				}
			}
		})
	}
	for i := range b.count {
		names <- fmt.Sprintf("s-%d", i)
	}
	close(names)
	creators.Wait()
}

func (b *burst) startOperator(flags ...string) (kill func()) {
	b.t.Helper()
	return sim.StartOperator(b.t, operatorBinary, api.Kubeconfig, b.namespace, flags...)
}

// created is how many runs there are. The server counts them: to read them all
// again and again would take the time that the operator needs.
func (b *burst) created() int {
	b.t.Helper()
	list, err := api.Spark.SparkoperatorV1beta2().SparkApplications(b.namespace).List(b.t.Context(), metav1.ListOptions{Limit: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	return len(list.Items) + int(ptr.Deref(list.RemainingItemCount, 0))
}

func (b *burst) waitForRuns(count int) {
	b.t.Helper()
	created := 0
	err := wait.PollUntilContextTimeout(b.t.Context(), 50*time.Millisecond, time.Until(b.due)+5*time.Minute, true, func(context.Context) (bool, error) {
		created = b.created()
		return created >= count, nil
	})
	if err != nil {
		b.t.Fatalf("only %d of %d runs were created", created, count)
	}
}

// check waits until everything is written down, and looks at every run that there
// is. Nothing deletes runs that have not ended, so none can have come and gone.
func (b *burst) check() {
	b.t.Helper()
	recorded := map[string]string{} // runs by schedule
	err := wait.PollUntilContextTimeout(b.t.Context(), time.Second, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(b.namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return false, err
		}
		for _, app := range list.Items {
			if last := app.Status.LastScheduleTime; last != nil && last.Time.Equal(b.due) {
				recorded[app.Name] = app.Status.LastRunName
			}
		}
		return len(recorded) == b.count, nil
	})
	if err != nil {
		b.t.Fatalf("only %d of %d runs are in the status of their schedules: %v", len(recorded), b.count, err)
	}
	// The operator looks at a schedule that comes now after all that it still wanted
	// to look at again, so a second run would exist by then.
	createSchedule(b.t, b.namespace, newSchedule("last", "0 0 1 1 *"))
	waitSchedule(b.t, b.namespace, "last", "Scheduled", func(s *v1beta2.ScheduledSparkApplicationStatus) bool {
		return s.ScheduleState == v1beta2.ScheduleStateScheduled
	})
	list, err := api.Spark.SparkoperatorV1beta2().SparkApplications(b.namespace).List(b.t.Context(), metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	var latest time.Time
	for _, run := range list.Items {
		schedule := run.Labels[v1beta2.LabelScheduledSparkAppName]
		if recorded[schedule] != run.Name {
			b.t.Errorf("%s is a run of %s, whose status contains %q", run.Name, schedule, recorded[schedule])
		}
		if run.CreationTimestamp.After(latest) {
			latest = run.CreationTimestamp.Time
		}
	}
	if len(list.Items) != b.count {
		b.t.Errorf("%d runs of %d schedules", len(list.Items), b.count)
	}
	b.t.Logf("the API server dates the last run %s after it was due", latest.Sub(b.due))
}
