// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// scenarios are the lives of applications whose every write is disturbed.
var scenarios = []scenario{
	{
		name: "retry", edit: onFailure(3, 1), world: runs(fail, succeed),
		check: wantLife(lifecycle.StateCompleted, counts{executions: 2}, "FAILED Application Error", "COMPLETED"),
	},
	{
		name: "retries used up", edit: onFailure(1, 1), world: runs(fail, fail),
		check: wantLife(lifecycle.StateFailed, counts{executions: 2}, "FAILED Application Error", "FAILED Application Error"),
	},
	{
		name: "lost driver", edit: onFailure(1, 1), world: runs(vanish, succeed),
		check: wantLife(lifecycle.StateCompleted, counts{executions: 2}, "FAILED Application DriverLost", "COMPLETED"),
	},
	{
		name: "failures of the infrastructure", edit: madeUpFor, world: runs(evictDriver, drain, succeed),
		check: wantLife(lifecycle.StateCompleted, counts{executions: 3, forgiven: 2}, "FAILED Infrastructure EvictionByEvictionAPI", "FAILED Infrastructure DriverLost", "COMPLETED"),
	},
	{
		name: "exit code that is not retried", world: runs(fail),
		edit: func(app *v1beta2.SparkApplication) {
			app.Spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyAlways, NonRetryableExitCodes: []int32{1}}
		},
		check: wantLife(lifecycle.StateFailed, counts{executions: 1}, "FAILED Application Error"),
	},
	{
		name: "time-out", edit: edits(withTimeouts(0, 0, 60), onFailure(1, 1)), world: runs(idle, succeed),
		check: wantLife(lifecycle.StateCompleted, counts{executions: 2}, "FAILED Application RunTimeout", "COMPLETED"),
	},
	{
		name: "time-out without retry", edit: withTimeouts(0, 0, 60), world: runs(idle),
		check: wantLife(lifecycle.StateFailed, counts{executions: 1}, "FAILED Application RunTimeout"),
	},
	{
		name: "lost node", edit: madeUpFor, config: nodeGrace, world: runs(loseNode, succeed),
		check: wantLife(lifecycle.StateCompleted, counts{executions: 2, forgiven: 1}, "FAILED Infrastructure NodeLost", "COMPLETED"),
	},
	{
		name: "suspend and resume", world: suspendAndResume,
		check: wantLife(lifecycle.StateCompleted, counts{executions: 1}, "SUSPENDED  Suspended", "COMPLETED"),
	},
	{
		name: "edit of the spec", world: editOnce,
		check: wantLife(lifecycle.StateCompleted, counts{executions: 1}, "INVALIDATING  SpecChanged", "COMPLETED"),
	},
	{
		name: "clean-up", edit: withCleanup(v1beta2.PodDeletionAlways, v1beta2.PodDeletionAlways), world: withExecutors,
		check: func(t *testing.T, got *outcomeOfLife) {
			wantLife(lifecycle.StateCompleted, counts{executions: 1}, "COMPLETED")(t, got)
			if len(got.pods) != 0 {
				t.Errorf("pods %q", got.pods)
			}
		},
	},
	{
		name: "executors left behind", world: withStrayExecutors,
		check: func(t *testing.T, got *outcomeOfLife) {
			wantLife(lifecycle.StateCompleted, counts{executions: 1}, "COMPLETED")(t, got)
			if !slices.Equal(got.pods, []string{"pi-driver"}) {
				t.Errorf("pods %q", got.pods)
			}
		},
	},
	{
		name: "executors come and go", world: executorsComeAndGo,
		check: func(t *testing.T, got *outcomeOfLife) {
			wantLife(lifecycle.StateCompleted, counts{executions: 1}, "COMPLETED")(t, got)
			// The driver ran for 420 s with one core. The first executor ended after 120 s, the
			// second was deleted after 180 s, the third ran for 240 s until the end; each had two cores.
			usage := got.usage[0]
			if usage.Driver.CoreSeconds != 420 || usage.Executors.CoreSeconds != 2*(120+180+240) || usage.ExecutorsLost != 1 || usage.Incomplete {
				t.Errorf("usage %+v", usage)
			}
			if got.coreSeconds != 420+2*(120+180+240) {
				t.Errorf("the metrics count %v core-seconds", got.coreSeconds)
			}
		},
	},
	{
		name: "time to live", world: untilGone(runs(succeed)),
		edit: func(app *v1beta2.SparkApplication) { app.Spec.TimeToLiveSeconds = ptr.To[int64](30) },
		check: func(t *testing.T, got *outcomeOfLife) {
			if got.applicationsDeleted != 1 || got.created != 1 {
				t.Errorf("%+v", got)
			}
		},
	},
	{
		name: "deletion", world: deleteWhileRunning,
		check: func(t *testing.T, got *outcomeOfLife) {
			if got.state != lifecycle.StateRunning || len(got.pods) != 0 || got.created != 1 {
				t.Errorf("%+v", got)
			}
		},
	},
}

