// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// TestApplicationSelectorsShareANamespace: of two operators with complementary selectors,
// each runs its own applications, and a label moves an application or a schedule to the
// other, whatever it does at that time.
func TestApplicationSelectorsShareANamespace(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, "selectors")
	release := make(chan struct{})
	node := kubelet.New(kubelet.Config{Namespace: namespace, LifeOf: func(driver *corev1.Pod) kubelet.Life {
		if driver.Labels[v1beta2.LabelSparkAppName] == "others" {
			return kubelet.Life{}
		}
		return kubelet.Life{Until: release}
	}}, api.Core)
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Wait)
	apps := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	create := func(name string, labels map[string]string) {
		app := sparkPi(name)
		app.Labels = labels
		if _, err := apps.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	state := func(want v1beta2.ApplicationStateType) func(*v1beta2.SparkApplication) bool {
		return func(app *v1beta2.SparkApplication) bool { return app.Status.AppState.State == want }
	}
	create("moves", map[string]string{"team": "a"})
	create("others", nil)

	// While b does not run yet, its applications wait.
	a := startLogged(t, "--namespaces", namespace, "--application-selector", "team=a")
	driver := waitFor(t, namespace, "moves", "RUNNING", state(v1beta2.ApplicationStateRunning)).Status.DriverInfo
	uid := podUID(t, namespace, driver.PodName)
	if app, err := apps.Get(t.Context(), "others", metav1.GetOptions{}); err != nil || app.Status.AppState.State != "" {
		t.Errorf("the application of the other operator is %q, %v", app.Status.AppState.State, err)
	}
	b := startLogged(t, "--namespaces", namespace, "--application-selector", "team!=a")
	waitFor(t, namespace, "others", "COMPLETED", state(v1beta2.ApplicationStateCompleted))

	// A schedule whose run goes on as it moves: its new owner counts that run, so a request is skipped.
	schedule := newSchedule("nightly", "0 0 1 1 *")
	schedule.Labels = map[string]string{"team": "a"}
	schedule.Annotations = map[string]string{v1beta2.AnnotationRunNow: "first"}
	schedule.Spec.ConcurrencyPolicy = v1beta2.ConcurrencyForbid
	createSchedule(t, namespace, schedule)
	first := waitSchedule(t, namespace, "nightly", "run once", func(s *v1beta2.ScheduledSparkApplicationStatus) bool { return s.LastRunName != "" }).LastRunName
	waitFor(t, namespace, first, "RUNNING", state(v1beta2.ApplicationStateRunning))
	patchSchedule(t, namespace, "nightly", `{"metadata":{"labels":{"team":"b"},"annotations":{"`+v1beta2.AnnotationRunNow+`":"second"}}}`)
	if _, err := apps.Patch(t.Context(), "moves", types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"b"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if runs, err := apps.List(t.Context(), metav1.ListOptions{LabelSelector: v1beta2.LabelScheduledSparkAppName + "=nightly"}); err != nil || len(runs.Items) != 1 {
		t.Errorf("%d runs at once, %v", len(runs.Items), err)
	}
	close(release)
	app := waitFor(t, namespace, "moves", "COMPLETED", state(v1beta2.ApplicationStateCompleted))
	if app.Status.SubmissionAttempts != 1 || podUID(t, namespace, driver.PodName) != uid {
		t.Errorf("the application was submitted %d times, its driver was %s and is %s", app.Status.SubmissionAttempts, uid, podUID(t, namespace, driver.PodName))
	}
	waitFor(t, namespace, first, "COMPLETED", state(v1beta2.ApplicationStateCompleted))
	waitSchedule(t, namespace, "nightly", "aware of the end of its run", func(s *v1beta2.ScheduledSparkApplicationStatus) bool {
		return slices.Contains(s.PastSuccessfulRunNames, first)
	})
	patchSchedule(t, namespace, "nightly", `{"metadata":{"annotations":{"`+v1beta2.AnnotationRunNow+`":"third"}}}`)
	second := waitSchedule(t, namespace, "nightly", "run twice", func(s *v1beta2.ScheduledSparkApplicationStatus) bool {
		return s.LastRunName != "" && s.LastRunName != first
	}).LastRunName
	if app := waitFor(t, namespace, second, "COMPLETED", state(v1beta2.ApplicationStateCompleted)); app.Labels["team"] != "b" {
		t.Errorf("labels of the run: %v", app.Labels)
	}
	if overlaps := node.Overlaps(); len(overlaps) > 0 {
		t.Errorf("drivers at once: %v", overlaps)
	}
	for _, line := range []struct {
		of   string
		log  func() string
		name string
		to   v1beta2.ApplicationStateType
		want bool
	}{
		{"a", a.Log, "moves", v1beta2.ApplicationStateRunning, true},
		{"a", a.Log, "moves", v1beta2.ApplicationStateCompleted, false},
		{"b", b.Log, "moves", v1beta2.ApplicationStateRunning, false},
		{"b", b.Log, "moves", v1beta2.ApplicationStateCompleted, true},
		{"a", a.Log, "others", "", false},
		{"b", b.Log, "others", v1beta2.ApplicationStateCompleted, true},
		{"a", a.Log, first, v1beta2.ApplicationStateRunning, true},
		{"a", a.Log, first, v1beta2.ApplicationStateCompleted, true},
		{"a", a.Log, second, "", false},
		{"b", b.Log, second, v1beta2.ApplicationStateCompleted, true},
	} {
		got := transitioned(line.log(), namespace+"/"+line.name, line.to)
		for range 50 { // the line follows the write of the status
			if got || !line.want {
				break
			}
			time.Sleep(100 * time.Millisecond)
			got = transitioned(line.log(), namespace+"/"+line.name, line.to)
		}
		if got != line.want {
			t.Errorf("operator %s brought %s to %q: %t, want %t", line.of, line.name, line.to, got, line.want)
		}
	}
}

// transitioned reports whether a log has a transition of an application to a state; any
// if it is empty.
func transitioned(log, name string, to v1beta2.ApplicationStateType) bool {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "State changed") && strings.Contains(line, `sparkApplication="`+name+`"`) &&
			(to == "" || strings.Contains(line, `to="`+string(to)+`"`)) {
			return true
		}
	}
	return false
}

func podUID(t *testing.T, namespace, name string) types.UID {
	t.Helper()
	pod, err := api.Core.CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod.UID
}
