// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

func mustSettle(t *testing.T, p *process, name string) time.Duration {
	t.Helper()
	after, err := p.settle(name)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func TestSubmitRunSucceed(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()

	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateSubmitted)
	pod := c.pod("pi-driver")
	status := app.Status
	if pod == nil {
		t.Fatal("no driver pod")
	}
	if id := pod.Labels[v1beta2.LabelSubmissionID]; id == "" || id != status.SubmissionID {
		t.Errorf("submission id of pod %q, of status %q", id, status.SubmissionID)
	}
	if id := pod.Labels[v1beta2.LabelSparkApplicationSelector]; id == "" || id != status.SparkApplicationID {
		t.Errorf("application id of pod %q, of status %q", id, status.SparkApplicationID)
	}
	if !metav1.IsControlledBy(pod, app) {
		t.Errorf("driver pod is owned by %v", pod.OwnerReferences)
	}
	if status.DriverInfo.PodName != "pi-driver" || status.DriverInfo.WebUIServiceName != "pi-ui-svc" || status.DriverInfo.WebUIPort != 4040 {
		t.Errorf("driverInfo %+v", status.DriverInfo)
	}
	if status.SubmissionAttempts != 1 || status.ExecutionAttempts != 1 || !status.LastSubmissionAttemptTime.Time.Equal(testStart) {
		t.Errorf("attempts %d/%d at %v", status.SubmissionAttempts, status.ExecutionAttempts, status.LastSubmissionAttemptTime)
	}
	if status.ObservedGeneration != 1 || status.ObservedSpecHash == "" || status.ObservedSpecHash != pod.Annotations[v1beta2.AnnotationSpecHash] {
		t.Errorf("generation %d, hash %q, pod's %q", status.ObservedGeneration, status.ObservedSpecHash, pod.Annotations[v1beta2.AnnotationSpecHash])
	}
	if last := c.log[len(c.log)-1]; last != "update sparkapplications pi" {
		t.Errorf("the status was not the last write: %q", c.log)
	}
	if got := c.services(); got != 2 {
		t.Errorf("%d services, want that of the driver and that of the UI", got)
	}

	c.clock.Step(3 * time.Second)
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateRunning)
	if !meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionDriverReady) {
		t.Errorf("conditions %v", app.Status.Conditions)
	}

	c.clock.Step(time.Minute)
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateCompleted)
	if !app.Status.TerminationTime.Time.Equal(c.clock.Now()) {
		t.Errorf("terminationTime %v, want that of the container, %v", app.Status.TerminationTime, c.clock.Now())
	}
	if !meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionCompleted) {
		t.Errorf("conditions %v", app.Status.Conditions)
	}
	if c.pod("pi-driver") == nil {
		t.Error("the driver pod is gone, and its log with it")
	}
	if c.services() != 0 || c.configMaps() != 0 {
		t.Errorf("objects of the run stayed: %d services, %d config maps", c.services(), c.configMaps())
	}
	if app.Status.DriverInfo.WebUIServiceName != "pi-ui-svc" {
		t.Error("driverInfo forgot the UI")
	}
	attempt := app.Status.Attempts[0]
	if len(app.Status.Attempts) != 1 || attempt.State != lifecycle.StateCompleted || ptr.Deref(attempt.ExitCode, -1) != 0 || attempt.TerminationTime == nil {
		t.Errorf("attempts %+v", app.Status.Attempts)
	}
	want := []string{"SparkApplicationSubmitted", "SparkDriverRunning", "SparkDriverCompleted", "SparkApplicationCompleted"}
	if got := c.reasons(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	for name, want := range map[string]float64{
		"spark_application_count":         1,
		"spark_application_submit_count":  1,
		"spark_application_success_count": 1,
		"spark_application_failure_count": 0,
	} {
		if got := c.counter(name); got != want {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
}

// TestHappyPathWrites lists the writes of a whole life without trouble, apart from
// events: what is not written costs nothing.
func TestHappyPathWrites(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	want := []string{
		"create pods pi-driver", "create services ", "create configmaps ", "create services pi-ui-svc",
		"update sparkapplications pi", // SUBMITTED
		"update sparkapplications pi", // RUNNING
		"delete services ", "delete services pi-ui-svc",
		"update sparkapplications pi", // COMPLETED
	}
	if len(c.log) != len(want) {
		t.Fatalf("writes %q, want %q", c.log, want)
	}
	for i := range want {
		if !strings.HasPrefix(c.log[i], want[i]) {
			t.Errorf("write %d is %q, want %q", i, c.log[i], want[i])
		}
	}
	reads := 0
	for _, action := range append(c.kube.Actions(), c.spark.Actions()...) {
		if verb := action.GetVerb(); verb == "get" || verb == "list" {
			reads++
		}
	}
	if reads > 1 { // whose the UI Service is, before it is deleted
		t.Errorf("%d reads from the API server, want at most 1", reads)
	}
}

func TestRetriesAfterFailure(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(2, 10)))
	p := c.start()
	for attempt := 1; attempt <= 3; attempt++ {
		mustSettle(t, p, "pi")
		app := c.wantState("pi", lifecycle.StateSubmitted)
		if int(app.Status.ExecutionAttempts) != attempt {
			t.Fatalf("executionAttempts %d, want %d", app.Status.ExecutionAttempts, attempt)
		}
		c.driverPhase("pi-driver", corev1.PodFailed)
		after := mustSettle(t, p, "pi")
		if attempt == 3 {
			break
		}
		app = c.wantState("pi", lifecycle.StateFailing)
		if want := time.Duration(attempt) * 10 * time.Second; after != want {
			t.Errorf("next look after %v, want %v", after, want)
		}
		if !strings.Contains(app.Status.AppState.ErrorMessage, "driver container failed with ExitCode: 1, Reason: Error") {
			t.Errorf("message %q", app.Status.AppState.ErrorMessage)
		}
		c.clock.Step(after)
	}
	app := c.wantState("pi", lifecycle.StateFailed)
	if app.Status.ExecutionAttempts != 3 || len(app.Status.Attempts) != 3 {
		t.Errorf("%d executions, %d attempts; 2 retries are 3", app.Status.ExecutionAttempts, len(app.Status.Attempts))
	}
	if c.pod("pi-driver") == nil {
		t.Error("the last driver pod is gone")
	}
	if got := c.counter("spark_application_failure_count"); got != 1 {
		t.Errorf("failure count %v", got)
	}
	if got := c.counter("spark_application_submit_count"); got != 3 {
		t.Errorf("submit count %v", got)
	}
}

