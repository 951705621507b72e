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
)

func archivesLogs(config *Config) {
	config.LogArchive = lifecycle.LogArchive{Enabled: true, Default: true, Deadline: 10 * time.Minute}
}

const logURL = "s3://logs/default/pi/id/driver.log.gz"

// annotate does what the log archiver does.
func (c *cluster) annotate(pod, key, value string) {
	c.editPod(pod, func(pod *corev1.Pod) { metav1.SetMetaDataAnnotation(&pod.ObjectMeta, key, value) })
}

func (c *cluster) wantArchived(reason string) *metav1.Condition {
	c.t.Helper()
	condition := meta.FindStatusCondition(c.application("pi").Status.Conditions, v1beta2.ConditionLogsArchived)
	if condition == nil || condition.Reason != reason || (condition.Status == metav1.ConditionTrue) != (reason == "Archived") {
		c.t.Fatalf("condition %+v, want %s", condition, reason)
	}
	return condition
}

// runToEnd runs an application until its driver ends.
func (c *cluster) runToEnd(p *process, end corev1.PodPhase) {
	c.t.Helper()
	mustSettle(c.t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(c.t, p, "pi")
	c.driverPhase("pi-driver", end)
	mustSettle(c.t, p, "pi")
}

// TestWithoutArchiveNothingChanges: no label, no condition, no write and no wait, whatever
// the spec and the annotations of the pods say.
func TestWithoutArchiveNothingChanges(t *testing.T) {
	var writes [2]int
	for i, edit := range []func(*v1beta2.SparkApplication){
		func(*v1beta2.SparkApplication) {},
		func(app *v1beta2.SparkApplication) {
			app.Spec.LogArchive = &v1beta2.LogArchive{Enabled: ptr.To(true), FailedExecutors: ptr.To(true)}
		},
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", edit, withCleanup(v1beta2.PodDeletionAlways, v1beta2.PodDeletionAlways)))
		p := c.start()
		mustSettle(t, p, "pi")
		if pod := c.pod("pi-driver"); pod.Labels[v1beta2.LabelLogArchive] != "" {
			t.Error("the driver has the label")
		}
		c.runToEnd(p, corev1.PodSucceeded)
		if c.pod("pi-driver") != nil || meta.FindStatusCondition(c.application("pi").Status.Conditions, v1beta2.ConditionLogsArchived) != nil {
			t.Error("the archive has an effect")
		}
		writes[i] = len(c.log)
	}
	if writes[0] != writes[1] {
		t.Errorf("%d and %d writes", writes[0], writes[1])
	}
}

// TestPodsWaitForTheirLogs: the driver pod and failed executors are deleted by the cleanup
// policy once their logs are archived, whose URL is in the status then.
func TestPodsWaitForTheirLogs(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withCleanup(v1beta2.PodDeletionAlways, v1beta2.PodDeletionAlways), func(app *v1beta2.SparkApplication) {
		app.Spec.LogArchive = &v1beta2.LogArchive{FailedExecutors: ptr.To(true)}
	}))
	p := c.start(archivesLogs)
	mustSettle(t, p, "pi")
	if c.pod("pi-driver").Labels[v1beta2.LabelLogArchive] != "true" {
		t.Error("the driver has no label")
	}
	c.driverPhase("pi-driver", corev1.PodRunning)
	runExecutors(c, 2, corev1.PodRunning)
	mustSettle(t, p, "pi")
	for name, phase := range map[string]corev1.PodPhase{"pi-exec-1": corev1.PodFailed, "pi-exec-2": corev1.PodSucceeded} {
		c.editPod(name, func(pod *corev1.Pod) {
			pod.Labels[v1beta2.LabelLogArchive] = "true"
			pod.Status.Phase = phase
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.ExecutorContainerName,
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}
		})
	}
	c.driverPhase("pi-driver", corev1.PodFailed)
	after := mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
	c.wantArchived("Archiving")
	if c.pod("pi-driver") == nil || c.pod("pi-exec-1") == nil || c.pod("pi-exec-2") != nil {
		t.Fatal("wrong pods were deleted")
	}
	if after <= 0 || after > 10*time.Minute {
		t.Errorf("the next sync is in %v", after)
	}
	c.annotate("pi-exec-1", v1beta2.AnnotationLogURL, "s3://logs/exec")
	mustSettle(t, p, "pi")
	if c.pod("pi-driver") == nil || c.pod("pi-exec-1") != nil {
		t.Fatal("the driver waits for its own log alone")
	}
	before := c.statusWrites()
	c.annotate("pi-driver", v1beta2.AnnotationLogURL, logURL)
	mustSettle(t, p, "pi")
	c.wantArchived("Archived")
	if got := c.application("pi").Status.Attempts[0].LogURL; got != logURL || c.pod("pi-driver") != nil {
		t.Errorf("URL %q, driver deleted %t", got, c.pod("pi-driver") == nil)
	}
	if writes := c.statusWrites() - before; writes != 1 {
		t.Errorf("%d writes of the status for the URL", writes)
	}
}

