// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// lifecycleScript is an application that only has a driver, so that many of its
// runs fit into little time.
const lifecycleScript = `
import sys, time
print("the last words of", sys.argv[1], flush=True)
if sys.argv[1] == "failing":
    import secrets_of_a_job
    sys.exit(1)
time.sleep(600)
`

const lifecycleConfig, lifecycleSecret = "lifecycle-script", "lifecycle-secret"

// TestLifecycle leads applications through what happens between their submission
// and their end, on real Spark and a real node.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{jobNamespace, reviewedNamespace} {
		createConfigMap(t, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: lifecycleConfig},
			Data:       map[string]string{"main.py": lifecycleScript, "secrets_of_a_job.py": printsSecrets},
		})
		createSecret(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: lifecycleSecret}, StringData: map[string]string{"password": secretInSecret}})
	}
	t.Run("retries", func(t *testing.T) { bothWays(t, testRetries) })
	t.Run("suspension and edit", func(t *testing.T) { bothWays(t, testSuspensionAndEdit) })
	t.Run("lost drivers", testLostDrivers)
	t.Run("cleanup and time to live", testCleanup)
}

func driverOnly(name, argument string) *v1beta2.SparkApplication {
	app := sparkPi(name, argument)
	app.Spec.Type = v1beta2.SparkApplicationTypePython
	app.Spec.MainClass = nil
	app.Spec.MainApplicationFile = ptr.To("local:///opt/lifecycle/main.py")
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: lifecycleConfig, Path: "/opt/lifecycle"}}
	return app
}

// testRetries: an application whose driver always exits with 1 runs four times, and
// the status keeps the end of every log, without the secrets in it.
func testRetries(t *testing.T, namespace string) *v1beta2.SparkApplication {
	app := driverOnly("retries", "failing")
	app.Namespace = namespace
	withSecrets(app, lifecycleSecret)
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](3), OnFailureRetryInterval: ptr.To[int64](1),
	}
	failed := waitForState(t, create(t, app), v1beta2.ApplicationStateFailed)
	if failed.Status.ExecutionAttempts != 4 || len(failed.Status.Attempts) != 4 {
		t.Fatalf("%d executions, attempts %+v", failed.Status.ExecutionAttempts, failed.Status.Attempts)
	}
	submissions := map[string]bool{}
	for number, attempt := range failed.Status.Attempts {
		submissions[attempt.SubmissionID] = true
		if attempt.State != v1beta2.ApplicationStateFailed || ptr.Deref(attempt.ExitCode, -1) != 1 || attempt.FailureType != v1beta2.FailureTypeApplication {
			t.Errorf("attempt %d: %+v", number+1, attempt)
		}
		if !strings.Contains(attempt.LogTail, "the last words of failing") {
			t.Errorf("attempt %d: end of the log is %q", number+1, attempt.LogTail)
		}
		wantHidden(t, attempt.LogTail)
	}
	if len(submissions) != 4 {
		t.Errorf("%d different submissions", len(submissions))
	}
	return failed
}

