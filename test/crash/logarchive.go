// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// archiveDeadline is how long pods are kept if no log archiver runs. archiveDelay is how long
// a log archiver takes: longer than until the next run is due.
const (
	archiveDeadline = 3 * time.Second
	archiveDelay    = 1500 * time.Millisecond
)

// ArchiveTarget is where and with what the matrix of the log archive runs.
type ArchiveTarget struct {
	Config *rest.Config
	// Binary is the operator's.
	Binary string
	// NewNamespace creates a namespace that no other operator watches.
	NewNamespace func(t *testing.T, name string) string
	// NewApplication returns an application that the operator submits.
	NewApplication func(name string) *v1beta2.SparkApplication
}

// RunArchiveMatrix kills the operator before and after each write that depends on the log
// archive: those of the status and the deletions of drivers, from the time when the first
// driver runs. Once restarted, no driver pod may be deleted before its log is archived, or
// before the deadline if it never is, and each attempt has the URL of its own log, once.
// The test plays the kubelet and the log archiver.
func RunArchiveMatrix(t *testing.T, target ArchiveTarget) {
	for name, archives := range map[string]bool{"archive": true, "no-archive": false} {
		without := newArchiveLife(t, target, name+"-crash-none", archives)
		without.killAtWrite(0, faultproxy.Before)
		without.live()
		writes := without.writes.Load()
		t.Logf("%s: %d writes", name, writes)
		if writes < 3 { // the end, the condition, the deletion of the pod
			t.Fatalf("%s: only %d writes", name, writes)
		}
		for number := int64(1); number <= writes; number++ {
			for moment, word := range map[faultproxy.Moment]string{faultproxy.Before: "before", faultproxy.After: "after"} {
				name := fmt.Sprintf("%s-crash-%d-%s", name, number, word)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					life := newArchiveLife(t, target, name, archives)
					life.killAtWrite(number, moment)
					life.live()
					if !life.restarted && number < writes { // a life may do with one write less
						t.Errorf("write %d did not come", number)
					}
				})
			}
		}
	}
}

// archiveLife is the life of one application in a namespace of its own. With an archive,
// its first driver fails, and the second succeeds.
type archiveLife struct {
	*victim
	target   ArchiveTarget
	archives bool
	deadline time.Duration

	counting atomic.Bool
	writes   atomic.Int64

	mu      sync.Mutex
	ended   map[types.UID]time.Time // of drivers
	removed map[types.UID]bool
	urls    map[string]map[string]bool // by submission ID
}

func newArchiveLife(t *testing.T, target ArchiveTarget, name string, archives bool) *archiveLife {
	t.Helper()
	deadline := archiveDeadline
	if archives {
		deadline = time.Hour // longer than the test
	}
	return &archiveLife{
		victim: newVictim(t, target.Config, target.Binary, target.NewNamespace(t, name),
			"--enable-log-archive", "--archive-logs", "--log-archive-deadline", deadline.String()),
		target: target, archives: archives, deadline: deadline,
		ended: map[types.UID]time.Time{}, removed: map[types.UID]bool{}, urls: map[string]map[string]bool{},
	}
}

// killAtWrite has the operator killed at one of the writes that count; 0 for none.
func (l *archiveLife) killAtWrite(number int64, moment faultproxy.Moment) {
	l.killAt(func(at faultproxy.Moment, _ int64, r *http.Request) bool {
		if !l.counting.Load() || !dependsOnArchive(r) {
			return false
		}
		if at == faultproxy.Before {
			l.writes.Add(1)
		}
		return at == moment && l.writes.Load() == number // writes of one application follow one another
	})
	l.doomed = number > 0
}

func dependsOnArchive(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/sparkapplications/pi/status") || r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/pods/")
}