// TestURLIsRecordedBeforeThePodIsDeleted, for the cleanup policy and for another run: the
// annotation of the pod is the only other record of it.
func TestURLIsRecordedBeforeThePodIsDeleted(t *testing.T) {
	for name, edit := range map[string]func(*v1beta2.SparkApplication){
		"cleanup": withCleanup(v1beta2.PodDeletionAlways, ""), "rerun": onFailure(3, 1),
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", edit))
		p := c.start(archivesLogs)
		c.runToEnd(p, corev1.PodFailed)
		c.clock.Step(2 * time.Second) // the retry is due
		mustSettle(t, p, "pi")
		before := len(c.log)
		c.annotate("pi-driver", v1beta2.AnnotationLogURL, logURL)
		mustSettle(t, p, "pi")
		if got := c.application("pi").Status.Attempts[0].LogURL; got != logURL {
			t.Errorf("%s: URL %q", name, got)
		}
		writes := c.log[before:]
		deletion := slices.IndexFunc(writes, func(write string) bool { return strings.Contains(write, "delete pods") })
		if deletion < 0 || !slices.ContainsFunc(writes[:deletion], func(write string) bool { return write == "update sparkapplications pi" }) {
			t.Errorf("%s: writes %q", name, writes)
		}
	}
}

// TestOperatorKilledAtTheDeadline: a pod that the operator deleted at the deadline, and could
// not say so, is not one that another client deleted.
func TestOperatorKilledAtTheDeadline(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withCleanup(v1beta2.PodDeletionAlways, "")))
	p := c.start(archivesLogs)
	c.runToEnd(p, corev1.PodSucceeded)
	c.wantArchived("Archiving")
	c.clock.Step(10 * time.Minute)
	c.deletePod("pi-driver")
	mustSettle(t, p, "pi")
	c.wantArchived("ArchiveTimedOut")
}

// TestArchiveHasADeadline: without archiver, or with a bucket that does not work, pods are
// deleted after it, and the condition says what is missing.
func TestArchiveHasADeadline(t *testing.T) {
	for name, reason := range map[string]string{"": "ArchiveTimedOut", "AccessDenied: no permission to write": "ArchiveFailed"} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", withCleanup(v1beta2.PodDeletionAlways, "")))
		p := c.start(archivesLogs)
		c.runToEnd(p, corev1.PodSucceeded)
		if name != "" {
			c.annotate("pi-driver", v1beta2.AnnotationLogArchiveError, name)
		}
		after := mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateCompleted)
		if c.pod("pi-driver") == nil {
			t.Fatal("deleted before the deadline")
		}
		c.clock.Step(after)
		mustSettle(t, p, "pi")
		if c.pod("pi-driver") != nil {
			t.Error("the driver stays")
		}
		condition := c.wantArchived(reason)
		if !strings.Contains(condition.Message, name) {
			t.Errorf("message %q", condition.Message)
		}
	}
}

