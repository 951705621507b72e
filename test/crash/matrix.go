// SPDX-License-Identifier: Apache-2.0

// Package crash proves that an operator which dies between any two writes neither
// loses nor doubles a job: it kills the real binary with SIGKILL at every write of a
// submission, on whichever cluster it is given.
package crash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// Target is where and with what the matrix runs.
type Target struct {
	Config *rest.Config
	// Binary is the operator's.
	Binary string
	// Namespace is watched by no other operator.
	Namespace string
	// NewApplication returns an application whose driver stays pending.
	NewApplication func(name string) *v1beta2.SparkApplication
}

// RunMatrix submits one application for every write of a submission, twice: the
// operator is killed before the API server sees the write, and after it carried it
// out but before the operator hears of it. Once restarted, there must be exactly
// one driver pod, ever, and one attempt on record.
func RunMatrix(t *testing.T, target Target) {
	proxy, kubeconfig := sim.StartProxy(t, target.Config)
	m := &matrix{Target: target, proxy: proxy, kubeconfig: kubeconfig,
		core: kubernetes.NewForConfigOrDie(target.Config), spark: versioned.NewForConfigOrDie(target.Config)}

	writes := m.countWrites(t)
	t.Logf("a submission takes %d writes", writes)
	if writes < 4 { // pod, Service, ConfigMap, status
		t.Fatalf("a submission took only %d writes", writes)
	}
	for number := int64(1); number <= writes; number++ {
		for moment, word := range map[faultproxy.Moment]string{faultproxy.Before: "before", faultproxy.After: "after"} {
			name := fmt.Sprintf("crash-%d-%s", number, word)
			t.Run(name, func(t *testing.T) { m.killAt(t, name, number, moment) })
		}
	}
}

type matrix struct {
	Target
	proxy      *faultproxy.Proxy
	kubeconfig string
	core       kubernetes.Interface
	spark      versioned.Interface
}

// countWrites sees how many writes a submission takes instead of assuming it.
func (m *matrix) countWrites(t *testing.T) int64 {
	t.Helper()
	m.proxy.Observe(func(faultproxy.Moment, int64, *http.Request) error { return nil })
	kill := m.start(t)
	defer kill()
	m.create(t, "crash-none")
	m.waitSubmitted(t, "crash-none")
	time.Sleep(time.Second) // for writes that follow the submission, if any
	return m.proxy.Writes()
}

func (m *matrix) killAt(t *testing.T, name string, number int64, moment faultproxy.Moment) {
	drivers := m.countDrivers(t, name)
	var victim atomic.Pointer[func()]
	killed := make(chan struct{})
	m.proxy.Observe(func(at faultproxy.Moment, n int64, _ *http.Request) error {
		if at != moment || n != number {
			return nil
		}
		(*victim.Load())()
		close(killed)
		return errors.New("the operator was killed")
	})
	kill := m.start(t)
	victim.Store(&kill)
	m.create(t, name)
	select {
	case <-killed:
	case <-time.After(time.Minute):
		t.Fatalf("write %d did not come within a minute", number)
	}

	m.proxy.Observe(nil)
	defer m.start(t)()
	status := m.waitSubmitted(t, name).Status
	time.Sleep(2 * time.Second) // a second driver would come by now
	if got := drivers(); got != 1 {
		t.Errorf("%d driver pods were created", got)
	}
	if status.SubmissionAttempts != 1 || status.ExecutionAttempts != 1 || len(status.Attempts) != 1 {
		t.Errorf("attempts: %d submissions, %d executions, %d recorded", status.SubmissionAttempts, status.ExecutionAttempts, len(status.Attempts))
	}
	live, err := m.core.CoreV1().Pods(m.Namespace).List(t.Context(), driversOf(name))
	if err != nil || len(live.Items) != 1 {
		t.Fatalf("driver pods: %d, %v", len(live.Items), err)
	}
	if id := live.Items[0].Labels[v1beta2.LabelSubmissionID]; id != status.SubmissionID {
		t.Errorf("driver of submission %q, status says %q", id, status.SubmissionID)
	}
}

func (m *matrix) start(t *testing.T) func() {
	return sim.StartOperator(t, m.Binary, m.kubeconfig, m.Namespace)
}

func (m *matrix) create(t *testing.T, name string) {
	t.Helper()
	app := m.NewApplication(name)
	app.Namespace = m.Namespace
	apps := m.spark.SparkoperatorV1beta2().SparkApplications(m.Namespace)
	if _, err := apps.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := apps.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	})
}

func (m *matrix) waitSubmitted(t *testing.T, name string) *v1beta2.SparkApplication {
	t.Helper()
	var app *v1beta2.SparkApplication
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		app, err = m.spark.SparkoperatorV1beta2().SparkApplications(m.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && app.Status.AppState.State == v1beta2.ApplicationStateSubmitted, err
	})
	if err != nil {
		t.Fatalf("%s was not submitted: %v; status %+v", name, err, app.Status)
	}
	return app
}

// countDrivers watches from now on and returns how many different driver pods of
// the application were seen.
func (m *matrix) countDrivers(t *testing.T, name string) func() int64 {
	t.Helper()
	return countSeen(t, func(ctx context.Context) (watch.Interface, error) {
		return m.core.CoreV1().Pods(m.Namespace).Watch(ctx, driversOf(name))
	})
}

// countSeen watches from now on and returns how many different objects were seen.
func countSeen(t *testing.T, start func(context.Context) (watch.Interface, error)) func() int64 {
	t.Helper()
	watcher, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	var count atomic.Int64
	go func() {
		seen := map[string]bool{}
		for event := range watcher.ResultChan() {
			if object, ok := event.Object.(metav1.Object); ok && !seen[string(object.GetUID())] {
				seen[string(object.GetUID())] = true
				count.Add(1)
			}
		}
	}()
	return count.Load
}

func driversOf(name string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: v1beta2.LabelSparkAppName + "=" + name + "," + v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver}
}
