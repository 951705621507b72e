// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
)

func withTimeouts(driverStart, executorsReady, run int64) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		app.Spec.Timeouts = &v1beta2.Timeouts{}
		for _, field := range []struct {
			seconds int64
			into    **int64
		}{{driverStart, &app.Spec.Timeouts.DriverStartSeconds}, {executorsReady, &app.Spec.Timeouts.ExecutorsReadySeconds}, {run, &app.Spec.Timeouts.RunSeconds}} {
			if field.seconds > 0 {
				*field.into = ptr.To(field.seconds)
			}
		}
	}
}

// runExecutors brings executor pods of the current submission into a phase.
func runExecutors(c *cluster, count int, phase corev1.PodPhase) {
	id := c.application("pi").Status.SubmissionID
	for i := range count {
		name := fmt.Sprintf("pi-exec-%d", i+1)
		if c.pod(name) == nil {
			c.addPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", OwnerReferences: c.byDriver(), Labels: map[string]string{
				v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: id, v1beta2.LabelLaunchedBySparkOperator: "true",
				v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkExecutorID: fmt.Sprint(i + 1),
			}}})
		}
		c.editPod(name, func(pod *corev1.Pod) { pod.Status.Phase = phase })
	}
}

// wantTimedOut checks that the run is over for this reason, that its driver was
// deleted after the status said so, and that the application ends in FAILED.
func wantTimedOut(t *testing.T, c *cluster, p *process, kind v1beta2.FailureType, reason, message string) {
	t.Helper()
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	attempt := app.Status.Attempts[len(app.Status.Attempts)-1]
	if attempt.Reason != reason || attempt.FailureType != kind || attempt.State != lifecycle.StateFailed || attempt.TerminationTime == nil {
		t.Errorf("attempt %+v", attempt)
	}
	if app.Status.AppState.ErrorMessage != message || strings.Contains(message, "\n") {
		t.Errorf("message %q, want %q", app.Status.AppState.ErrorMessage, message)
	}
	if c.pod("pi-driver") != nil {
		t.Error("the driver still runs")
	}
	deleted := slices.Index(c.log, "delete pods pi-driver")
	if deleted < 1 || c.log[deleted-1] != "update sparkapplications pi" {
		t.Errorf("the status was not written right before the driver was deleted: %q", c.log)
	}
	if c.services() != 0 {
		t.Errorf("%d services left", c.services())
	}
	if !slices.Contains(c.reasons(), "SparkDriverFailed") {
		t.Errorf("events %q", c.reasons())
	}
}

func TestDriverStartTimeout(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withTimeouts(90, 0, 0)))
	p := c.start()
	if after := mustSettle(t, p, "pi"); after != 90*time.Second {
		t.Errorf("next look after %v", after)
	}
	c.clock.Step(89 * time.Second)
	if after := mustSettle(t, p, "pi"); after != time.Second {
		t.Errorf("next look after %v", after)
	}
	c.wantState("pi", lifecycle.StateSubmitted)
	c.clock.Step(time.Second)
	wantTimedOut(t, c, p, ofApplication, "DriverStartTimeout", "driver did not start within 90 s of its submission (timeouts.driverStartSeconds)")
}

func TestRunTimeout(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withTimeouts(1, 0, 3600)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	for _, want := range []time.Duration{lifecycle.ExecutorDelay, lifecycle.AuditDelay, lifecycle.AuditDelay} {
		if after := mustSettle(t, p, "pi"); after != want {
			t.Errorf("next look after %v", after)
		}
		c.clock.Step(time.Minute)
	}
	c.wantState("pi", lifecycle.StateRunning)
	c.clock.Step(56 * time.Minute)
	if after := mustSettle(t, p, "pi"); after != time.Minute {
		t.Errorf("next look after %v", after)
	}
	c.clock.Step(time.Minute)
	wantTimedOut(t, c, p, ofApplication, "RunTimeout", "driver ran for 3600 s (timeouts.runSeconds)")
}

