// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// The following make pods look as scheduler and kubelet leave them.

// scheduled puts a pod on a node; its containers are being created.
func scheduled(at time.Time) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.NodeName = "node-1"
		pod.Status.Phase = corev1.PodPending
		pod.Status.Conditions = []corev1.PodCondition{
			{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(at)},
			{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(at)},
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", LastTransitionTime: metav1.NewTime(at)},
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(at)},
		}
		waiting("ContainerCreating", "")(pod)
	}
}

func unscheduled(since time.Time, reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodPending
		pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(since),
		}}
	}
}

func initStatus(status corev1.ContainerStatus) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		scheduled(testStart)(pod)
		waiting("PodInitializing", "")(pod)
		status.Name = "fetch"
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "first", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"},
		}}, status}
	}
}

const (
	errImagePull = `rpc error: code = NotFound desc = failed to pull and unpack image "registry.example.com/spark:nope": failed to resolve reference "registry.example.com/spark:nope": registry.example.com/spark:nope: not found`
	pullFailed   = `image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled: failed to pull and unpack image "registry.example.com/spark:nope": failed to resolve reference "registry.example.com/spark:nope": registry.example.com/spark:nope: not found`
	noNode       = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {pool: gpu}. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)

func TestDiagnose(t *testing.T) {
	failedInit := &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}
	for name, test := range map[string]struct {
		pod             func(*corev1.Pod)
		reason, message string
		needsAction     bool
	}{
		"nothing said yet": {pod: func(*corev1.Pod) {}},
		"being created":    {pod: scheduled(testStart)},
		"pull failed":      {pod: waiting("ErrImagePull", errImagePull), reason: diagnosis.ReasonImagePullFailed, message: pullFailed, needsAction: true},
		"back-off with cause": {
			pod:    waiting("ImagePullBackOff", `Back-off pulling image "registry.example.com/spark:nope": ErrImagePull: `+errImagePull),
			reason: diagnosis.ReasonImagePullFailed, message: pullFailed, needsAction: true,
		},
		"back-off without cause": {
			pod:    waiting("ImagePullBackOff", `Back-off pulling image "registry.example.com/spark:nope"`),
			reason: diagnosis.ReasonImagePullFailed, message: "image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled", needsAction: true,
		},
		"never pulled": {
			pod:    waiting("ErrImageNeverPull", `Container image "registry.example.com/spark:nope" is not present with pull policy of Never`),
			reason: diagnosis.ReasonImagePullFailed, needsAction: true,
			message: `image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled: Container image "registry.example.com/spark:nope" is not present with pull policy of Never`,
		},
		"bad name": {
			pod:    waiting("InvalidImageName", `Failed to apply default image tag "Spark::4": couldn't parse image name "Spark::4": invalid reference format`),
			reason: diagnosis.ReasonInvalidImageName, needsAction: true,
			message: `invalid image reference registry.example.com/spark:nope of container spark-kubernetes-driver: Failed to apply default image tag "Spark::4": couldn't parse image name "Spark::4": invalid reference format`,
		},
		"missing secret in the environment": {
			pod:    waiting("CreateContainerConfigError", `secret "credentials" not found`),
			reason: diagnosis.ReasonContainerConfig, message: `container spark-kubernetes-driver cannot be configured: secret "credentials" not found`, needsAction: true,
		},
		"missing key in the environment": {
			pod:    waiting("CreateContainerConfigError", `couldn't find key user in Secret ns/credentials`),
			reason: diagnosis.ReasonContainerConfig, message: `container spark-kubernetes-driver cannot be configured: couldn't find key user in Secret ns/credentials`, needsAction: true,
		},
		"runtime refuses": {
			pod:    waiting("CreateContainerError", "context deadline exceeded"),
			reason: diagnosis.ReasonContainerCreation, message: "container spark-kubernetes-driver cannot be created: context deadline exceeded", needsAction: true,
		},
		"no network": {
			pod:    waiting("CreatePodSandboxError", "no CNI"),
			reason: diagnosis.ReasonSandboxFailed, message: "the sandbox of the pod cannot be created: no CNI", needsAction: true,
		},
		"no node": {pod: unscheduled(testStart, "Unschedulable", noNode), reason: diagnosis.ReasonUnschedulable, message: "pod pi-driver is unschedulable: " + noNode},
		"no claim": {
			pod:    unscheduled(testStart, "Unschedulable", `0/3 nodes are available: persistentvolumeclaim "data" not found.`),
			reason: diagnosis.ReasonUnschedulable, message: `pod pi-driver is unschedulable: 0/3 nodes are available: persistentvolumeclaim "data" not found.`,
		},
		"gated": {
			pod:    unscheduled(testStart, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"),
			reason: diagnosis.ReasonSchedulingGated, message: "pod pi-driver has scheduling gates: Scheduling is blocked due to non-empty scheduling gates",
		},
		"init container runs": {pod: initStatus(corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})},
		"init container failed": {
			pod:    initStatus(corev1.ContainerStatus{State: corev1.ContainerState{Terminated: failedInit}}),
			reason: diagnosis.ReasonInitFailed, message: "init container fetch failed: ExitCode: 2, Reason: Error", needsAction: true,
		},
		"init container crashes again and again": {
			pod: initStatus(corev1.ContainerStatus{
				RestartCount: 3, LastTerminationState: corev1.ContainerState{Terminated: failedInit},
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 20s restarting failed container"}},
			}),
			reason: diagnosis.ReasonInitFailed, message: "init container fetch failed: ExitCode: 2, Reason: Error", needsAction: true,
		},
		"init container tries once more": {
			pod: initStatus(corev1.ContainerStatus{
				RestartCount: 3, LastTerminationState: corev1.ContainerState{Terminated: failedInit},
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			}),
			reason: diagnosis.ReasonInitFailed, message: "init container fetch failed: ExitCode: 2, Reason: Error", needsAction: true,
		},
		"image of an init container": {
			pod: initStatus(corev1.ContainerStatus{
				Image: "busybox:nope", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: `Back-off pulling image "busybox:nope"`}},
			}),
			reason: diagnosis.ReasonImagePullFailed, message: "image busybox:nope of container fetch cannot be pulled", needsAction: true,
		},
		"being deleted": {pod: func(pod *corev1.Pod) {
			waiting("ErrImagePull", errImagePull)(pod)
			pod.DeletionTimestamp = &metav1.Time{Time: testStart}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pi-driver"}}
			test.pod(pod)
			got := diagnosis.Diagnose(podview.Of(pod), testStart)
			if got == nil {
				if test.reason != "" {
					t.Fatalf("nothing found, want %s", test.reason)
				}
				return
			}
			if got.Reason != test.reason || got.Message() != test.message || got.NeedsAction != test.needsAction {
				t.Errorf("%s, needs action: %t: %s", got.Reason, got.NeedsAction, got.Message())
			}
		})
	}
	if diagnosis.Diagnose(nil, testStart) != nil {
		t.Error("no pod has an obstacle")
	}
}