// madeUpFor gives failures of the infrastructure retries although there is no
// restart policy.
func madeUpFor(app *v1beta2.SparkApplication) {
	app.Spec.RestartPolicy.InfrastructureFailures = &v1beta2.InfrastructureFailurePolicy{IntervalSeconds: ptr.To[int64](1)}
}

func edits(list ...func(*v1beta2.SparkApplication)) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		for _, edit := range list {
			edit(app)
		}
	}
}

// counts are the counters of the status by which the restart policy counts runs.
type counts struct{ executions, forgiven, infrastructure int32 }

// wantLife checks state, counters, attempts, and that each attempt had one driver.
func wantLife(state v1beta2.ApplicationStateType, counted counts, attempts ...string) func(*testing.T, *outcomeOfLife) {
	return func(t *testing.T, got *outcomeOfLife) {
		t.Helper()
		if got.state != state || (counts{got.executions, got.forgiven, got.infraRow}) != counted || got.submissions != got.executions {
			t.Errorf("state %q, %d executions, %d forgiven, %d in a row, %d submissions", got.state, got.executions, got.forgiven, got.infraRow, got.submissions)
		}
		if !slices.Equal(got.attempts, attempts) || got.created != len(attempts) {
			t.Errorf("attempts %q, %d drivers", got.attempts, got.created)
		}
		if got.services != 0 {
			t.Errorf("%d services left", got.services)
		}
	}
}

type world = func(c *cluster, app *v1beta2.SparkApplication, after time.Duration) (over bool)

// runs is a world in which the n-th run ends in the n-th way, and time passes only
// when the controller waits for it.
func runs(ends ...func(c *cluster, app *v1beta2.SparkApplication)) world {
	return func(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
		switch app.Status.AppState.State {
		case lifecycle.StateSubmitted:
			c.driverPhase("pi-driver", corev1.PodRunning)
		case lifecycle.StateRunning:
			ends[app.Status.ExecutionAttempts-1](c, app)
		case lifecycle.StateFailing:
			c.clock.Step(max(after, time.Second))
		case lifecycle.StateCompleted, lifecycle.StateFailed:
			return true
		}
		return false
	}
}

// Ways in which a run ends.

func fail(c *cluster, _ *v1beta2.SparkApplication) { c.driverPhase("pi-driver", corev1.PodFailed) }

func succeed(c *cluster, _ *v1beta2.SparkApplication) {
	c.driverPhase("pi-driver", corev1.PodSucceeded)
}

func vanish(c *cluster, _ *v1beta2.SparkApplication) { c.deletePod("pi-driver") }

func idle(c *cluster, _ *v1beta2.SparkApplication) { c.clock.Step(time.Minute) }

func evictDriver(c *cluster, _ *v1beta2.SparkApplication) { evict(c, "pi-driver") }

// drain announces the disruption first; then the pod is gone at once.
func drain(c *cluster, _ *v1beta2.SparkApplication) {
	if diagnosis.Disruption(podview.Of(c.pod("pi-driver"))) != nil {
		c.deletePod("pi-driver")
		return
	}
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now().Add(30 * time.Second)))
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"}}
	})
}