// live takes an application through its life and judges it.
func (l *archiveLife) live() {
	l.t.Helper()
	drivers := countSeen(l.t, func(ctx context.Context) (watch.Interface, error) {
		return l.core.CoreV1().Pods(l.namespace).Watch(ctx, driversOf("pi"))
	})
	l.watchPods()
	l.watchURLs()
	l.start()
	app := l.target.NewApplication("pi")
	app.Namespace = l.namespace
	app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: v1beta2.PodDeletionAlways}
	runs := int32(1)
	if l.archives {
		runs = 2
		app.Spec.RestartPolicy = v1beta2.RestartPolicy{
			Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnFailureRetryInterval: ptr.To[int64](1),
		}
	}
	if _, err := l.spark.SparkoperatorV1beta2().SparkApplications(l.namespace).Create(l.t.Context(), app, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
	for run := int32(1); run <= runs; run++ {
		end := corev1.PodFailed
		if run == runs {
			end = corev1.PodSucceeded
		}
		l.runDriver(run, end)
	}
	status := l.until("is over, and its pod is deleted", func(ctx context.Context, status *v1beta2.SparkApplicationStatus) bool {
		pods, err := l.core.CoreV1().Pods(l.namespace).List(ctx, driversOf("pi"))
		condition := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionLogsArchived)
		over := status.AppState.State == v1beta2.ApplicationStateCompleted && condition != nil && condition.Reason != "Archiving"
		return err == nil && len(pods.Items) == 0 && over && l.nothingFollows()
	})
	time.Sleep(time.Second) // another driver would come by now
	if got := drivers(); got != int64(runs) || status.ExecutionAttempts != runs || len(status.Attempts) != int(runs) {
		l.t.Errorf("%d driver pods, %d runs and %d attempts on record, want %d", got, status.ExecutionAttempts, len(status.Attempts), runs)
	}
	l.judge(status)
}

// judge fails unless each attempt has the URL of its own log, and has had no other.
func (l *archiveLife) judge(status v1beta2.SparkApplicationStatus) {
	l.t.Helper()
	reason := "Archived"
	if !l.archives {
		reason = "ArchiveTimedOut"
	}
	if condition := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionLogsArchived); condition.Reason != reason {
		l.t.Errorf("condition %+v, want %s", condition, reason)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range status.Attempts {
		attempt, want := &status.Attempts[i], ""
		if l.archives {
			want = logURL(status.Attempts[i].SubmissionID)
		}
		if attempt.LogURL != want || len(l.urls[attempt.SubmissionID]) > 1 {
			l.t.Errorf("attempt %d: URL %q, want %q; seen: %v", i+1, attempt.LogURL, want, l.urls[attempt.SubmissionID])
		}
	}
}

func logURL(submission string) string { return "s3://logs/" + submission + "/driver.log.gz" }

// runDriver lets the driver of a run start and end.
func (l *archiveLife) runDriver(run int32, end corev1.PodPhase) {
	l.t.Helper()
	var pod *corev1.Pod
	l.until(fmt.Sprintf("runs for the %d. time", run), func(ctx context.Context, status *v1beta2.SparkApplicationStatus) bool {
		if status.ExecutionAttempts != run || status.DriverInfo.PodName == "" {
			return false
		}
		var err error
		if pod, err = l.core.CoreV1().Pods(l.namespace).Get(ctx, status.DriverInfo.PodName, metav1.GetOptions{}); err != nil || pod.Labels[v1beta2.LabelSubmissionID] != status.SubmissionID {
			return false
		}
		if pod.Status.Phase != corev1.PodRunning {
			l.setPhase(ctx, pod, corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
		}
		return status.AppState.State == v1beta2.ApplicationStateRunning
	})
	l.counting.Store(true)
	now := metav1.Now().Rfc3339Copy() // deadlines count from the end
	l.mu.Lock()
	l.ended[pod.UID] = now.Time
	l.mu.Unlock()
	var code int32
	if end == corev1.PodFailed {
		code = 1
	}
	l.setPhase(l.t.Context(), pod, end, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: now}})
}