func TestRefusedSubmission(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(3, 5)))
	c.kube.PrependReactor("create", "pods", forbidden)
	p := c.start()
	var seen []v1beta2.ApplicationStateType
	for range 20 {
		after := mustSettle(t, p, "pi")
		app := c.application("pi")
		seen = append(seen, app.Status.AppState.State)
		if app.Status.AppState.State == lifecycle.StateFailed {
			break
		}
		c.clock.Step(after)
	}
	app := c.wantState("pi", lifecycle.StateFailed)
	if app.Status.SubmissionAttempts != 4 || app.Status.ExecutionAttempts != 0 {
		t.Errorf("attempts %d/%d, want 4/0", app.Status.SubmissionAttempts, app.Status.ExecutionAttempts)
	}
	for _, state := range seen[:len(seen)-1] {
		if state != lifecycle.StateRefused {
			t.Errorf("states %q", seen)
		}
	}
	message := app.Status.AppState.ErrorMessage
	if !strings.Contains(message, "failed to run spark-submit") || !strings.Contains(message, `serviceaccount "nobody" not found`) || strings.Contains(message, "\n") {
		t.Errorf("message %q", message)
	}
	if c.pod("pi-driver") != nil || c.services() != 0 {
		t.Error("something was created")
	}
	if got := c.counter("spark_application_failed_submission_count"); got != 4 {
		t.Errorf("failed submissions %v", got)
	}
	want := []string{"SparkApplicationAdded", "SparkApplicationSubmissionFailed", "SparkApplicationSubmissionFailed", "SparkApplicationSubmissionFailed", "SparkApplicationSubmissionFailed", "SparkApplicationFailed"}
	if got := c.reasons(); !slices.Equal(got, want) {
		t.Errorf("events %q", got)
	}
}

