// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
)

// TestStuck: a driver does not start, and no reason is known.
func TestStuck(t *testing.T) {
	c, p := submitted(t)
	if since := c.application("pi").Status.AppState.LastTransitionTime; since == nil || !since.Time.Equal(c.clock.Now()) {
		t.Errorf("in the state since %v", since)
	}
	writes := c.statusWrites()
	c.clock.Step(8 * time.Minute)
	if after := mustSettle(t, p, "pi"); after != 2*time.Minute {
		t.Errorf("next look after %v", after)
	}
	c.clock.Step(2 * time.Minute)
	for range 5 {
		mustSettle(t, p, "pi")
		c.clock.Step(10 * time.Minute)
	}
	c.wantCondition(v1beta2.ConditionStalled, "True Stuck: the application has been SUBMITTED since 2026-03-01T12:00:00Z, longer than expected; check the driver pod")
	if got := c.statusWrites() - writes; got != 1 {
		t.Errorf("%d status writes", got)
	}
	if got := c.stalledEvents(); len(got) != 1 {
		t.Errorf("events %q", got)
	}
	// What is known more exactly comes instead, and all of it goes when it goes on.
	c.editPod("pi-driver", unscheduled(c.clock.Now().Add(-diagnosis.UnschedulableDelay), "Unschedulable", noNode))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "True Unschedulable: pod pi-driver is unschedulable: "+noNode)
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "")
	if since := c.application("pi").Status.AppState.LastTransitionTime; !since.Time.Equal(c.clock.Now()) {
		t.Errorf("in the state since %v", since)
	}
}
