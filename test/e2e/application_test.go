// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// patience is how long a test waits for one step of an application. A job takes
// about 15 s on an idle machine with two cores; CI machines are neither idle nor
// alone.
const patience = 8 * time.Minute

// sparkPi is a small JVM application; arguments go to SparkPi (slices, seconds to
// sleep per slice, exit code).
func sparkPi(name string, arguments ...string) *v1beta2.SparkApplication {
	pod := func() v1beta2.SparkPodSpec {
		return v1beta2.SparkPodSpec{
			Cores:  ptr.To[int32](1),
			Memory: ptr.To("512m"),
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false),
				Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				RunAsNonRoot:             ptr.To(true),
				SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		}
	}
	app := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: jobNamespace},
		Spec: v1beta2.SparkApplicationSpec{
			Type:                v1beta2.SparkApplicationTypeScala,
			SparkVersion:        cluster.sparkVersion,
			Image:               ptr.To(cluster.sparkImage),
			ImagePullPolicy:     ptr.To("Never"),
			MainClass:           ptr.To("org.apache.spark.examples.SparkPi"),
			MainApplicationFile: ptr.To("local:///opt/spark/examples/jars/spark-examples.jar"),
			Arguments:           arguments,
			SparkConf:           patientSpark(),
			Driver:              v1beta2.DriverSpec{SparkPodSpec: pod(), CoreRequest: ptr.To("100m")},
			Executor:            v1beta2.ExecutorSpec{SparkPodSpec: pod(), CoreRequest: ptr.To("100m"), Instances: ptr.To[int32](1)},
		},
	}
	app.Spec.Driver.ServiceAccount = ptr.To(serviceAccount)
	return app
}

// patientSpark keeps Spark from giving up on a machine that is busy with something
// else: its defaults end a driver that waits 10 s for an answer of the API server.
func patientSpark() map[string]string {
	return map[string]string{
		"spark.kubernetes.driver.requestTimeout":              "120000",
		"spark.kubernetes.driver.connectionTimeout":           "120000",
		"spark.kubernetes.allocation.driver.readinessTimeout": "120s",
		"spark.network.timeout":                               "600s",
		"spark.executor.heartbeatInterval":                    "60s",
	}
}

// create creates the application and deletes it when the test ends.
func create(t *testing.T, app *v1beta2.SparkApplication) *v1beta2.SparkApplication {
	t.Helper()
	apps := cluster.spark.SparkoperatorV1beta2().SparkApplications(app.Namespace)
	created, err := apps.Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create %s: %v", app.Name, err)
	}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own context has ended
		if t.Failed() {
			report(ctx, t, app.Namespace, app.Name)
		}
		err := apps.Delete(ctx, app.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("delete %s: %v", app.Name, err)
		}
	})
	return created
}

// waitFor polls until done says so, or fails the test with what it last saw.
func waitFor(t *testing.T, app *v1beta2.SparkApplication, what string, done func(*v1beta2.SparkApplication) bool) *v1beta2.SparkApplication {
	t.Helper()
	var last *v1beta2.SparkApplication
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		last, err = cluster.spark.SparkoperatorV1beta2().SparkApplications(app.Namespace).Get(ctx, app.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return done(last), nil
	})
	if err != nil {
		t.Fatalf("%s never became %s: %v; status %+v", app.Name, what, err, last.Status)
	}
	return last
}

func waitForState(t *testing.T, app *v1beta2.SparkApplication, state v1beta2.ApplicationStateType) *v1beta2.SparkApplication {
	t.Helper()
	return waitFor(t, app, string(state), func(app *v1beta2.SparkApplication) bool {
		got := app.Status.AppState.State
		if got != state && (got == v1beta2.ApplicationStateFailed || got == v1beta2.ApplicationStateCompleted) {
			t.Fatalf("%s ended %s instead of %s: %s", app.Name, got, state, app.Status.AppState.ErrorMessage)
		}
		return got == state
	})
}

func driverLog(ctx context.Context, namespace, pod string) (string, error) {
	return containerLog(ctx, namespace, pod, v1beta2.DriverContainerName)
}

func containerLog(ctx context.Context, namespace, pod, container string) (string, error) {
	stream, err := cluster.core.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	return string(text), err
}

func wantPi(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	log, err := driverLog(t.Context(), app.Namespace, app.Status.DriverInfo.PodName)
	if err != nil {
		t.Fatalf("read the driver's log: %v", err)
	}
	if !strings.Contains(log, "Pi is roughly 3") {
		t.Errorf("no Pi in the driver's log:\n%s", tail(log, 40))
	}
}

// pods returns the pods of an application by role.
func pods(ctx context.Context, app *v1beta2.SparkApplication, role string) ([]corev1.Pod, error) {
	list, err := cluster.core.CoreV1().Pods(app.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: fmt.Sprintf("%s=%s,%s=%s", v1beta2.LabelSparkAppName, app.Name, v1beta2.LabelSparkRole, role),
	})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// report prints status, driver log and events of the application of a failed test.
func report(ctx context.Context, t *testing.T, namespace, name string) {
	t.Helper()
	if app, err := cluster.spark.SparkoperatorV1beta2().SparkApplications(namespace).Get(ctx, name, metav1.GetOptions{}); err == nil {
		t.Logf("status of %s: %+v", name, app.Status)
		if log, err := driverLog(ctx, namespace, app.Status.DriverInfo.PodName); err == nil {
			t.Logf("driver log:\n%s", tail(log, 60))
		}
	}
	events, err := cluster.core.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Logf("list events: %v", err)
		return
	}
	for _, event := range events.Items {
		if strings.HasPrefix(event.InvolvedObject.Name, name) {
			t.Logf("event %s %s %s: %s", event.InvolvedObject.Name, event.Type, event.Reason, event.Message)
		}
	}
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