func TestSuspendAndResume(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(0, 1)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	first := c.wantState("pi", lifecycle.StateRunning).Status.SubmissionID

	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateSuspended)
	if c.pod("pi-driver") != nil || c.services() != 0 {
		t.Error("something still runs")
	}
	if app.Status.ExecutionAttempts != 0 || app.Status.DriverInfo != (v1beta2.DriverInfo{}) || !app.Status.TerminationTime.IsZero() {
		t.Errorf("status %+v", app.Status)
	}

	// Kueue lets go and injects where to run, in one write.
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
		spec.Suspend = ptr.To(false)
		spec.Driver.NodeSelector = map[string]string{"pool": "a"}
	})
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateSubmitted)
	if app.Status.SubmissionID == first {
		t.Error("the submission id did not change")
	}
	if c.pod("pi-driver").Spec.NodeSelector["pool"] != "a" {
		t.Error("the edit is not in the new driver")
	}
	if app.Status.ExecutionAttempts != 1 {
		t.Errorf("executionAttempts %d: the suspension was charged", app.Status.ExecutionAttempts)
	}
	want := []string{"SparkApplicationSubmitted", "SparkDriverRunning", "SparkApplicationSuspending", "SparkApplicationSuspended", "SparkApplicationResuming", "SparkApplicationSubmitted"}
	if got := c.reasons(); !slices.Equal(got, want) {
		t.Errorf("events %q", got)
	}
}

func TestSuspendedFromTheStart(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { app.Spec.Suspend = ptr.To(true) }))
	mustSettle(t, c.start(), "pi")
	app := c.wantState("pi", lifecycle.StateSuspended)
	if len(c.pods()) != 0 || app.Status.SubmissionID != "" {
		t.Error("it was submitted")
	}
}

func TestEditOfTheSpec(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	uid := c.pod("pi-driver").UID

	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.TimeToLiveSeconds = ptr.To[int64](60) })
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateRunning)
	if app.Status.ObservedGeneration != 2 {
		t.Errorf("observedGeneration %d", app.Status.ObservedGeneration)
	}
	if c.pod("pi-driver").UID != uid {
		t.Fatal("a change of the time to live restarted the application")
	}

	// The next edit happens while the operator is down.
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"100"} })
	p = c.start()
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateSubmitted)
	if pod := c.pod("pi-driver"); pod.UID == uid || pod.Annotations[v1beta2.AnnotationSpecHash] != app.Status.ObservedSpecHash {
		t.Error("the driver is still the old one")
	}
	if app.Status.SubmissionAttempts != 1 || app.Status.ObservedGeneration != 3 {
		t.Errorf("attempts %d, generation %d", app.Status.SubmissionAttempts, app.Status.ObservedGeneration)
	}

	// A finished application runs again.
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = nil })
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)
}

func TestUpgradeRestartsNothing(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	uid := c.pod("pi-driver").UID
	for name, hash := range map[string]string{"of another version": "0-abc", "none": "", "same version, other defaults": "1-0123"} {
		app := c.application("pi")
		app.Status.ObservedSpecHash = hash
		c.putApplication(app)
		mustSettle(t, p, "pi")
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.TimeToLiveSeconds = ptr.To[int64](60) })
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateSubmitted)
		if c.pod("pi-driver").UID != uid {
			t.Fatalf("hash %s: the application was restarted", name)
		}
	}
}

func TestTimeToLive(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { app.Spec.TimeToLiveSeconds = ptr.To[int64](30) }))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	after := mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if after != 30*time.Second {
		t.Errorf("next look after %v", after)
	}
	c.clock.Step(30 * time.Second)

	// The cache does not know yet that the user has just asked for a longer life.
	p.refresh()
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.TimeToLiveSeconds = ptr.To[int64](3600) })
	if _, err := p.syncOnce("pi"); !reconcile.Expected(err) {
		t.Errorf("error %v, want to wait for the cache", err)
	}
	c.wantState("pi", lifecycle.StateCompleted)

	c.clock.Step(time.Hour)
	if _, err := p.step("pi"); err != nil {
		t.Fatal(err)
	}
	if list, _ := c.spark.Tracker().Get(applicationsResource, "ns", "pi"); list != nil {
		t.Error("the application was not deleted")
	}
}