func podEvent(reason string, seen time.Duration, message string) corev1.Event {
	return corev1.Event{Reason: reason, Message: message, LastTimestamp: metav1.NewTime(testStart.Add(seen))}
}

func TestEventObstacle(t *testing.T) {
	const (
		secret  = `MountVolume.SetUp failed for volume "credentials" : secret "credentials" not found`
		config  = `MountVolume.SetUp failed for volume "conf" : configmap "conf" not found`
		summary = `Unable to attach or mount volumes: unmounted volumes=[credentials], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition`
		sandbox = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "b5f4": plugin type="calico" failed (add): no IP left`
	)
	for name, test := range map[string]struct {
		events          []corev1.Event
		reason, message string
	}{
		"none":       {},
		"on its way": {events: []corev1.Event{podEvent("Scheduled", 0, "assigned"), podEvent("Pulled", 1, "pulled")}},
		"pulls": {events: []corev1.Event{podEvent("Scheduled", 0, "assigned"), podEvent("Pulling", time.Second, `Pulling image "a"`)},
			reason: diagnosis.ReasonImagePulling, message: `Pulling image "a"`},
		"pulls the next one": {events: []corev1.Event{podEvent("Pulling", time.Second, `Pulling image "a"`), podEvent("Pulled", 2*time.Second, "pulled"), podEvent("Pulling", 3*time.Second, `Pulling image "b"`)},
			reason: diagnosis.ReasonImagePulling, message: `Pulling image "b"`},
		"could not pull":  {events: []corev1.Event{podEvent("Pulling", time.Second, `Pulling image "a"`), podEvent("Failed", 2*time.Second, "no such image")}},
		"secret missing":  {events: []corev1.Event{podEvent("FailedMount", 16*time.Second, secret)}, reason: diagnosis.ReasonVolumeFailed, message: secret},
		"with summary":    {events: []corev1.Event{podEvent("FailedMount", 3*time.Minute, summary), podEvent("FailedMount", 2*time.Minute, secret)}, reason: diagnosis.ReasonVolumeFailed, message: secret},
		"only summary":    {events: []corev1.Event{podEvent("FailedMount", 3*time.Minute, summary)}, reason: diagnosis.ReasonVolumeFailed, message: summary},
		"two are missing": {events: []corev1.Event{podEvent("FailedMount", 5, secret), podEvent("FailedMount", 6, config)}, reason: diagnosis.ReasonVolumeFailed, message: config + "; " + secret},
		"in whichever order": {events: []corev1.Event{podEvent("FailedMount", 9, config), podEvent("FailedMount", 8, secret)}, reason: diagnosis.ReasonVolumeFailed,
			message: config + "; " + secret},
		"the config map came in the first second": {events: []corev1.Event{podEvent("FailedMount", time.Second, config), podEvent("Pulling", 2*time.Second, "pulling")}, reason: diagnosis.ReasonImagePulling, message: "pulling"},
		"one of two was created":                  {events: []corev1.Event{podEvent("FailedMount", time.Minute, config), podEvent("FailedMount", 10*time.Minute, secret)}, reason: diagnosis.ReasonVolumeFailed, message: secret},
		"sandbox":                                 {events: []corev1.Event{podEvent("FailedCreatePodSandBox", time.Minute, sandbox)}, reason: diagnosis.ReasonSandboxFailed, message: sandbox},
		"newer form of events": {events: []corev1.Event{
			{Reason: "FailedMount", Message: secret, EventTime: metav1.NewMicroTime(testStart), Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(testStart.Add(time.Minute))}},
			podEvent("Pulling", 30*time.Second, "of an earlier try"),
		}, reason: diagnosis.ReasonVolumeFailed, message: secret},
	} {
		t.Run(name, func(t *testing.T) {
			got := diagnosis.EventObstacle(&podview.Pod{Name: "pi-driver"}, test.events)
			switch {
			case got == nil && test.reason != "":
				t.Fatalf("nothing found, want %s", test.reason)
			case got != nil && (got.Reason != test.reason || got.Detail != test.message || got.NeedsAction == (got.Reason == diagnosis.ReasonImagePulling)):
				t.Errorf("%s: %q", got.Reason, got.Detail)
			}
		})
	}
}

func TestRephrases(t *testing.T) {
	for _, same := range []string{
		noNode,
		"0/4 nodes are available: 1 node(s) had untolerated taint {pool: gpu}, 3 Insufficient cpu. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
	} {
		if !diagnosis.Rephrases(noNode, same) {
			t.Errorf("another cause: %s", same)
		}
	}
	for _, other := range []string{"", strings.Replace(noNode, "cpu", "memory", 1), strings.Replace(noNode, "gpu", "spot", 1)} {
		if diagnosis.Rephrases(noNode, other) {
			t.Errorf("the same cause: %s", other)
		}
	}
}

// TestSidecars: init containers that run beside the others are restarted when they
// end. They stand in the way only if they never start.
func TestSidecars(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	end := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 143, Reason: "Error"}}
	pod := func(phase corev1.PodPhase, status corev1.ContainerStatus) *corev1.Pod {
		status.Name = "proxy"
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "pi-driver"},
			Spec:       corev1.PodSpec{NodeName: "node", InitContainers: []corev1.Container{{Name: "proxy", RestartPolicy: &always}}},
			Status:     corev1.PodStatus{Phase: phase, InitContainerStatuses: []corev1.ContainerStatus{status}},
		}
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	backOff := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	for name, test := range map[string]struct {
		status corev1.ContainerStatus
		want   string
	}{
		"restarted once":            {corev1.ContainerStatus{RestartCount: 1, LastTerminationState: end, State: running}, ""},
		"about to be restarted":     {corev1.ContainerStatus{RestartCount: 1, LastTerminationState: end, State: backOff}, ""},
		"restarted often, and runs": {corev1.ContainerStatus{RestartCount: 9, LastTerminationState: end, State: running, Started: new(true)}, ""},
		"never starts":              {corev1.ContainerStatus{RestartCount: 3, LastTerminationState: end, State: backOff}, diagnosis.ReasonInitFailed},
		"no image":                  {corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}}}, diagnosis.ReasonImagePullFailed},
	} {
		got := ""
		if o := diagnosis.Diagnose(podview.Of(pod(corev1.PodPending, test.status)), testStart); o != nil {
			got = o.Reason
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	evicted := pod(corev1.PodFailed, corev1.ContainerStatus{State: end})
	evicted.Status.Reason, evicted.Status.Message = "Evicted", "The node was low on resource: memory."
	if got := diagnosis.ReportDriver(podview.Of(evicted)); got.Reason != "Evicted" || strings.Contains(got.Message, "proxy") {
		t.Errorf("evicted: %s: %s", got.Reason, got.Message)
	}
	evicted.Spec.InitContainers[0].RestartPolicy = nil // an ordinary one was stopped with its pod, too
	if got := diagnosis.ReportDriver(podview.Of(evicted)); got.Reason != "Evicted" {
		t.Errorf("evicted while it initialized: %s: %s", got.Reason, got.Message)
	}
	unknown := pod(corev1.PodFailed, corev1.ContainerStatus{State: end})
	if got := diagnosis.ReportDriver(podview.Of(unknown)); got.Reason != diagnosis.ReasonStatusMissing {
		t.Errorf("stopped: %s: %s", got.Reason, got.Message)
	}
	if got := diagnosis.LoggingContainer(podview.Of(unknown)); got != "" {
		t.Errorf("the log of container %q is read", got)
	}
}

// TestNoScheduler: the status names the scheduler that a driver waits for, and what the
// operator knows of it.
func TestNoScheduler(t *testing.T) {
	const off = "; spec.batchScheduler is volcano, but batch scheduling is disabled in the operator"
	for name, test := range map[string]struct {
		edit     func(*v1beta2.SparkApplication)
		at       time.Duration
		enabled  bool
		says     string
		stalled  bool
		saysThat bool // that batch scheduling is off
	}{
		"batch scheduler, off":       {func(app *v1beta2.SparkApplication) { app.Spec.BatchScheduler = new("volcano") }, 0, false, "pod pi-driver waits for scheduler volcano", false, true},
		"batch scheduler, off, late": {func(app *v1beta2.SparkApplication) { app.Spec.BatchScheduler = new("volcano") }, 16 * time.Second, false, "pod pi-driver waits for scheduler volcano", true, true},
		"scheduler of a property": {func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.scheduler.name": "mine"}
		}, 4 * time.Second, false, "pod pi-driver waits for scheduler mine", false, false},
		"scheduler of a property late": {func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.scheduler.name": "mine"}
		}, 16 * time.Second, true, "pod pi-driver waits for scheduler mine", true, false},
		"scheduler of a template": {func(app *v1beta2.SparkApplication) {
			app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{SchedulerName: "mine"}}
		}, 16 * time.Second, true, "pod pi-driver waits for scheduler mine", true, false},
		"soon": {func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.scheduler.name": "mine"}
		}, 0, false, "", false, false},
		"default scheduler":      {asksDefaultScheduler, time.Minute, false, "", false, false},
		"default scheduler late": {asksDefaultScheduler, 2 * time.Minute, false, "pod pi-driver waits for scheduler default-scheduler", true, false},
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", test.edit))
		p := c.start(func(config *Config) { config.BatchScheduling.Enabled = test.enabled })
		mustSettle(t, p, "pi")
		c.clock.Step(test.at)
		mustSettle(t, p, "pi")
		app := c.wantState("pi", lifecycle.StateSubmitted)
		ready := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionDriverReady)
		if !strings.HasPrefix(ready.Message, test.says) || test.says == "" && ready.Message != "" || strings.Contains(ready.Message, off) != test.saysThat {
			t.Errorf("%s: DriverReady %s: %q", name, ready.Reason, ready.Message)
		}
		if lifecycle.IsStalled(&app.Status, diagnosis.ReasonNoScheduler) != test.stalled {
			t.Errorf("%s: conditions %+v", name, app.Status.Conditions)
		}
		c.editPod("pi-driver", func(pod *corev1.Pod) {
			pod.Spec.NodeName = "node"
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
		})
		mustSettle(t, p, "pi")
		c.wantCondition(v1beta2.ConditionDriverReady, "False DriverPending")
		c.wantCondition(v1beta2.ConditionStalled, "")
	}
}

// asksDefaultScheduler gives the driver what the API server would.
func asksDefaultScheduler(app *v1beta2.SparkApplication) {
	app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{SchedulerName: corev1.DefaultSchedulerName}}
}

// TestUnschedulablePodIsDescribed: the message names what the spec asks for.
func TestUnschedulablePodIsDescribed(t *testing.T) {
	gated := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pi-driver"}}
	unscheduled(testStart, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")(gated)
	gated.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "kueue.x-k8s.io/admission"}}
	if o := diagnosis.Diagnose(podview.Of(gated), testStart); !strings.Contains(o.Message(), "scheduling gates kueue.x-k8s.io/admission") || !strings.Contains(o.Message(), "Workload") {
		t.Errorf("%s", o.Message())
	}
	picky := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pi-driver"}}
	unscheduled(testStart, "Unschedulable", "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.")(picky)
	picky.Spec.NodeSelector, picky.Spec.SchedulerName = map[string]string{"disk": "ssd", "a": "b"}, "mine"
	if o := diagnosis.Diagnose(podview.Of(picky), testStart); !strings.Contains(o.Message(), "(node selector a=b, disk=ssd; scheduler mine): 0/3 nodes") {
		t.Errorf("%s", o.Message())
	}
}
