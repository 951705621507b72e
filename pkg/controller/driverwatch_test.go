// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// statusWrites is how often the status of any application was written.
func (c *cluster) statusWrites() int {
	count := 0
	for _, entry := range c.log {
		if strings.HasPrefix(entry, "update sparkapplications ") {
			count++
		}
	}
	return count
}

// eventReads is how often events were listed; each list has to name its pod.
func (c *cluster) eventReads() int {
	c.t.Helper()
	count := 0
	for _, action := range c.kube.Actions() {
		list, ok := action.(clienttesting.ListAction)
		if !ok || action.GetResource().Resource != "events" {
			continue
		}
		count++
		if selector := list.GetListRestrictions().Fields.String(); selector != "involvedObject.uid="+string(c.pod("pi-driver").UID) {
			c.t.Errorf("events read with the selector %q", selector)
		}
	}
	return count
}

func (c *cluster) addEvent(event corev1.Event) {
	c.t.Helper()
	event.Name, event.Namespace = fmt.Sprintf("%s-%d", event.Reason, event.LastTimestamp.Unix()), "ns"
	if err := c.kube.Tracker().Add(&event); err != nil {
		c.t.Fatal(err)
	}
}

// wantCondition compares a condition with "Status Reason: message".
func (c *cluster) wantCondition(kind, want string) {
	c.t.Helper()
	condition := meta.FindStatusCondition(c.application("pi").Status.Conditions, kind)
	got := ""
	if condition != nil {
		got = reconcile.Join(": ", fmt.Sprintf("%s %s", condition.Status, condition.Reason), condition.Message)
	}
	if got != want {
		c.t.Errorf("%s is %q, want %q", kind, got, want)
	}
}

func (c *cluster) stalledEvents() []string {
	var found []string
	for _, text := range c.events {
		if strings.HasPrefix(text, "Warning SparkApplicationStalled ") {
			found = append(found, text)
		}
	}
	return found
}

// submitted returns a cluster whose application pi waits for its driver.
func submitted(t *testing.T) (*cluster, *process) {
	t.Helper()
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)
	return c, p
}

// TestEachStateIsOneWrite: from submission to completion a status is written
// for each state and for nothing else, and nothing is read.
func TestEachStateIsOneWrite(t *testing.T) {
	c, p := submitted(t)
	for _, edit := range []func(*corev1.Pod){
		scheduled(c.clock.Now()),
		initStatus(corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}),
		waiting("ContainerCreating", ""),
	} {
		c.clock.Step(2 * time.Second)
		c.editPod("pi-driver", edit)
		mustSettle(t, p, "pi")
	}
	c.wantCondition(v1beta2.ConditionDriverReady, "False DriverPending")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.clock.Step(10 * time.Second)
	c.addExecutor(1, scheduled(c.clock.Now()))
	mustSettle(t, p, "pi")
	c.clock.Step(3 * time.Second)
	c.editPod("pi-exec-1", executorRuns)
	mustSettle(t, p, "pi")
	for range 5 {
		c.clock.Step(time.Minute)
		mustSettle(t, p, "pi")
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if got := c.statusWrites(); got != 5 { // SUBMITTED, RUNNING, executor pending, executor runs, COMPLETED
		t.Errorf("%d status writes: %q", got, c.log)
	}
	if got := c.eventReads(); got != 0 {
		t.Errorf("events were read %d times", got)
	}
}

// TestWrongImage: the kubelet's two words alternate for an hour, and the status is
// written once.
func TestWrongImage(t *testing.T) {
	c, p := submitted(t)
	c.editPod("pi-driver", scheduled(c.clock.Now()))
	mustSettle(t, p, "pi")
	before := c.statusWrites()
	for range 60 {
		for _, edit := range []func(*corev1.Pod){waiting("ErrImagePull", errImagePull), waiting("ImagePullBackOff", `Back-off pulling image "registry.example.com/spark:nope"`)} {
			c.clock.Step(30 * time.Second)
			c.editPod("pi-driver", edit)
			mustSettle(t, p, "pi")
		}
	}
	if got := c.statusWrites() - before; got != 1 {
		t.Errorf("%d status writes", got)
	}
	c.wantCondition(v1beta2.ConditionDriverReady, "False ImagePullFailed: "+pullFailed)
	c.wantCondition(v1beta2.ConditionStalled, "True ImagePullFailed: "+pullFailed)
	if got, want := c.stalledEvents(), []string{"Warning SparkApplicationStalled SparkApplication pi: ImagePullFailed: " + pullFailed}; !slices.Equal(got, want) {
		t.Errorf("events %q", got)
	}
	if got := c.eventReads(); got != 0 {
		t.Errorf("events were read %d times although the pod says it all", got)
	}

	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.wantCondition(v1beta2.ConditionDriverReady, "True DriverRunning")
	c.wantCondition(v1beta2.ConditionStalled, "")
}