func TestDriverLost(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")

	// The cache lost sight of the pod; the API server has it.
	p.refresh()
	if err := p.podList.Replace(nil, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.syncOnce("pi"); !reconcile.Expected(err) {
		t.Errorf("error %v, want to wait for the cache", err)
	}
	c.wantState("pi", lifecycle.StateRunning)

	c.deletePod("pi-driver")
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	if app.Status.AppState.ErrorMessage != "driver pod not found" {
		t.Errorf("message %q", app.Status.AppState.ErrorMessage)
	}
	if !slices.Contains(c.reasons(), "SparkDriverNotFound") {
		t.Errorf("events %q", c.reasons())
	}
}

func TestDriverGonePendingWithinGrace(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.deletePod("pi-driver")
	if after := mustSettle(t, p, "pi"); after != 10*time.Second {
		t.Errorf("next look after %v, want the grace period", after)
	}
	c.wantState("pi", lifecycle.StateSubmitted)
	c.clock.Step(10 * time.Second)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
}

func TestSidecarDoesNotHoldTheApplication(t *testing.T) {
	for name, test := range map[string]struct {
		phase    corev1.PodPhase
		exitCode int32
		want     v1beta2.ApplicationStateType
	}{
		"driver done, sidecar runs":           {corev1.PodRunning, 0, lifecycle.StateCompleted},
		"driver failed, sidecar runs":         {corev1.PodRunning, 1, lifecycle.StateFailed},
		"driver done, sidecar failed":         {corev1.PodFailed, 0, lifecycle.StateCompleted},
		"driver failed, sidecar failed after": {corev1.PodFailed, 2, lifecycle.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi"))
			p := c.start()
			mustSettle(t, p, "pi")
			c.editPod("pi-driver", func(pod *corev1.Pod) {
				pod.Status.Phase = test.phase
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{
					{Name: "proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
					{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: test.exitCode}}},
				}
			})
			mustSettle(t, p, "pi")
			c.wantState("pi", test.want)
		})
	}
}

func TestInvalidSpecFailsAtOnceAndHeals(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(3, 1), func(app *v1beta2.SparkApplication) {
		app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.podTemplateFile": "/template.yaml"}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	if !strings.Contains(app.Status.AppState.ErrorMessage, "spec.driver.template") || app.Status.SubmissionAttempts != 0 {
		t.Errorf("message %q, %d attempts", app.Status.AppState.ErrorMessage, app.Status.SubmissionAttempts)
	}
	if !lifecycle.IsStalled(&app.Status, lifecycle.ReasonInvalidSpec) {
		t.Errorf("conditions %v", app.Status.Conditions)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.SparkConf = nil })
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateSubmitted)
	if lifecycle.IsStalled(&app.Status, lifecycle.ReasonInvalidSpec) {
		t.Error("still stalled")
	}
}

// TestEditAndSuspensionStartTheCountersOver: it makes no difference that the edit
// came with a suspension.
func TestEditAndSuspensionStartTheCountersOver(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	if app := c.wantState("pi", lifecycle.StateFailed); app.Status.ExecutionAttempts != 1 {
		t.Fatalf("%d attempts", app.Status.ExecutionAttempts)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
		spec.Arguments, spec.Suspend = []string{"1000"}, ptr.To(true)
	})
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSuspended)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = nil })
	mustSettle(t, p, "pi")
	if app := c.wantState("pi", lifecycle.StateSubmitted); app.Status.ExecutionAttempts != 1 || app.Status.SubmissionAttempts != 1 {
		t.Errorf("%d runs, %d submissions", app.Status.ExecutionAttempts, app.Status.SubmissionAttempts)
	}
}
