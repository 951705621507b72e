// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

func withCleanup(driver, executors v1beta2.PodDeletion) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: driver, ExecutorPods: executors}
	}
}

func TestCleanupPolicy(t *testing.T) {
	const never, onSuccess, always = v1beta2.PodDeletionNever, v1beta2.PodDeletionOnSuccess, v1beta2.PodDeletionAlways
	for _, test := range []struct {
		driver, executors               v1beta2.PodDeletion
		end                             corev1.PodPhase
		driverDeleted, executorsDeleted bool
	}{
		{"", "", corev1.PodSucceeded, false, false},
		{never, never, corev1.PodFailed, false, false},
		{onSuccess, never, corev1.PodSucceeded, true, false},
		{onSuccess, always, corev1.PodFailed, false, true},
		{always, onSuccess, corev1.PodFailed, true, false},
		{never, onSuccess, corev1.PodSucceeded, false, true},
		{always, always, corev1.PodSucceeded, true, true},
	} {
		t.Run(fmt.Sprintf("%s %s %s", test.driver, test.executors, test.end), func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", withCleanup(test.driver, test.executors)))
			p := c.start()
			mustSettle(t, p, "pi")
			c.driverPhase("pi-driver", corev1.PodRunning)
			runExecutors(c, 2, corev1.PodRunning)
			mustSettle(t, p, "pi")
			runExecutors(c, 2, corev1.PodSucceeded)
			c.driverPhase("pi-driver", test.end)
			mustSettle(t, p, "pi")
			app := c.application("pi")
			if !slices.Contains(lifecycle.Terminal, app.Status.AppState.State) {
				t.Fatalf("state %s", app.Status.AppState.State)
			}
			if deleted := c.pod("pi-driver") == nil; deleted != test.driverDeleted {
				t.Errorf("driver deleted %t", deleted)
			}
			if deleted := c.pod("pi-exec-1") == nil && c.pod("pi-exec-2") == nil; deleted != test.executorsDeleted {
				t.Errorf("executors deleted %t", deleted)
			}
			// What the pods had to say is in the status before they go, and stays.
			if attempt := app.Status.Attempts[0]; attempt.ExitCode == nil || attempt.State != app.Status.AppState.State {
				t.Errorf("attempt %+v", attempt)
			}
			for name, state := range app.Status.ExecutorState {
				if state != v1beta2.ExecutorStateCompleted {
					t.Errorf("%s is %s", name, state)
				}
			}
			first := slices.IndexFunc(c.log, func(entry string) bool { return entry == "delete pods pi-driver" || entry == "delete pods pi-exec-1" })
			if first >= 0 && slices.Contains(c.log[first:], "update sparkapplications pi") {
				t.Errorf("a status was written after the pods were deleted: %q", c.log)
			}
		})
	}
}

// TestCleanupWaitsForTheEnd: nothing is deleted that still runs, and nothing
// between two runs.
func TestCleanupWaitsForTheEnd(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withCleanup(v1beta2.PodDeletionAlways, v1beta2.PodDeletionAlways), onFailure(1, 60)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailing)
	if c.pod("pi-driver") == nil {
		t.Fatal("the driver pod is gone although another run follows")
	}
	c.clock.Step(time.Minute)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	runExecutors(c, 1, corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if c.pod("pi-driver") == nil || c.pod("pi-exec-1") == nil {
		t.Error("pods were deleted before the last executor had ended")
	}
	runExecutors(c, 1, corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	if left := len(c.pods()); left != 0 {
		t.Errorf("%d pods left", left)
	}
}

// TestCleanupAndTimeToLive: the one does not put off the other.
func TestCleanupAndTimeToLive(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withCleanup(v1beta2.PodDeletionAlways, ""), func(app *v1beta2.SparkApplication) { app.Spec.TimeToLiveSeconds = ptr.To[int64](90) }))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	if after := mustSettle(t, p, "pi"); after != 90*time.Second {
		t.Errorf("next look after %v", after)
	}
	if c.pod("pi-driver") != nil {
		t.Error("the driver pod is still there")
	}
	c.clock.Step(90 * time.Second)
	if _, err := p.step("pi"); err != nil {
		t.Fatal(err)
	}
	if object, _ := c.spark.Tracker().Get(applicationsResource, "ns", "pi"); object != nil {
		t.Error("the application outlived its time to live")
	}
}