// loseNode deletes the driver from a node that does not exist any more.
func loseNode(c *cluster, _ *v1beta2.SparkApplication) {
	if c.pod("pi-driver").DeletionTimestamp != nil {
		c.clock.Step(10 * time.Minute)
		return
	}
	c.strand("pi-driver")
}

// suspendAndResume suspends the first run, and lets the second succeed.
func suspendAndResume(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
	suspend := func(value bool) {
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(value) })
	}
	switch {
	case app.Status.AppState.State == lifecycle.StateRunning && app.Generation == 1:
		suspend(true)
	case app.Status.AppState.State == lifecycle.StateSuspended:
		suspend(false)
	default:
		return runs(succeed)(c, app, after)
	}
	return false
}

// editOnce changes the first run, and lets the second succeed.
func editOnce(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
	if app.Status.AppState.State == lifecycle.StateRunning && app.Generation == 1 {
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"1"} })
		return false
	}
	return runs(succeed)(c, app, after)
}

// withExecutors lets two executors run and end before their driver does.
func withExecutors(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
	if app.Status.AppState.State == lifecycle.StateRunning {
		switch pod := c.pod("pi-exec-2"); {
		case pod == nil:
			runExecutors(c, 2, corev1.PodRunning)
			return false
		case pod.Status.Phase == corev1.PodRunning:
			runExecutors(c, 2, corev1.PodSucceeded)
			return false
		}
	}
	return runs(succeed)(c, app, after)
}

// withStrayExecutors lets executors run on after their driver.
func withStrayExecutors(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
	switch {
	case app.Status.AppState.State == lifecycle.StateRunning && c.pod("pi-exec-2") == nil:
		runExecutors(c, 2, corev1.PodRunning)
	case runs(succeed)(c, app, after):
		c.clock.Step(after)
		return c.pod("pi-exec-2") == nil
	}
	return false
}

// executorsComeAndGo has three executors: one fails, and its driver deletes it later; one
// is deleted while it runs; one outlives the driver. A minute passes between two of its acts.
func executorsComeAndGo(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
	if app.Status.AppState.State != lifecycle.StateRunning {
		return runs(succeed)(c, app, after)
	}
	c.clock.Step(time.Minute)
	switch minute := int(c.clock.Since(testStart) / time.Minute); minute {
	case 1, 2, 3:
		bigExecutor(c, fmt.Sprintf("pi-exec-%d", minute))
		if minute == 3 {
			c.editPod("pi-exec-1", executorFails(c))
		}
	case 4:
		c.deletePod("pi-exec-1")
	case 5:
		c.deletePod("pi-exec-2")
	case 7:
		succeed(c, app)
	}
	return false
}

// executorFails lets an executor fail now.
func executorFails(c *cluster) func(pod *corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.ExecutorContainerName, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: metav1.NewTime(c.clock.Now())},
		}}}
	}
}

// bigExecutor runs an executor with two cores, since now.
func bigExecutor(c *cluster, name string) {
	c.addPod(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", OwnerReferences: c.byDriver(), Labels: map[string]string{
			v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: c.application("pi").Status.SubmissionID, v1beta2.LabelLaunchedBySparkOperator: "true",
			v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkExecutorID: name[len(name)-1:],
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.ExecutorContainerName, Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("512Mi")},
		}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: ptr.To(metav1.NewTime(c.clock.Now()))},
	})
}

// untilGone lets time pass after the end until the application is gone.
func untilGone(before world) world {
	return func(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
		switch {
		case app == nil:
			return true
		case before(c, app, after):
			c.clock.Step(max(after, time.Second))
		}
		return false
	}
}

// deleteWhileRunning deletes the application, in the foreground, so that it stays
// until its pods are gone.
func deleteWhileRunning(c *cluster, app *v1beta2.SparkApplication, after time.Duration) bool {
	switch {
	case app.DeletionTimestamp != nil:
		return true
	case app.Status.AppState.State == lifecycle.StateRunning:
		app.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now()))
		app.Finalizers = []string{metav1.FinalizerDeleteDependents}
		c.putApplication(app)
		return false
	}
	return runs(succeed)(c, app, after)
}