// TestTimeToLiveWaitsForLogs, at most until the deadline.
func TestTimeToLiveWaitsForLogs(t *testing.T) {
	for _, archived := range []bool{true, false} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { app.Spec.TimeToLiveSeconds = ptr.To[int64](60) }))
		p := c.start(archivesLogs)
		c.runToEnd(p, corev1.PodSucceeded)
		c.clock.Step(2 * time.Minute)
		mustSettle(t, p, "pi")
		if c.find("pi") == nil {
			t.Fatal("deleted before its log was archived")
		}
		if archived {
			c.annotate("pi-driver", v1beta2.AnnotationLogURL, logURL)
		} else {
			c.clock.Step(10 * time.Minute)
		}
		mustSettle(t, p, "pi")
		if c.find("pi") != nil {
			t.Error("the application stays")
		}
	}
}

// TestRerunWaitsForLogs for a short time, and not for a bucket that does not work: the
// state machine is not delayed by it.
func TestRerunWaitsForLogs(t *testing.T) {
	for name, test := range map[string]struct {
		key, value string
		wait       time.Duration
	}{
		"archived": {v1beta2.AnnotationLogURL, logURL, 0},
		"failed":   {v1beta2.AnnotationLogArchiveError, "connection refused", 0},
		"nothing":  {"other", "x", lifecycle.RerunArchiveDelay},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", onFailure(3, 1)))
			p := c.start(archivesLogs)
			c.runToEnd(p, corev1.PodFailed)
			c.clock.Step(2 * time.Second) // the retry is due
			mustSettle(t, p, "pi")
			if first := c.pod("pi-driver"); first == nil || first.DeletionTimestamp != nil {
				t.Fatal("the driver was deleted at once")
			}
			c.wantState("pi", lifecycle.StateFailing)
			c.annotate("pi-driver", test.key, test.value)
			c.clock.Step(test.wait)
			mustSettle(t, p, "pi")
			app := c.application("pi")
			if app.Status.ExecutionAttempts != 2 {
				t.Fatalf("state %s after %d attempts", app.Status.AppState.State, app.Status.ExecutionAttempts)
			}
			if got := app.Status.Attempts[0].LogURL; (got != "") != (name == "archived") {
				t.Errorf("URL %q", got)
			}
		})
	}
}

// TestLogIsLost with the pod, which the condition shows.
func TestLogIsLost(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start(archivesLogs)
	c.runToEnd(p, corev1.PodSucceeded)
	c.wantArchived("Archiving")
	c.deletePod("pi-driver")
	mustSettle(t, p, "pi")
	c.wantArchived("LogLost")
}

// TestForgedLogURL does not become a link that users follow.
func TestForgedLogURL(t *testing.T) {
	for _, address := range []string{"javascript:alert(1)", "s3://user:password@host/key", "https://" + strings.Repeat("x", 4000), "\x00", "log"} {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start(archivesLogs)
		c.runToEnd(p, corev1.PodSucceeded)
		c.annotate("pi-driver", v1beta2.AnnotationLogURL, address)
		mustSettle(t, p, "pi")
		c.wantArchived("ArchiveFailed")
		if got := c.application("pi").Status.Attempts[0].LogURL; got != "" {
			t.Errorf("URL %q", got)
		}
	}
}

// TestLateOperatorGivesTheArchiveUp: a run that ended long before the operator sees it does
// not wait, and the condition says so at once.
func TestLateOperatorGivesTheArchiveUp(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", withCleanup(v1beta2.PodDeletionAlways, "")))
	p := c.start(archivesLogs)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses[0].State.Terminated.FinishedAt = metav1.NewTime(c.clock.Now())
	})
	c.clock.Step(time.Hour)
	mustSettle(t, p, "pi")
	c.wantArchived("ArchiveTimedOut")
	if c.pod("pi-driver") != nil {
		t.Error("the driver stays")
	}
}