func (l *archiveLife) setPhase(ctx context.Context, pod *corev1.Pod, phase corev1.PodPhase, state corev1.ContainerState) {
	pod = pod.DeepCopy()
	pod.ResourceVersion = "" // the operator may have changed the pod meanwhile
	pod.Status.Phase = phase
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, Image: "x", ImageID: "x", State: state}}
	if _, err := l.core.CoreV1().Pods(l.namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		l.t.Errorf("set phase %s: %v", phase, err)
	}
}

// watchPods fails the test when a driver pod is deleted too early. With an archive, it marks
// drivers that have ended.
func (l *archiveLife) watchPods() {
	l.follow(func(ctx context.Context) (watch.Interface, error) {
		return l.core.CoreV1().Pods(l.namespace).Watch(ctx, driversOf("pi"))
	}, func(event watch.Event) {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok {
			return
		}
		l.mu.Lock()
		end, first := l.ended[pod.UID], !l.removed[pod.UID]
		gone := event.Type == watch.Deleted || pod.DeletionTimestamp != nil
		l.removed[pod.UID] = l.removed[pod.UID] || gone
		l.mu.Unlock()
		marked := pod.Annotations[v1beta2.AnnotationLogURL] != ""
		if gone && first && !marked && (end.IsZero() || time.Since(end) < l.deadline) {
			l.t.Errorf("driver pod %s was deleted before its log was archived, %v after its end", pod.Name, time.Since(end))
		}
		if !gone && l.archives && !marked && (pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded) {
			time.Sleep(archiveDelay)
			patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:%q}}}`, pod.UID, v1beta2.AnnotationLogURL, logURL(pod.Labels[v1beta2.LabelSubmissionID]))
			_, err := l.core.CoreV1().Pods(l.namespace).Patch(l.t.Context(), pod.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
			if err != nil && !apierrors.IsNotFound(err) && l.t.Context().Err() == nil {
				l.t.Errorf("mark %s: %v", pod.Name, err)
			}
		}
	})
}

// watchURLs remembers all URLs that an attempt ever has.
func (l *archiveLife) watchURLs() {
	l.follow(func(ctx context.Context) (watch.Interface, error) {
		return l.spark.SparkoperatorV1beta2().SparkApplications(l.namespace).Watch(ctx, metav1.ListOptions{})
	}, func(event watch.Event) {
		app, ok := event.Object.(*v1beta2.SparkApplication)
		if !ok {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, attempt := range app.Status.Attempts {
			seen := l.urls[attempt.SubmissionID]
			if seen == nil {
				seen = map[string]bool{}
				l.urls[attempt.SubmissionID] = seen
			}
			if attempt.LogURL != "" || len(seen) > 0 { // it must not vanish
				seen[attempt.LogURL] = true
			}
		}
	})
}

// follow calls handle for each event until the test ends.
func (l *archiveLife) follow(start func(context.Context) (watch.Interface, error), handle func(watch.Event)) {
	l.t.Helper()
	watcher, err := start(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watcher.ResultChan() {
			handle(event)
		}
	}()
	l.t.Cleanup(func() {
		watcher.Stop()
		<-done
	})
}

// until waits for a status. The operator is started again if it was killed meanwhile.
func (l *archiveLife) until(what string, done func(context.Context, *v1beta2.SparkApplicationStatus) bool) v1beta2.SparkApplicationStatus {
	l.t.Helper()
	var app *v1beta2.SparkApplication
	err := wait.PollUntilContextTimeout(l.t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		l.revive()
		var err error
		app, err = l.spark.SparkoperatorV1beta2().SparkApplications(l.namespace).Get(ctx, "pi", metav1.GetOptions{})
		return err == nil && done(ctx, &app.Status), err
	})
	if err != nil {
		l.t.Fatalf("not true that the application %s: %v; status %+v", what, err, app.Status)
	}
	return app.Status
}
