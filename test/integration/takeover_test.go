// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// TestTakeover ends the leader while applications arrive: a standby takes over within the
// time that the settings of the Lease give it, and no application is lost or submitted
// twice. It prints how long there was no leader; docs/install.md has the numbers.
func TestTakeover(t *testing.T) {
	type takeover struct {
		lease, renew, retry time.Duration
		end                 func(*operator.Process) error
		longest             time.Duration // until the standby is the leader
	}
	tests := map[string]takeover{
		"SIGTERM": {15 * time.Second, 10 * time.Second, 2 * time.Second, (*operator.Process).Stop, retries(2 * time.Second)},
		"SIGKILL": {15 * time.Second, 10 * time.Second, 2 * time.Second, kill, 15*time.Second + retries(2*time.Second)},
	}
	if *givenBinary != "" {
		// With so short a Lease, a leader exits on a busy machine, and nothing restarts it here.
		tests["SIGKILL-with-a-short-Lease"] = takeover{4 * time.Second, 3 * time.Second, time.Second, kill, 4*time.Second + retries(time.Second)}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, "takeover-"+strings.ToLower(name))
			drivers := &arrivals{}
			node := kubelet.New(kubelet.Config{
				Namespace: namespace, LifeOf: kubelet.Always(kubelet.Life{}), OnEvent: drivers.note, Workers: 4, LeaveGarbage: true,
			}, api.Core)
			if err := node.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(node.Wait)
			replica := func() *operator.Process {
				return startLogged(t, "--namespaces", namespace, "--leader-election", "--leader-election-lock-namespace", namespace,
					"--leader-election-lease-duration", test.lease.String(), "--leader-election-renew-deadline", test.renew.String(),
					"--leader-election-retry-period", test.retry.String())
			}
			created := 0
			submitUntil := func(done func() bool) {
				for !done() {
					if created++; created > 200 {
						t.Fatal("applications arrive, and nothing happens")
					}
					if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), sparkPi("pi-"+strconv.Itoa(created)), metav1.CreateOptions{}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(pace)
				}
			}

			leader := replica()
			submitUntil(func() bool { return drivers.count() > 0 })
			old, standby := holder(t, namespace), replica()
			submitUntil(func() bool {
				return strings.Contains(standby.Log(), "new leader elected") || strings.Contains(standby.Log(), "Leader elected")
			})
			memory := fmt.Sprintf("memory of the leader %s, of the standby %s", resident(t, leader), resident(t, standby))
			begun, ended, taken := time.Now(), make(chan error, 1), make(chan time.Duration, 1)
			go func() { ended <- test.end(leader) }()
			go func() {
				for now := old; t.Context().Err() == nil && (now == old || now == ""); now = holder(t, namespace) {
					time.Sleep(10 * time.Millisecond)
				}
				taken <- time.Since(begun)
			}()
			submitUntil(func() bool { return len(taken) > 0 })
			gap, before := <-taken, drivers.count()
			submitUntil(func() bool { return drivers.count() > before })
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if gap > test.longest {
				t.Errorf("no leader for %v, want at most %v", gap, test.longest)
			}
			waitForEnds(t, namespace, created)
			if overlaps := node.Overlaps(); len(overlaps) > 0 {
				t.Errorf("drivers at once: %v", overlaps)
			}
			checkEnds(t, api, namespace, created)
			t.Logf("takeover after %s, Lease of %v: no leader for %.1f s; %d applications, none lost, none submitted twice; %s",
				name, test.lease, gap.Seconds(), created, memory)
		})
	}
}

// pace is the time between two applications.
const pace = 400 * time.Millisecond

// retries is the longest time between two attempts of a standby to acquire the Lease, with
// the jitter of client-go, and some for a busy machine.
func retries(period time.Duration) time.Duration { return period*22/10 + 3*time.Second }

func kill(process *operator.Process) error {
	process.Kill()
	return nil
}

// holder is the holder of the one Lease of a namespace; empty if there is none.
func holder(t *testing.T, namespace string) string {
	leases, err := api.Core.CoordinationV1().Leases(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(leases.Items) != 1 {
		return ""
	}
	return ptr.Deref(leases.Items[0].Spec.HolderIdentity, "")
}

// resident is the memory of a process as the kernel sees it.
func resident(t *testing.T, process *operator.Process) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no VmRSS in %s", status)
	return ""
}

// startLogged runs the operator until the end of the test.
func startLogged(t *testing.T, flags ...string) *operator.Process {
	t.Helper()
	process, err := operator.Start(operator.Options{
		Binary: operatorBinary, Kubeconfig: api.Kubeconfig, Log: filepath.Join(t.TempDir(), "operator.log"), Flags: flags,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Kill()
		if t.Failed() {
			t.Logf("operator log:\n%s", process.Tail(40))
		}
	})
	return process
}

// waitForEnds waits until so many applications are finished.
func waitForEnds(t *testing.T, namespace string, count int) {
	t.Helper()
	finished := 0
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		finished = 0
		for i := range list.Items {
			if state := list.Items[i].Status.AppState.State; state == v1beta2.ApplicationStateCompleted || state == v1beta2.ApplicationStateFailed {
				finished++
			}
		}
		return finished == count, nil
	})
	if err != nil {
		t.Errorf("%d of %d applications are finished: %v", finished, count, err)
	}
}

// arrivals counts the drivers of a namespace.
type arrivals struct {
	lock sync.Mutex
	seen int
}

func (a *arrivals) note(event kubelet.Event) {
	if event.Moment == kubelet.Created {
		a.lock.Lock()
		defer a.lock.Unlock()
		a.seen++
	}
}

func (a *arrivals) count() int {
	a.lock.Lock()
	defer a.lock.Unlock()
	return a.seen
}