func patchSpec(t *testing.T, app *v1beta2.SparkApplication, spec string) {
	t.Helper()
	_, err := cluster.spark.SparkoperatorV1beta2().SparkApplications(app.Namespace).Patch(t.Context(), app.Name, types.MergePatchType,
		[]byte(`{"spec":`+spec+`}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// waitForDriver waits until the driver of a submission other than that of before
// runs.
func waitForDriver(t *testing.T, app *v1beta2.SparkApplication, before string) *v1beta2.SparkApplication {
	t.Helper()
	return waitFor(t, app, "running anew", func(app *v1beta2.SparkApplication) bool {
		switch app.Status.AppState.State {
		case v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateFailed:
			t.Fatalf("%s ended: %+v", app.Name, app.Status)
		}
		return app.Status.AppState.State == v1beta2.ApplicationStateRunning && app.Status.SubmissionID != before
	})
}

// testSuspensionAndEdit: a job without an end, as of streaming, is suspended and
// resumed; then an edit lets it come to an end.
func testSuspensionAndEdit(t *testing.T, namespace string) *v1beta2.SparkApplication {
	app := sparkPi("streaming", "1", "600")
	app.Namespace = namespace
	app = create(t, app)
	first := waitFor(t, app, "running with an executor", func(app *v1beta2.SparkApplication) bool {
		for _, state := range app.Status.ExecutorState {
			if state == v1beta2.ExecutorStateRunning {
				return app.Status.AppState.State == v1beta2.ApplicationStateRunning
			}
		}
		return false
	})

	patchSpec(t, app, `{"suspend":true}`)
	suspended := waitForState(t, app, v1beta2.ApplicationStateSuspended)
	if suspended.Status.SparkApplicationID != "" || suspended.Status.DriverInfo.PodName != "" || suspended.Status.ExecutionAttempts != 0 {
		t.Errorf("status of a suspended application: %+v", suspended.Status)
	}
	waitForNone(t, first)

	patchSpec(t, app, `{"suspend":false}`)
	second := waitForDriver(t, app, first.Status.SubmissionID)
	patchSpec(t, app, `{"arguments":["2"]}`)
	done := waitForState(t, app, v1beta2.ApplicationStateCompleted)
	wantPi(t, done)
	if id := done.Status.SubmissionID; id == first.Status.SubmissionID || id == second.Status.SubmissionID {
		t.Errorf("the edited application has run as submission %s of before", id)
	}
	if drivers, err := pods(t.Context(), done, v1beta2.SparkRoleDriver); err != nil || len(drivers) != 1 {
		t.Errorf("%d driver pods, %v", len(drivers), err)
	}
	return done
}

// waitForNone waits until nothing of a run exists.
func waitForNone(t *testing.T, run *v1beta2.SparkApplication) {
	t.Helper()
	var left []string
	err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		left, err = leftovers(ctx, run)
		return len(left) == 0, err
	})
	if err != nil {
		t.Errorf("still there: %v (%v)", left, err)
	}
}

// testLostDrivers: a driver that is evicted is replaced without using up a retry,
// as the application asks; one that a user deletes uses up the only one there is.
func testLostDrivers(t *testing.T) {
	t.Parallel()
	app := driverOnly("lost", "waiting")
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnFailureRetryInterval: ptr.To[int64](1),
		InfrastructureFailures: &v1beta2.InfrastructureFailurePolicy{IntervalSeconds: ptr.To[int64](1)},
	}
	app = create(t, app)
	first := waitForDriver(t, app, "")
	drivers := cluster.core.CoreV1().Pods(app.Namespace)
	err := drivers.EvictV1(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: first.Status.DriverInfo.PodName, Namespace: app.Namespace}})
	if err != nil {
		t.Fatalf("evict: %v", err)
	}
	second := waitForDriver(t, app, first.Status.SubmissionID)
	if err := drivers.Delete(t.Context(), second.Status.DriverInfo.PodName, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](1)}); err != nil {
		t.Fatal(err)
	}
	third := waitForDriver(t, app, second.Status.SubmissionID)

	var kinds []v1beta2.FailureType
	for _, attempt := range third.Status.Attempts {
		kinds = append(kinds, attempt.FailureType)
	}
	want := []v1beta2.FailureType{v1beta2.FailureTypeInfrastructure, v1beta2.FailureTypeApplication, ""}
	if fmt.Sprint(kinds) != fmt.Sprint(want) || third.Status.ExecutionAttempts != 3 || third.Status.ForgivenAttempts != 1 {
		t.Errorf("failures %q, want %q; status %+v", kinds, want, third.Status)
	}
	if live, err := pods(t.Context(), third, v1beta2.SparkRoleDriver); err != nil || len(live) != 1 {
		t.Errorf("%d driver pods, %v", len(live), err)
	}
}

// testCleanup: the driver pod of a success goes at once where spec.cleanupPolicy
// says so; the application and all that is left of it go after its time to live.
func testCleanup(t *testing.T) {
	t.Parallel()
	app := sparkPi("cleanup", "1")
	app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: v1beta2.PodDeletionOnSuccess, ExecutorPods: v1beta2.PodDeletionAlways}
	app.Spec.Executor.DeleteOnTermination = ptr.To(false)
	app = create(t, app)
	done := waitForState(t, app, v1beta2.ApplicationStateCompleted)
	waitForNone(t, done)

	patchSpec(t, app, `{"timeToLiveSeconds":1}`)
	err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, err := cluster.spark.SparkoperatorV1beta2().SparkApplications(app.Namespace).Get(ctx, app.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		t.Errorf("not deleted after its time to live: %v", err)
	}
	waitForNone(t, done)
}

// TestTwoOperators lets two operators without leader election work on the same
// applications: each application gets one driver.
func TestTwoOperators(t *testing.T) {
	const applications = 10
	roles := metav1.ListOptions{LabelSelector: v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver}
	watcher, err := cluster.core.CoreV1().Pods(crashNamespace).Watch(t.Context(), roles)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	for range 2 {
		sim.StartOperator(t, cluster.operatorBinary, os.Getenv("KUBECONFIG"), crashNamespace)
	}
	var apps []*v1beta2.SparkApplication
	for i := range applications {
		app := sparkPi(fmt.Sprintf("contested-%d", i), "1")
		app.Namespace = crashNamespace
		app.Spec.Image = ptr.To("localhost/there-is-no-such-image:1")
		app.Spec.Driver.ServiceAccount = nil // the namespace has only the default one
		apps = append(apps, create(t, app))
	}
	submissions := map[string]string{}
	for _, app := range apps {
		status := waitForState(t, app, v1beta2.ApplicationStateSubmitted).Status
		submissions[app.Name] = status.SubmissionID
		if status.SubmissionAttempts != 1 || len(status.Attempts) != 1 {
			t.Errorf("%s: %d submissions, attempts %+v", app.Name, status.SubmissionAttempts, status.Attempts)
		}
	}
	// A pod that is created now is seen after every driver that was created before.
	last, err := cluster.core.CoreV1().Pods(crashNamespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "contested-last", Labels: map[string]string{v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "none", Image: "localhost/there-is-no-such-image:1"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cluster.core.CoreV1().Pods(crashNamespace).Delete(context.Background(), last.Name, metav1.DeleteOptions{})
	})
	drivers := map[string]int{}
	for event := range watcher.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || event.Type != watch.Added {
			continue
		}
		if pod.UID == last.UID {
			break
		}
		name := pod.Labels[v1beta2.LabelSparkAppName]
		drivers[name]++
		if id := pod.Labels[v1beta2.LabelSubmissionID]; submissions[name] != "" && id != submissions[name] {
			t.Errorf("driver of submission %s, the status of %s says %s", id, name, submissions[name])
		}
	}
	for name := range submissions {
		if drivers[name] != 1 {
			t.Errorf("%d drivers of %s were created", drivers[name], name)
		}
	}
}
