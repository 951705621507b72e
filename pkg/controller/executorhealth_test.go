// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// addExecutor adds a pod as the driver of the current submission makes it.
func (c *cluster) addExecutor(number int, edit func(*corev1.Pod)) {
	c.t.Helper()
	app := c.application("pi")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("pi-exec-%d", number), Namespace: "ns",
		Labels: map[string]string{
			v1beta2.LabelSparkAppName:            "pi",
			v1beta2.LabelLaunchedBySparkOperator: "true",
			v1beta2.LabelSubmissionID:            app.Status.SubmissionID,
			v1beta2.LabelSparkRole:               v1beta2.SparkRoleExecutor,
			v1beta2.LabelSparkExecutorID:         strconv.Itoa(number),
		},
	}}
	pod.OwnerReferences = c.byDriver()
	edit(pod)
	for i := range pod.Status.ContainerStatuses {
		pod.Status.ContainerStatuses[i].Name = v1beta2.ExecutorContainerName
	}
	c.addPod(pod)
}

// byDriver is the owner reference that Spark gives to executors; none without driver.
func (c *cluster) byDriver() []metav1.OwnerReference {
	driver := c.pod("pi-driver")
	if driver == nil {
		return nil
	}
	return []metav1.OwnerReference{*metav1.NewControllerRef(driver, corev1.SchemeGroupVersion.WithKind("Pod"))}
}

func executorRuns(pod *corev1.Pod) {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.ExecutorContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
}

// executorFailed ends an executor at a time after the start of the test.
func executorFailed(at time.Duration, code int32, reason string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.ExecutorContainerName, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: metav1.NewTime(testStart.Add(at))},
		}}}
	}
}

// runningDriver returns a cluster in which the driver of pi has just started.
func runningDriver(t *testing.T, executors int32, edits ...func(*Config)) (*cluster, *process) {
	t.Helper()
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { app.Spec.Executor.Instances = ptr.To(executors) }))
	p := c.start(edits...)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	return c, p
}

func (c *cluster) wantCounts(want v1beta2.ExecutorCounts) {
	c.t.Helper()
	if got := ptr.Deref(c.application("pi").Status.ExecutorCounts, v1beta2.ExecutorCounts{}); got != want {
		c.t.Errorf("counts %+v, want %+v", got, want)
	}
}

// executorEvents counts the events about missing executors.
func (c *cluster) executorEvents() int {
	count := 0
	for _, text := range c.events {
		if strings.HasPrefix(text, "Warning SparkExecutorsMissing ") {
			count++
		}
	}
	return count
}

func TestNoExecutors(t *testing.T) {
	const few, none = "False TooFewExecutors: fewer executors are running than the application starts with (2)", "False NoExecutors: no executor is running; the application starts with 2"
	for name, test := range map[string]struct {
		pod  func(*corev1.Pod)
		want string
	}{
		"no pods": {want: ": the driver has not created their pods; its log shows why (often a quota, or missing permissions of its service account)"},
		"no node": {unscheduled(testStart, "Unschedulable", noNode), "; pod pi-exec-1: pod pi-exec-1 is unschedulable: " + noNode},
		"no image": {waiting("ErrImagePull", "rpc error: code = NotFound desc = not found"),
			"; pod pi-exec-1: image registry.example.com/spark:nope of container executor cannot be pulled: not found"},
		"slow": {scheduled(testStart), ": their pods have not started yet"},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := runningDriver(t, 2)
			if test.pod != nil {
				c.addExecutor(1, test.pod)
				c.editPod("pi-exec-1", func(pod *corev1.Pod) {
					for i := range pod.Status.ContainerStatuses {
						pod.Status.ContainerStatuses[i].Name = "executor"
					}
				})
			}
			if after := mustSettle(t, p, "pi"); after != lifecycle.ExecutorDelay {
				t.Errorf("next look after %v", after)
			}
			c.wantCondition(v1beta2.ConditionExecutorsReady, few)
			c.clock.Step(lifecycle.ExecutorDelay)
			mustSettle(t, p, "pi")
			c.wantCondition(v1beta2.ConditionExecutorsReady, none+test.want)
			if got := c.executorEvents(); got != 1 {
				t.Errorf("%d events", got)
			}
			writes := c.statusWrites()
			for i := range 20 { // the texts of kubelet and scheduler change, the cause does not
				c.clock.Step(10 * time.Second)
				switch name {
				case "no image":
					c.editPod("pi-exec-1", func(pod *corev1.Pod) {
						pod.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: `Back-off pulling image "x"`}
					})
				case "no node":
					c.editPod("pi-exec-1", unscheduled(testStart, "Unschedulable", strings.Replace(noNode, "0/3", fmt.Sprintf("0/%d", i), 2)))
				}
				mustSettle(t, p, "pi")
			}
			if got := c.statusWrites() - writes; got != 0 {
				t.Errorf("%d status writes", got)
			}
			for number := 2; number <= 3; number++ {
				c.addExecutor(number, executorRuns)
			}
			mustSettle(t, p, "pi")
			c.wantCondition(v1beta2.ConditionExecutorsReady, "True EnoughExecutors")
		})
	}
}

