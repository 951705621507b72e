// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// life is everything that the world does to one application: its first run fails,
// the second succeeds. It returns when the application has completed or when the
// controller has ended.
func life(p *process) error {
	c := p.cluster
	for range 20 {
		after, err := p.settle("pi")
		if err != nil {
			return err
		}
		app := c.application("pi")
		switch app.Status.AppState.State {
		case stateSubmitted:
			c.driverPhase("pi-driver", corev1.PodRunning)
		case stateRunning:
			phase := corev1.PodFailed
			if app.Status.ExecutionAttempts > 1 {
				phase = corev1.PodSucceeded
			}
			c.driverPhase("pi-driver", phase)
		case stateFailing:
			c.clock.Step(max(after, time.Second))
		case stateCompleted, stateFailed:
			return nil
		}
	}
	return errors.New("the application does not come to an end")
}

// TestCrashAtEveryWrite ends the process before and after each write of the whole
// life of an application, and goes on with a new one that knows nothing but what
// the cluster shows.
func TestCrashAtEveryWrite(t *testing.T) {
	eachWrite(t, func(t *testing.T, f *fault) (reached bool) {
		f.crash = true
		c := newCluster(t)
		c.addApplication(newApplication("pi", onFailure(3, 1)))
		c.fault = f
		watchDrivers(c)
		err := life(c.start())
		if err == nil {
			return false
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if err := life(c.start()); err != nil {
			t.Fatal(err)
		}
		checkLife(t, c, f)
		return true
	})
}

// TestErrorAtEveryWrite answers each write once with an error that is worth a
// retry, done or not done.
func TestErrorAtEveryWrite(t *testing.T) {
	eachWrite(t, func(t *testing.T, f *fault) (reached bool) {
		f.err = apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
		c := newCluster(t)
		c.addApplication(newApplication("pi", onFailure(3, 1)))
		c.fault = f
		watchDrivers(c)
		if err := life(c.start()); err != nil {
			t.Fatal(err)
		}
		checkLife(t, c, f)
		return f.hit
	})
}

// eachWrite runs the test with a fault before and after each write, until one is
// not reached any more.
func eachWrite(t *testing.T, test func(t *testing.T, f *fault) (reached bool)) {
	for n := 1; ; n++ {
		var more bool
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d after %t", n, after), func(t *testing.T) {
				if test(t, &fault{at: n, after: after}) {
					more = true
				}
			})
		}
		if !more {
			if n < 20 {
				t.Errorf("only %d writes in a whole life", n-1)
			}
			return
		}
	}
}

// watchDrivers fails the test as soon as two driver pods exist at once.
func watchDrivers(c *cluster) {
	c.onWrite = func() {
		drivers := 0
		for _, pod := range c.pods() {
			if pod.Labels[v1beta2.LabelSparkRole] == v1beta2.SparkRoleDriver && pod.Status.Phase != corev1.PodFailed {
				drivers++
			}
		}
		if drivers > 1 {
			c.t.Errorf("%d driver pods at once after %q", drivers, c.log)
		}
	}
}

// checkLife checks that a fault left no trace.
func checkLife(t *testing.T, c *cluster, f *fault) {
	t.Helper()
	app := c.wantState("pi", stateCompleted)
	if app.Status.ExecutionAttempts != 2 || app.Status.SubmissionAttempts != 2 || len(app.Status.Attempts) != 2 {
		t.Errorf("%d executions, %d submissions, %d attempts; want 2 of each", app.Status.ExecutionAttempts, app.Status.SubmissionAttempts, len(app.Status.Attempts))
	}
	if pods := c.pods(); len(pods) != 1 || pods[0].Labels[v1beta2.LabelSubmissionID] != app.Status.SubmissionID {
		t.Errorf("%d pods", len(pods))
	}
	if c.services() != 0 || c.configMaps() != 0 {
		t.Errorf("left over: %d services, %d config maps", c.services(), c.configMaps())
	}
	created := 0
	for _, entry := range c.log {
		if entry == "create pods pi-driver" {
			created++
		}
	}
	if created != 2 {
		t.Errorf("%d driver pods were created for 2 runs: %q", created, c.log)
	}

	// What is told follows the write that it tells of. A process that ends right
	// after that write tells nothing; nothing is ever told twice.
	lost := f.after && (f.crash || f.err != nil)
	want := []string{"SparkApplicationSubmitted", "SparkDriverRunning", "SparkDriverFailed", "SparkApplicationPendingRerun", "SparkApplicationSubmitted", "SparkDriverRunning", "SparkDriverCompleted", "SparkApplicationCompleted"}
	if got := c.reasons(); !slices.Equal(got, want) && (!lost || len(got) >= len(want) || !isSubsequence(got, want)) {
		t.Errorf("events %q, want %q", got, want)
	}
	for name, want := range map[string]float64{
		"spark_application_count":         1,
		"spark_application_submit_count":  2,
		"spark_application_success_count": 1,
	} {
		if got := c.counter(name); got != want && (!lost || got != want-1) {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
}

func isSubsequence(part, whole []string) bool {
	i := 0
	for _, element := range whole {
		if i < len(part) && part[i] == element {
			i++
		}
	}
	return i == len(part)
}