// TestBackOffFirst: the cause of a failed pull is added once it is known.
func TestBackOffFirst(t *testing.T) {
	c, p := submitted(t)
	c.editPod("pi-driver", waiting("ImagePullBackOff", `Back-off pulling image "registry.example.com/spark:nope"`))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionDriverReady, "False ImagePullFailed: image registry.example.com/spark:nope of container spark-kubernetes-driver cannot be pulled")
	c.editPod("pi-driver", waiting("ErrImagePull", errImagePull))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionDriverReady, "False ImagePullFailed: "+pullFailed)
}

// TestChangingCauses: another cause is reported, but one that keeps changing is
// reported less and less often.
func TestChangingCauses(t *testing.T) {
	c, p := submitted(t)
	missing := func(name string) func(*corev1.Pod) {
		return waiting("CreateContainerConfigError", fmt.Sprintf("secret %q not found", name))
	}
	c.editPod("pi-driver", missing("a-1"))
	mustSettle(t, p, "pi")
	c.editPod("pi-driver", missing("a-2"))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, `True CreateContainerConfigError: container spark-kubernetes-driver cannot be configured: secret "a-2" not found`)

	before := c.statusWrites()
	for i := range 360 { // an hour
		c.editPod("pi-driver", missing([]string{"a-1", "a-2"}[i%2]))
		c.clock.Step(10 * time.Second)
		mustSettle(t, p, "pi")
	}
	if got := c.statusWrites() - before; got < 5 || got > 16 {
		t.Errorf("%d status writes in an hour", got)
	}
	// When it stops changing, the last one is reported without a further event.
	c.editPod("pi-driver", missing("b"))
	after := mustSettle(t, p, "pi")
	if after > reconcile.LongestPause {
		t.Errorf("next look after %v", after)
	}
	c.clock.Step(after)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionDriverReady, `False CreateContainerConfigError: container spark-kubernetes-driver cannot be configured: secret "b" not found`)
	if got := c.stalledEvents(); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}

// TestMissingSecretVolume: the pod says nothing, so its events are asked, at a pace
// that slows down.
func TestMissingSecretVolume(t *testing.T) {
	c, p := submitted(t)
	c.editPod("pi-driver", scheduled(c.clock.Now()))
	const cause = `MountVolume.SetUp failed for volume "credentials" : secret "credentials" not found`
	c.addEvent(podEvent("Scheduled", 0, "Successfully assigned ns/pi-driver to node-1"))
	c.addEvent(podEvent("FailedMount", 8*time.Second, cause))
	if after := mustSettle(t, p, "pi"); after != diagnosis.QuietStart || c.eventReads() != 0 {
		t.Fatalf("next look after %v, %d reads", after, c.eventReads())
	}
	c.clock.Step(diagnosis.QuietStart)
	after := mustSettle(t, p, "pi")
	if after > reconcile.FirstPause {
		t.Errorf("next look after %v", after)
	}
	const message = "VolumeMountFailed: a volume of pod pi-driver cannot be mounted: " + cause
	c.wantCondition(v1beta2.ConditionDriverReady, "False "+message)
	c.wantCondition(v1beta2.ConditionStalled, "True "+message)

	writes := c.statusWrites()
	for range 60 {
		c.clock.Step(time.Minute)
		mustSettle(t, p, "pi")
	}
	if got := c.statusWrites() - writes; got != 0 {
		t.Errorf("%d status writes in an hour without change", got)
	}
	if got := c.eventReads(); got > 17 {
		t.Errorf("events were read %d times in an hour", got)
	}
	if got := c.stalledEvents(); len(got) != 1 {
		t.Errorf("events %q", got)
	}

	// Another leader knows nothing of the reads; what is known stays.
	p = c.start()
	c.kube.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("events"), "", errors.New("no rule"))
	})
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "True "+message)

	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	uid := c.pod("pi-driver").UID
	if kept := p.runner.WatchOf(cache.NewObjectName("ns", "pi"), uid); kept != (lifecycle.DriverWatch{}).Of(uid) {
		t.Errorf("the watch of a driver that has ended was kept: %v", kept)
	}
}