func TestExecutorsCrashLooping(t *testing.T) {
	c, p := runningDriver(t, 2)
	for number := 1; number <= 3; number++ {
		c.wantCondition(v1beta2.ConditionExecutorsReady, "False TooFewExecutors: fewer executors are running than the application starts with (2)")
		c.addExecutor(number, executorRuns)
		mustSettle(t, p, "pi")
		c.editPod(fmt.Sprintf("pi-exec-%d", number), executorFailed(time.Duration(number)*time.Second, 137, []string{"Error", "Error", "OOMKilled"}[number-1]))
		mustSettle(t, p, "pi")
	}
	const message = "False ExecutorsCrashLooping: executors keep failing: the last one failed with ExitCode: 137, Reason: OOMKilled; the container used more memory than its limit"
	c.wantCondition(v1beta2.ConditionExecutorsReady, message)
	c.wantCounts(v1beta2.ExecutorCounts{Failed: 3})
	if got := c.executorEvents(); got != 1 {
		t.Errorf("%d events", got)
	}
	// Spark deletes the pods; what is known stays.
	for number := 1; number <= 3; number++ {
		c.deletePod(fmt.Sprintf("pi-exec-%d", number))
	}
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionExecutorsReady, message)
	c.wantCounts(v1beta2.ExecutorCounts{Failed: 3})

	c.addExecutor(4, executorRuns)
	c.addExecutor(5, executorRuns)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionExecutorsReady, "True EnoughExecutors")
	c.wantCounts(v1beta2.ExecutorCounts{Running: 2, Failed: 3})

	// From now on executors were there; a time-out of the start does not begin anew.
	c.editPod("pi-exec-4", executorFailed(time.Minute, 1, "Error"))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionExecutorsReady, "False ExecutorsLost: executors keep failing: the last one failed with ExitCode: 1, Reason: Error")
}

// TestExecutorsVanish: Spark deletes the pods of executors that failed, at times
// before their end is seen. At the end of a job it lets all of them go.
func TestExecutorsVanish(t *testing.T) {
	c, p := runningDriver(t, 2)
	for number := 1; number <= 3; number++ {
		c.addExecutor(number, executorRuns)
		mustSettle(t, p, "pi")
		c.deletePod(fmt.Sprintf("pi-exec-%d", number))
		mustSettle(t, p, "pi")
	}
	c.wantCounts(v1beta2.ExecutorCounts{Unknown: 3})
	c.wantCondition(v1beta2.ConditionExecutorsReady, "False ExecutorsCrashLooping: executors keep failing")

	for number := 4; number <= 7; number++ {
		c.addExecutor(number, executorRuns)
	}
	mustSettle(t, p, "pi")
	for number := 4; number <= 7; number++ {
		c.deletePod(fmt.Sprintf("pi-exec-%d", number))
	}
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionExecutorsReady, "False ExecutorsLost: fewer executors are running than the application starts with (2)")
}

// TestOneFailureIsNoLoop: nor are several failures while enough executors run.
func TestOneFailureIsNoLoop(t *testing.T) {
	c, p := runningDriver(t, 2)
	c.addExecutor(1, executorRuns)
	c.addExecutor(2, executorFailed(0, 1, "Error"))
	c.addExecutor(3, executorFailed(0, 1, "Error"))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionExecutorsReady, "False TooFewExecutors: fewer executors are running than the application starts with (2)")
	c.addExecutor(4, executorFailed(0, 1, "Error"))
	c.addExecutor(5, executorRuns)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionExecutorsReady, "True EnoughExecutors")
}

// TestCountsExceedTrackedExecutors: the map is bounded, the counts are not.
func TestCountsExceedTrackedExecutors(t *testing.T) {
	c, p := runningDriver(t, 20, func(config *Config) { config.MaxTrackedExecutors = 5 })
	for number := 1; number <= 20; number++ {
		c.addExecutor(number, executorRuns)
	}
	mustSettle(t, p, "pi")
	c.wantCounts(v1beta2.ExecutorCounts{Running: 20})
	c.wantCondition(v1beta2.ConditionExecutorsReady, "True EnoughExecutors")
	if got := len(c.application("pi").Status.ExecutorState); got != 5 {
		t.Errorf("%d names", got)
	}
	c.deletePod("pi-exec-5")
	c.editPod("pi-exec-20", executorFailed(0, 1, "Error"))
	mustSettle(t, p, "pi")
	c.wantCounts(v1beta2.ExecutorCounts{Running: 18, Failed: 1, Unknown: 1})

	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantCounts(v1beta2.ExecutorCounts{Completed: 19, Failed: 1})
}

// TestManyExecutors: each look at the application writes at most once, and a look
// without change writes nothing.
func TestManyExecutors(t *testing.T) {
	c, p := runningDriver(t, 1000)
	for number := 1; number <= 1000; number++ {
		c.addExecutor(number, unscheduled(testStart, "Unschedulable", noNode))
	}
	before := c.statusWrites()
	mustSettle(t, p, "pi")
	for wave := range 4 {
		for i := range 250 {
			c.editPod(fmt.Sprintf("pi-exec-%d", wave*250+i+1), executorRuns)
		}
		c.clock.Step(5 * time.Second)
		mustSettle(t, p, "pi")
	}
	if got := c.statusWrites() - before; got != 5 {
		t.Errorf("%d status writes", got)
	}
	c.wantCounts(v1beta2.ExecutorCounts{Running: 1000})
}
