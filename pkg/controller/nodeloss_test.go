// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

func nodeGrace(config *Config) { config.NodeLossGracePeriod = 5 * time.Minute }

// addNode adds the node n1 with a Ready condition of that value since now.
func (c *cluster) addNode(ready corev1.ConditionStatus) {
	c.t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	node.Status.Conditions = []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
		{Type: corev1.NodeReady, Status: ready, LastTransitionTime: metav1.NewTime(c.clock.Now())},
	}
	if err := c.kube.Tracker().Add(node); err != nil {
		c.t.Fatal(err)
	}
}

// strand puts a driver pod on node n1 and deletes it, which the node does not
// confirm.
func (c *cluster) strand(name string) {
	c.editPod(name, func(pod *corev1.Pod) {
		pod.Spec.NodeName = "n1"
		pod.DeletionGracePeriodSeconds = ptr.To[int64](30)
		pod.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now().Add(30 * time.Second)))
	})
}

// nodeReads counts the questions about nodes.
func (c *cluster) nodeReads() int {
	reads := 0
	for _, action := range c.kube.Actions() {
		if action.GetResource().Resource == "nodes" {
			reads++
		}
	}
	return reads
}

func strandedRun(t *testing.T, edits ...func(*v1beta2.SparkApplication)) *cluster {
	t.Helper()
	c := newCluster(t)
	c.addApplication(newApplication("pi", edits...))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.strand("pi-driver")
	return c
}

func TestNodeLoss(t *testing.T) {
	for name, test := range map[string]struct {
		node     func(c *cluster)
		evidence string
	}{
		"node is gone":         {func(*cluster) {}, "node n1 no longer exists"},
		"node does not report": {func(c *cluster) { c.addNode(corev1.ConditionUnknown) }, "node n1 has not reported since 2026-03-01T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			c := strandedRun(t)
			test.node(c)
			p := c.start(nodeGrace)
			waited := time.Duration(0)
			for c.nodeReads() == 0 && waited < time.Hour {
				after := mustSettle(t, p, "pi")
				c.clock.Step(after)
				waited += after
				mustSettle(t, p, "pi")
			}
			if waited != 90*time.Second {
				t.Errorf("asked for the node after %v, want the pod's grace period and a minute", waited)
			}
			c.clock.Step(5 * time.Minute)
			mustSettle(t, p, "pi")
			app := c.wantState("pi", lifecycle.StateFailed)
			attempt := app.Status.Attempts[0]
			if attempt.Reason != lifecycle.ReasonNodeLost || attempt.FailureType != ofInfrastructure || attempt.StartTime == nil {
				t.Errorf("attempt %+v", attempt)
			}
			if want := "driver lost with its node: " + test.evidence; app.Status.AppState.ErrorMessage != want {
				t.Errorf("message %q, want %q", app.Status.AppState.ErrorMessage, want)
			}
			var deletions []clienttesting.DeleteActionImpl
			for _, action := range c.kube.Actions() {
				if deletion, ok := action.(clienttesting.DeleteActionImpl); ok && deletion.Name == "pi-driver" {
					deletions = append(deletions, deletion)
				}
			}
			if len(deletions) != 1 || ptr.Deref(deletions[0].DeleteOptions.GracePeriodSeconds, -1) != 0 || deletions[0].DeleteOptions.Preconditions.UID == nil {
				t.Errorf("deletions %+v", deletions)
			}
		})
	}
}

