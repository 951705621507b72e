// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func TestSparkPiCompletes(t *testing.T) {
	bothWays(t, func(t *testing.T, namespace string) *v1beta2.SparkApplication {
		app := sparkPi("pi-jvm", "2")
		app.Namespace = namespace
		done := waitForState(t, create(t, app), v1beta2.ApplicationStateCompleted)
		wantPi(t, done)

		status := done.Status
		if status.SparkApplicationID == "" || status.SubmissionID == "" {
			t.Errorf("ids missing: %+v", status)
		}
		if status.DriverInfo.PodName != "pi-jvm-driver" {
			t.Errorf("driver pod %q", status.DriverInfo.PodName)
		}
		if status.SubmissionAttempts != 1 || status.ExecutionAttempts != 1 {
			t.Errorf("attempts: %d submissions, %d executions", status.SubmissionAttempts, status.ExecutionAttempts)
		}
		if status.LastSubmissionAttemptTime.IsZero() || status.TerminationTime.IsZero() {
			t.Errorf("times missing: %+v", status)
		}
		if len(status.ExecutorState) != 1 {
			t.Errorf("executors: %v", status.ExecutorState)
		}
		for name, state := range status.ExecutorState {
			if state != v1beta2.ExecutorStateCompleted {
				t.Errorf("executor %s ended %s in a completed application", name, state)
			}
		}
		return done
	})
}

func TestPySparkPiCompletes(t *testing.T) {
	bothWays(t, func(t *testing.T, namespace string) *v1beta2.SparkApplication {
		app := sparkPi("pi-python", "2")
		app.Namespace = namespace
		app.Spec.Type = v1beta2.SparkApplicationTypePython
		app.Spec.MainClass = nil
		app.Spec.MainApplicationFile = ptr.To("local:///opt/spark/examples/src/main/python/pi.py")
		fieldsThatSparkOverrides(app)
		done, executor := runWatched(t, app)
		wantPi(t, done)
		wantOverridden(t, done, executor)
		return done
	})
}

func TestExitCodeIsReported(t *testing.T) {
	bothWays(t, func(t *testing.T, namespace string) *v1beta2.SparkApplication {
		app := sparkPi("exits-7", "1", "0", "7")
		app.Namespace = namespace
		failed := waitForState(t, create(t, app), v1beta2.ApplicationStateFailed)

		message := failed.Status.AppState.ErrorMessage
		if !strings.Contains(message, "driver container failed with ExitCode: 7") {
			t.Errorf("error message %q", message)
		}
		if len(failed.Status.Attempts) != 1 {
			t.Fatalf("attempts %+v", failed.Status.Attempts)
		}
		attempt := failed.Status.Attempts[0]
		if attempt.ExitCode == nil || *attempt.ExitCode != 7 || attempt.Reason == "" {
			t.Errorf("attempt %+v", attempt)
		}
		return failed
	})
}

func TestMissingImageStaysSubmitted(t *testing.T) {
	t.Parallel()
	before := operatorRestarts(t)
	app := sparkPi("no-image", "1")
	app.Spec.Image = ptr.To("localhost/there-is-no-such-image:1")
	created := create(t, app)
	waitForState(t, created, v1beta2.ApplicationStateSubmitted)

	// It must still be so when the kubelet has refused the image several times.
	waitFor(t, created, "refused by the kubelet", func(app *v1beta2.SparkApplication) bool {
		drivers, err := pods(t.Context(), app, v1beta2.SparkRoleDriver)
		if err != nil {
			t.Fatal(err)
		}
		for _, driver := range drivers {
			for _, container := range driver.Status.ContainerStatuses {
				if container.State.Waiting != nil && strings.HasPrefix(container.State.Waiting.Reason, "ErrImage") {
					return true
				}
			}
		}
		return false
	})
	time.Sleep(5 * time.Second)
	waitForState(t, created, v1beta2.ApplicationStateSubmitted)
	for container, restarts := range operatorRestarts(t) {
		if restarts.count != before[container].count {
			t.Errorf("%s: %s", container, restarts)
		}
	}
}

func TestDeleteWhileRunning(t *testing.T) {
	t.Parallel()
	app := create(t, sparkPi("deleted", "2", "300"))
	running := waitFor(t, app, "running with an executor", func(app *v1beta2.SparkApplication) bool {
		for _, state := range app.Status.ExecutorState {
			if state == v1beta2.ExecutorStateRunning {
				return app.Status.AppState.State == v1beta2.ApplicationStateRunning
			}
		}
		return false
	})
	if err := cluster.spark.SparkoperatorV1beta2().SparkApplications(app.Namespace).Delete(t.Context(), app.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := wait.PollUntilContextTimeout(t.Context(), time.Second, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		left, err = leftovers(ctx, running)
		return len(left) == 0, err
	})
	if err != nil {
		t.Errorf("still there after the application was deleted: %v (%v)", left, err)
	}
}

// leftovers names the objects that belong to the application's run.
func leftovers(ctx context.Context, app *v1beta2.SparkApplication) ([]string, error) {
	var left []string
	for _, role := range []string{v1beta2.SparkRoleDriver, v1beta2.SparkRoleExecutor} {
		found, err := pods(ctx, app, role)
		if err != nil {
			return nil, err
		}
		for _, pod := range found {
			left = append(left, "pod/"+pod.Name)
		}
	}
	selector := metav1.ListOptions{LabelSelector: v1beta2.LabelSparkApplicationSelector + "=" + app.Status.SparkApplicationID}
	services, err := cluster.core.CoreV1().Services(app.Namespace).List(ctx, selector)
	if err != nil {
		return nil, err
	}
	for _, service := range services.Items {
		left = append(left, "service/"+service.Name)
	}
	configMaps, err := cluster.core.CoreV1().ConfigMaps(app.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, configMap := range configMaps.Items {
		if strings.Contains(configMap.Data["spark.properties"], app.Status.SparkApplicationID) {
			left = append(left, "configmap/"+configMap.Name)
		}
	}
	return left, nil
}
