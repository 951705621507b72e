// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/faultproxy"
)

// TestOperatorKilledBetweenWrites kills the operator with SIGKILL before and after
// every write of a submission and starts it again: there must be exactly one driver
// pod, ever, and one attempt on record.
func TestOperatorKilledBetweenWrites(t *testing.T) {
	proxy, err := faultproxy.New(cluster.config)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	kubeconfig, err := proxy.WriteKubeconfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}

	// How many writes one submission takes is seen, not assumed.
	proxy.Observe(func(faultproxy.Moment, int64, *http.Request) error { return nil })
	stop := startOperator(t, kubeconfig)
	app := create(t, pendingApplication("crash-none"))
	waitForState(t, app, v1beta2.ApplicationStateSubmitted)
	time.Sleep(time.Second) // writes that follow the submission, if any
	writes := proxy.Writes()
	stop()
	if writes < 4 { // pod, service, ConfigMap, status
		t.Fatalf("a submission took %d writes", writes)
	}
	t.Logf("a submission takes %d writes", writes)

	for number := int64(1); number <= writes; number++ {
		for _, moment := range []faultproxy.Moment{faultproxy.Before, faultproxy.After} {
			name := fmt.Sprintf("crash-%d-%s", number, [...]string{"before", "after"}[moment])
			t.Run(name, func(t *testing.T) { killAt(t, proxy, kubeconfig, name, number, moment) })
		}
	}
}

func killAt(t *testing.T, proxy *faultproxy.Proxy, kubeconfig, name string, number int64, moment faultproxy.Moment) {
	drivers := countDrivers(t, name)
	var victim atomic.Pointer[func()]
	killed := make(chan struct{})
	proxy.Observe(func(at faultproxy.Moment, n int64, _ *http.Request) error {
		if at == moment && n == number {
			(*victim.Load())()
			close(killed)
			return fmt.Errorf("the operator was killed")
		}
		return nil
	})
	kill := startOperator(t, kubeconfig)
	victim.Store(&kill)
	app := create(t, pendingApplication(name))
	select {
	case <-killed:
	case <-time.After(30 * time.Second):
		t.Fatalf("write %d did not come", number)
	}

	proxy.Observe(nil)
	stop := startOperator(t, kubeconfig)
	defer stop()
	submitted := waitForState(t, app, v1beta2.ApplicationStateSubmitted)
	time.Sleep(2 * time.Second) // a second driver would come by now
	if got := drivers(); got != 1 {
		t.Errorf("%d driver pods were created", got)
	}
	status := submitted.Status
	if status.SubmissionAttempts != 1 || status.ExecutionAttempts != 1 || len(status.Attempts) != 1 {
		t.Errorf("attempts: %d submissions, %d executions, %d recorded", status.SubmissionAttempts, status.ExecutionAttempts, len(status.Attempts))
	}
	live, err := pods(t.Context(), app, v1beta2.SparkRoleDriver)
	if err != nil || len(live) != 1 {
		t.Fatalf("driver pods: %d, %v", len(live), err)
	}
	if id := live[0].Labels[v1beta2.LabelSubmissionID]; id != status.SubmissionID {
		t.Errorf("driver of submission %q, status says %q", id, status.SubmissionID)
	}
}

// pendingApplication is submitted but never starts, for want of its image.
func pendingApplication(name string) *v1beta2.SparkApplication {
	app := sparkPi(name, "1")
	app.Namespace = crashNamespace
	app.Spec.Driver.ServiceAccount = nil // the namespace has only the default one
	app.Spec.Image = ptr.To("localhost/there-is-no-such-image:1")
	return app
}

// countDrivers watches from now on and returns how many different driver pods of
// the application were seen.
func countDrivers(t *testing.T, name string) func() int64 {
	t.Helper()
	watcher, err := cluster.core.CoreV1().Pods(crashNamespace).Watch(t.Context(), metav1.ListOptions{
		LabelSelector: v1beta2.LabelSparkAppName + "=" + name,
	})
	if err != nil {
		t.Fatal(err)
	}
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
	t.Cleanup(watcher.Stop)
	return count.Load
}

// startOperator runs the operator's binary outside the cluster and returns a
// function that kills it with SIGKILL and waits for its end.
func startOperator(t *testing.T, kubeconfig string) func() {
	t.Helper()
	logFile, err := os.CreateTemp(t.TempDir(), "operator-*.log")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(cluster.operatorBinary, "controller", "start", "--kubeconfig", kubeconfig,
		"--namespaces", crashNamespace, "--metrics-bind-address", "0", "--health-probe-bind-address", "0")
	command.Stdout, command.Stderr = logFile, logFile
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	stop := func() {
		_ = command.Process.Kill()
		<-ended
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			if text, err := os.ReadFile(logFile.Name()); err == nil {
				t.Logf("%s:\n%s", filepath.Base(logFile.Name()), tail(string(text), 40))
			}
		}
		_ = logFile.Close()
	})
	return stop
}
