// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

const (
	ofApplication    = v1beta2.FailureTypeApplication
	ofInfrastructure = v1beta2.FailureTypeInfrastructure
)

// evict lets the driver end as the eviction API ends it.
func evict(c *cluster, name string) {
	c.driverPhase(name, corev1.PodFailed)
	c.editPod(name, func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses[0].State.Terminated.ExitCode = 143
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting"}}
	})
}

// TestInfrastructureFailures: an application that may not be retried survives two
// evictions, and not its own failure.
func TestInfrastructureFailures(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{IntervalSeconds: ptr.To[int64](7)}
	}))
	p := c.start()
	for n := int32(1); n <= 2; n++ {
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateSubmitted)
		evict(c, "pi-driver")
		after := mustSettle(t, p, "pi")
		app := c.wantState("pi", lifecycle.StateFailing)
		if after != 7*time.Second {
			t.Errorf("next look after %v", after)
		}
		if s := app.Status; s.ExecutionAttempts != n || s.ForgivenAttempts != n || s.InfrastructureFailures != n || s.Attempts[n-1].FailureType != ofInfrastructure {
			t.Errorf("status %+v", s)
		}
		c.clock.Step(after)
	}
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	if s := app.Status; s.ExecutionAttempts != 3 || s.ForgivenAttempts != 2 || s.InfrastructureFailures != 0 || s.Attempts[2].FailureType != ofApplication {
		t.Errorf("status %+v", s)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"1"} })
	mustSettle(t, p, "pi")
	if s := c.wantState("pi", lifecycle.StateSubmitted).Status; s.ExecutionAttempts != 1 || s.ForgivenAttempts != 0 {
		t.Errorf("an edit did not start over: %+v", s)
	}
}

// TestDrainedDriver: the pod of a driver that is drained may be gone before its
// end is seen. That it was disrupted is remembered.
func TestDrainedDriver(t *testing.T) {
	for _, disrupted := range []bool{true, false} {
		t.Run(fmt.Sprintf("disrupted %t", disrupted), func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", onFailure(1, 5), func(app *v1beta2.SparkApplication) {
				app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{}
			}))
			p := c.start()
			mustSettle(t, p, "pi")
			c.driverPhase("pi-driver", corev1.PodRunning)
			mustSettle(t, p, "pi")
			c.editPod("pi-driver", func(pod *corev1.Pod) {
				pod.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now().Add(30 * time.Second)))
				if disrupted {
					pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"}}
				}
			})
			mustSettle(t, p, "pi")
			c.wantState("pi", lifecycle.StateRunning)
			c.deletePod("pi-driver")
			p = c.start() // the memory is in the cluster
			mustSettle(t, p, "pi")
			app := c.wantState("pi", lifecycle.StateFailing)
			attempt := app.Status.Attempts[0]
			want, message := ofApplication, "driver pod not found"
			if disrupted {
				want, message = ofInfrastructure, "driver pod not found: EvictionByEvictionAPI"
			}
			if attempt.FailureType != want || attempt.Reason != lifecycle.ReasonDriverLost || attempt.Message != message {
				t.Errorf("attempt %+v", attempt)
			}
			if charged := app.Status.ExecutionAttempts - app.Status.ForgivenAttempts; (charged == 0) != disrupted {
				t.Errorf("%d runs charged", charged)
			}
		})
	}
}

func TestExitCodeThatIsNotRetried(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyAlways, NonRetryableExitCodes: []int32{3, 1}}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	want := "driver container failed with ExitCode: 1, Reason: Error; not retried: exit code 1 is in restartPolicy.nonRetryableExitCodes"
	if app.Status.AppState.ErrorMessage != want {
		t.Errorf("message %q", app.Status.AppState.ErrorMessage)
	}
}

// TestPolicyEditedWhileWaiting: the policy that counts is the one of now.
func TestPolicyEditedWhileWaiting(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(3, 60)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailing)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.RestartPolicy.NonRetryableExitCodes = []int32{1} })
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	if message := app.Status.AppState.ErrorMessage; strings.Count(message, "not retried") != 1 {
		t.Errorf("message %q", message)
	}
}

// TestWithdrawnDisruptionIsNoCause: a later failure is not attributed to it.
func TestWithdrawnDisruptionIsNoCause(t *testing.T) {
	for _, phase := range []corev1.PodPhase{corev1.PodPending, corev1.PodRunning} {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start()
		mustSettle(t, p, "pi")
		c.driverPhase("pi-driver", phase)
		disrupt := func(status corev1.ConditionStatus) {
			c.editPod("pi-driver", func(pod *corev1.Pod) {
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: status, Reason: "EvictionByEvictionAPI"}}
			})
			mustSettle(t, p, "pi")
		}
		mustSettle(t, p, "pi")
		before := c.application("pi").Status.Conditions
		disrupt(corev1.ConditionTrue)
		disrupt(corev1.ConditionFalse)
		if after := c.application("pi").Status.Conditions; len(after) != len(before) || after[1].Reason != before[1].Reason {
			t.Errorf("conditions %+v, want %+v", after, before)
		}
		c.deletePod("pi-driver")
		c.clock.Step(time.Minute)
		mustSettle(t, p, "pi")
		app := c.wantState("pi", lifecycle.StateFailed)
		if attempt := app.Status.Attempts[0]; attempt.FailureType != ofApplication {
			t.Errorf("attempt %+v", attempt)
		}
	}
}

// TestNextRetryTime: the status says when the next attempt is due, as long as one is.
func TestNextRetryTime(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(1, 60)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.clock.Step(20 * time.Second)
	c.driverPhase("pi-driver", corev1.PodFailed)
	before := c.writes
	after := mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailing)
	if due := app.Status.NextRetryTime; due == nil || due.Sub(c.clock.Now()) != 40*time.Second || after != 40*time.Second {
		t.Errorf("due at %v, next look after %v", due, after)
	}
	if c.writes-before != 1 {
		t.Errorf("%d writes", c.writes-before)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
		spec.RestartPolicy.OnFailureRetryInterval = ptr.To[int64](90)
	})
	mustSettle(t, p, "pi")
	if due := c.wantState("pi", lifecycle.StateFailing).Status.NextRetryTime; due == nil || due.Sub(c.clock.Now()) != 70*time.Second {
		t.Errorf("after the edit due at %v", due)
	}
	c.clock.Step(70 * time.Second)
	mustSettle(t, p, "pi")
	if due := c.wantState("pi", lifecycle.StateSubmitted).Status.NextRetryTime; due != nil {
		t.Errorf("due at %v while it runs", due)
	}
}
