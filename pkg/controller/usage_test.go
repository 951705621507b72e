// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// runningFor is a cluster in which the driver of the application pi runs since testStart.
func runningFor(t *testing.T, executors int) (*cluster, *process) {
	t.Helper()
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	for i := range executors {
		bigExecutor(c, fmt.Sprintf("pi-exec-%d", i+1))
	}
	mustSettle(t, p, "pi")
	return c, p
}

func usageOf(c *cluster) v1beta2.Usage {
	attempts := c.application("pi").Status.Attempts
	return *attempts[len(attempts)-1].Usage
}

// TestUsageSurvivesRestarts: a new process goes on where the status ends, and counts no
// second again, whatever has become of the pods meanwhile.
func TestUsageSurvivesRestarts(t *testing.T) {
	c, p := runningFor(t, 2)
	c.clock.Step(10 * time.Minute)
	c.editPod("pi-exec-1", executorFails(c)) // which causes a write
	mustSettle(t, p, "pi")
	if got := usageOf(c); got.Executors.CoreSeconds != 2*2*590 || got.Driver.CoreSeconds != 590 {
		t.Errorf("usage after ten minutes, without the last ten seconds: %+v", got)
	}
	for range 3 {
		c.clock.Step(10 * time.Minute)
		mustSettle(t, c.start(), "pi")
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, c.start(), "pi")
	if got := usageOf(c); got.Driver.CoreSeconds != 2400 || got.Executors.CoreSeconds != 2*(600+2400) || got.ExecutorsLost != 1 || got.Incomplete {
		t.Errorf("usage %+v", got)
	}
}

// TestUsageOfUnwatchedPodsIsALowerBound: of a pod that disappeared while no operator ran, only
// the time until the last write counts, and the status says so.
func TestUsageOfUnwatchedPodsIsALowerBound(t *testing.T) {
	c, p := runningFor(t, 2)
	c.clock.Step(10 * time.Minute)
	c.editPod("pi-exec-1", executorFails(c))
	mustSettle(t, p, "pi")
	c.clock.Step(10 * time.Minute)
	c.deletePod("pi-exec-2")
	mustSettle(t, c.start(), "pi")
	if got := usageOf(c); !got.Incomplete || got.Executors.CoreSeconds != 2*(600+590) {
		t.Errorf("usage %+v", got)
	}
}

// TestUsageCountsPodsThatLeaveTheCacheEarly: the caches may be ahead of the event that says that
// a pod is gone. Its hours count all the same.
func TestUsageCountsPodsThatLeaveTheCacheEarly(t *testing.T) {
	c, p := runningFor(t, 2)
	c.clock.Step(time.Hour)
	c.deletePod("pi-exec-1")
	gone := p.podList.List()
	for _, object := range gone {
		if pod := object.(*podview.Pod); pod.Name == "pi-exec-1" {
			if err := p.podList.Delete(pod); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := p.syncOnce("pi"); err != nil {
		t.Fatal(err)
	}
	if got := usageOf(c); got.Executors.CoreSeconds != 2*2*3590 || got.Incomplete {
		t.Errorf("usage %+v", got)
	}
}

// TestUsageCountsOnlyPodsOfTheRun: a label makes a pod no executor of the run.
func TestUsageCountsOnlyPodsOfTheRun(t *testing.T) {
	c, p := runningFor(t, 1)
	bigExecutor(c, "pi-exec-9")
	c.editPod("pi-exec-9", func(pod *corev1.Pod) { pod.OwnerReferences = nil })
	mustSettle(t, p, "pi")
	c.clock.Step(time.Minute)
	c.deletePod("pi-exec-9")
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	if got := usageOf(c); got.Executors.CoreSeconds != 2*60 {
		t.Errorf("usage %+v", got)
	}
}

// TestLedgerForgets: what is counted, what belongs to no application, and what never started
// takes no memory.
func TestLedgerForgets(t *testing.T) {
	c, p := runningFor(t, 3)
	handler := p.podHandler()
	stray := podview.Of(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "ns", UID: "a", Labels: map[string]string{v1beta2.LabelSparkAppName: "no-such"}}})
	handler.OnAdd(stray, false)
	handler.OnDelete(cache.DeletedObject[*podview.Pod]{OptionalObj: stray}) // never started
	stray = stray.DeepCopyObject().(*podview.Pod)
	stray.Status.Started = testStart.Unix()
	handler.OnAdd(stray, false)
	handler.OnDelete(cache.DeletedObject[*podview.Pod]{OptionalObj: stray})
	if _, err := p.step("no-such"); err != nil {
		t.Fatal(err)
	}
	unlabelled := podview.Of(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "b", Namespace: "ns", UID: "b"}})
	handler.OnAdd(unlabelled, false)
	c.clock.Step(time.Minute)
	c.deletePod("pi-exec-1")
	mustSettle(t, p, "pi")
	c.clock.Step(time.Minute)
	c.editPod("pi-exec-2", executorFails(c))
	mustSettle(t, p, "pi")
	mustSettle(t, p, "pi")
	key := cache.NewObjectName("ns", "pi")
	if got := p.ledger.pods; len(got) != 1 || len(got[key]) != 3 {
		t.Errorf("%d applications, pods %v", len(got), got[key])
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	c.deletePod("pi-exec-2")
	c.deletePod("pi-exec-3")
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if got := p.ledger.pods[key]; len(got) != 1 {
		t.Errorf("pods %v, want the driver", got)
	}
}