// TestResolvedVolumeFailureIsCleared: a cause that the events no longer show is removed.
func TestResolvedVolumeFailureIsCleared(t *testing.T) {
	c, p := submitted(t)
	c.editPod("pi-driver", scheduled(c.clock.Now()))
	c.addEvent(podEvent("FailedMount", 8*time.Second, `secret "credentials" not found`))
	c.clock.Step(diagnosis.QuietStart)
	mustSettle(t, p, "pi")
	c.clock.Step(reconcile.LongestPause)
	c.addEvent(podEvent("Pulling", 30*time.Second, "Pulling image"))
	mustSettle(t, p, "pi")
	const pulling = "False ImagePulling: the node is pulling an image of pod pi-driver: Pulling image"
	c.wantCondition(v1beta2.ConditionDriverReady, pulling)
	c.wantCondition(v1beta2.ConditionStalled, "")
	mustSettle(t, p, "pi") // without a look at the events
	c.wantCondition(v1beta2.ConditionDriverReady, pulling)
	c.clock.Step(reconcile.LongestPause)
	c.addEvent(podEvent("Pulled", 40*time.Second, "Pulled image"))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionDriverReady, "False DriverPending")
}

// TestUnschedulable: reported at once, but an autoscaler has five minutes before the
// application is stalled, and changing numbers are not worth a write.
func TestUnschedulable(t *testing.T) {
	c, p := submitted(t)
	since := c.clock.Now()
	c.editPod("pi-driver", unscheduled(since, corev1.PodReasonUnschedulable, noNode))
	if after := mustSettle(t, p, "pi"); after != diagnosis.UnschedulableDelay {
		t.Errorf("next look after %v", after)
	}
	const message = "Unschedulable: pod pi-driver is unschedulable: "
	c.wantCondition(v1beta2.ConditionDriverReady, "False "+message+noNode)
	c.wantCondition(v1beta2.ConditionStalled, "")
	writes := c.statusWrites()
	for i := range 29 {
		c.clock.Step(10 * time.Second)
		c.editPod("pi-driver", unscheduled(since, corev1.PodReasonUnschedulable, strings.NewReplacer("3", fmt.Sprint(4+i)).Replace(noNode)))
		mustSettle(t, p, "pi")
	}
	if got := c.statusWrites() - writes; got != 0 {
		t.Errorf("%d status writes", got)
	}
	c.clock.Step(10 * time.Second)
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "True "+message+noNode)
	if got := c.stalledEvents(); len(got) != 1 {
		t.Errorf("events %q", got)
	}
	c.editPod("pi-driver", scheduled(c.clock.Now()))
	mustSettle(t, p, "pi")
	c.wantCondition(v1beta2.ConditionStalled, "")
	c.wantCondition(v1beta2.ConditionDriverReady, "False DriverPending")
}

func TestQuotaExceeded(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(1, 5)))
	full := apierrors.NewForbidden(corev1.Resource("pods"), "pi-driver",
		errors.New("exceeded quota: team, requested: limits.memory=1408Mi, used: limits.memory=8Gi, limited: limits.memory=8Gi"))
	c.kube.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, full })
	p := c.start()
	after := mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateRefused)
	c.wantCondition(v1beta2.ConditionSubmitted, "False QuotaExceeded: "+run.RefusalPrefix+full.Error())
	if attempt := app.Status.Attempts[0]; attempt.Reason != lifecycle.ReasonQuotaExceeded || attempt.State != lifecycle.StateRefused {
		t.Errorf("attempt %+v", attempt)
	}
	c.clock.Step(after)
	mustSettle(t, p, "pi")
	if app = c.wantState("pi", lifecycle.StateFailed); app.Status.SubmissionAttempts != 2 {
		t.Errorf("%d submissions", app.Status.SubmissionAttempts)
	}
}