func TestExecutorsReadyTimeout(t *testing.T) {
	begin := func(t *testing.T) (*cluster, *process) {
		c := newCluster(t)
		c.addApplication(newApplication("pi", withTimeouts(0, 60, 0), func(app *v1beta2.SparkApplication) { app.Spec.Executor.Instances = ptr.To[int32](2) }))
		p := c.start()
		mustSettle(t, p, "pi")
		c.driverPhase("pi-driver", corev1.PodRunning)
		mustSettle(t, p, "pi")
		return c, p
	}
	t.Run("too few", func(t *testing.T) {
		c, p := begin(t)
		runExecutors(c, 1, corev1.PodRunning)
		if after := mustSettle(t, p, "pi"); after != time.Minute {
			t.Errorf("next look after %v", after)
		}
		c.clock.Step(time.Minute)
		wantTimedOut(t, c, p, ofApplication, "ExecutorsReadyTimeout", "1 of 2 executors ran within 60 s of the driver's start (timeouts.executorsReadySeconds)")
	})
	t.Run("lost later", func(t *testing.T) {
		c, p := begin(t)
		runExecutors(c, 2, corev1.PodRunning)
		mustSettle(t, p, "pi")
		runExecutors(c, 2, corev1.PodFailed)
		mustSettle(t, p, "pi")
		c.driverPhase("pi-driver", corev1.PodUnknown)
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateUnknown)
		c.driverPhase("pi-driver", corev1.PodRunning)
		c.clock.Step(2 * time.Minute)
		if after := mustSettle(t, p, "pi"); after != lifecycle.AuditDelay {
			t.Errorf("next look after %v", after)
		}
		c.wantState("pi", lifecycle.StateRunning)
	})
}

// TestTimeoutIsRetried: a run that was stopped counts like any other failure, and
// the next run only starts when its driver is gone.
func TestTimeoutIsRetried(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withTimeouts(60, 0, 0), onFailure(1, 90)))
	p := c.start()
	for n := int32(1); n <= 2; n++ {
		mustSettle(t, p, "pi")
		if app := c.wantState("pi", lifecycle.StateSubmitted); app.Status.ExecutionAttempts != n {
			t.Errorf("executionAttempts %d", app.Status.ExecutionAttempts)
		}
		c.clock.Step(time.Minute)
		if after := mustSettle(t, p, "pi"); n == 1 && after != 30*time.Second { // 90 s after the submission
			t.Errorf("next look after %v", after)
		}
		c.clock.Step(30 * time.Second)
	}
	c.wantState("pi", lifecycle.StateFailed)
}

// TestDriverThatDoesNotStop: nothing follows a stopped run before its driver is
// gone.
func TestDriverThatDoesNotStop(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withTimeouts(0, 0, 60)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.clock.Step(time.Minute)
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now().Add(30 * time.Second)))
	})
	if after := mustSettle(t, p, "pi"); after != lifecycle.BackstopDelay {
		t.Errorf("next look after %v", after)
	}
	c.wantState("pi", lifecycle.StateFailing)
	c.clock.Step(3 * time.Minute)
	mustSettle(t, p, "pi")
	if app := c.wantState("pi", lifecycle.StateFailing); !lifecycle.IsStalled(&app.Status, lifecycle.ReasonOldDriver) {
		t.Errorf("conditions %+v", app.Status.Conditions)
	}
	c.deletePod("pi-driver")
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
}

func TestDriverThatCannotStart(t *testing.T) {
	for word, want := range map[string]struct {
		kind            v1beta2.FailureType
		reason, message string
	}{
		"ErrImagePull":               {ofInfrastructure, diagnosis.ReasonImagePullFailed, "image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled: it fails"},
		"ImagePullBackOff":           {ofInfrastructure, diagnosis.ReasonImagePullFailed, "image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled: it fails"},
		"ErrImageNeverPull":          {ofApplication, diagnosis.ReasonImagePullFailed, "image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled: it fails"},
		"CreateContainerConfigError": {ofApplication, diagnosis.ReasonContainerConfig, "container spark-kubernetes-driver cannot be configured: it fails"},
	} {
		t.Run(word, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi"))
			p := c.start(func(config *Config) { config.DriverCannotStartTimeout = 10 * time.Minute })
			mustSettle(t, p, "pi")
			c.editPod("pi-driver", waiting("ContainerCreating", ""))
			c.clock.Step(9 * time.Minute)
			if after := mustSettle(t, p, "pi"); after != time.Minute { // when a driver has taken too long to be normal
				t.Errorf("nothing is wrong, next look after %v", after)
			}
			c.editPod("pi-driver", waiting(word, "it\nfails"))
			if after := mustSettle(t, p, "pi"); after != time.Minute {
				t.Errorf("next look after %v", after)
			}
			off := c.start()
			c.clock.Step(time.Minute)
			mustSettle(t, off, "pi")
			c.wantState("pi", lifecycle.StateSubmitted)
			wantTimedOut(t, c, p, want.kind, want.reason, "driver cannot start: "+want.message)
		})
	}
}