// TestNoEvidenceNoForce: without evidence the pod stays, and the status says so.
func TestNoEvidenceNoForce(t *testing.T) {
	for name, test := range map[string]struct {
		config func(*Config)
		node   func(c *cluster)
	}{
		"switched off":  {func(*Config) {}, func(*cluster) {}},
		"node is ready": {nodeGrace, func(c *cluster) { c.addNode(corev1.ConditionTrue) }},
		"kubelet lives": {nodeGrace, func(c *cluster) { c.addNode(corev1.ConditionFalse) }},
		"may not read": {nodeGrace, func(c *cluster) {
			c.kube.PrependReactor("get", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(corev1.Resource("nodes"), "n1", nil)
			})
		}},
		"held by a finalizer of others": {nodeGrace, func(c *cluster) {
			c.editPod("pi-driver", func(pod *corev1.Pod) { pod.DeletionGracePeriodSeconds = ptr.To[int64](0) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := strandedRun(t)
			test.node(c)
			p := c.start(test.config)
			c.clock.Step(time.Hour)
			if after := mustSettle(t, p, "pi"); after != lifecycle.BackstopDelay {
				t.Errorf("next look after %v", after)
			}
			app := c.wantState("pi", lifecycle.StateRunning)
			if c.pod("pi-driver") == nil {
				t.Error("the pod was deleted by force")
			}
			if !lifecycle.IsStalled(&app.Status, lifecycle.ReasonOldDriver) {
				t.Errorf("conditions %+v", app.Status.Conditions)
			}
			// As soon as the node confirms the end, the run has one.
			c.deletePod("pi-driver")
			mustSettle(t, p, "pi")
			app = c.wantState("pi", lifecycle.StateFailed)
			if attempt := app.Status.Attempts[0]; attempt.Reason != lifecycle.ReasonDriverLost || attempt.FailureType != ofApplication {
				t.Errorf("attempt %+v", attempt)
			}
			if lifecycle.IsStalled(&app.Status, lifecycle.ReasonOldDriver) {
				t.Error("still stalled")
			}
		})
	}
}

// TestNodeJustLost: a node that has not been away for long enough is waited for.
func TestNodeJustLost(t *testing.T) {
	c := strandedRun(t)
	c.clock.Step(10 * time.Minute)
	c.addNode(corev1.ConditionUnknown)
	p := c.start(nodeGrace)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.clock.Step(5*time.Minute - time.Second)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.clock.Step(time.Second)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
}

// TestUnreadableNodeIsReadAgain: a transient error ends nothing.
func TestUnreadableNodeIsReadAgain(t *testing.T) {
	c := strandedRun(t)
	p := c.start(nodeGrace)
	c.clock.Step(time.Hour)
	broken := true
	c.kube.PrependReactor("get", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		return broken, nil, apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
	})
	if _, err := p.step("pi"); err == nil || !strings.Contains(err.Error(), "node n1") {
		t.Errorf("error %v", err)
	}
	c.wantState("pi", lifecycle.StateRunning)
	broken = false
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
}

// TestLostNodeBlocksNothing: whatever waits for the end of a driver pod continues when
// its node is lost.
func TestLostNodeBlocksNothing(t *testing.T) {
	suspend := func(value bool) func(*v1beta2.SparkApplicationSpec) {
		return func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(value) }
	}
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplicationSpec)
		want v1beta2.ApplicationStateType
	}{
		"suspension": {suspend(true), lifecycle.StateSuspended},
		"rerun":      {func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"1"} }, lifecycle.StateSubmitted},
		"time-out": {func(spec *v1beta2.SparkApplicationSpec) {
			spec.Timeouts = &v1beta2.Timeouts{RunSeconds: ptr.To[int64](60)}
		}, lifecycle.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			c := strandedRun(t)
			uid := c.pod("pi-driver").UID
			c.editSpec("pi", test.edit)
			p := c.start(nodeGrace)
			c.clock.Step(time.Minute)
			mustSettle(t, p, "pi")
			if c.pod("pi-driver").UID != uid {
				t.Fatal("the pod went too early")
			}
			c.clock.Step(time.Hour)
			mustSettle(t, p, "pi")
			app := c.wantState("pi", test.want)
			if pod := c.pod("pi-driver"); pod != nil && pod.UID == uid {
				t.Error("the pod is still there")
			}
			if lifecycle.IsStalled(&app.Status, lifecycle.ReasonOldDriver) {
				t.Errorf("conditions %+v", app.Status.Conditions)
			}
		})
	}
	t.Run("deletion", func(t *testing.T) {
		c := strandedRun(t)
		app := c.application("pi")
		app.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now()))
		app.Finalizers = []string{"example.com/held"}
		c.putApplication(app)
		c.clock.Step(time.Hour)
		mustSettle(t, c.start(nodeGrace), "pi")
		if c.pod("pi-driver") != nil {
			t.Error("the pod is still there")
		}
	})
}

// TestNodeLossIsInfrastructure: such a run is made up for even without a restart
// policy, and that is known to a process that starts in between.
func TestNodeLossIsInfrastructure(t *testing.T) {
	c := strandedRun(t, func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{}
	})
	c.clock.Step(time.Hour)
	for range 4 { // each step in a process of its own
		if _, err := c.start(nodeGrace).step("pi"); err != nil {
			t.Fatal(err)
		}
	}
	app := c.wantState("pi", lifecycle.StateFailing)
	if s := app.Status; s.ForgivenAttempts != 1 || s.Attempts[0].Reason != lifecycle.ReasonNodeLost {
		t.Errorf("status %+v", s)
	}
}
