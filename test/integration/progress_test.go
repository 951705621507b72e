// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestProgressAndUsage: an operator that may do what its flags need and nothing else shows how far
// a driver is, in the status and in kubectl's column, and at its end what its pod reserved. The
// test plays the kubelet and the web UI of the driver.
func TestProgressAndUsage(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, "progress")
	id := make(chan string, 1)
	ui := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := <-id
		id <- known
		switch strings.TrimPrefix(r.URL.Path, "/api/v1/applications/"+known) {
		case "/jobs":
			fmt.Fprint(w, `[{"jobId":0,"stageIds":[0,1,2],"numCompletedStages":1,"numActiveTasks":4,"numFailedTasks":2}]`)
		case "/allexecutors":
			fmt.Fprint(w, `[{"id":"driver","peakMemoryMetrics":{"JVMHeapMemory":100000000,"JVMOffHeapMemory":50000000}},
				{"id":"1","isActive":true,"totalCores":8,"maxTasks":4,"activeTasks":3}]`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(ui.Close)
	address := netip.MustParseAddrPort(strings.TrimPrefix(ui.URL, "http://"))
	sim.StartLimitedOperator(t, api, operatorBinary, namespace)

	client := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "pi"}}
	app.Spec = v1beta2.SparkApplicationSpec{
		Type: "Scala", SparkVersion: "4.3.0", Image: ptr.To("apache/spark:4.3.0"), MainClass: ptr.To("Main"), MainApplicationFile: ptr.To("local:///a.jar"),
		SparkConf: map[string]string{"spark.ui.port": strconv.Itoa(int(address.Port()))},
		Progress:  &v1beta2.ProgressConfiguration{PeriodSeconds: ptr.To[int64](10)},
	}
	if _, err := client.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	until := func(what string, holds func(*v1beta2.SparkApplication) bool) *v1beta2.SparkApplication {
		t.Helper()
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (_ bool, err error) {
			app, err = client.Get(ctx, "pi", metav1.GetOptions{})
			return err == nil && holds(app), err
		})
		if err != nil {
			t.Fatalf("the application never %s: %v, status %+v", what, err, app.Status)
		}
		return app
	}
	app = until("is submitted", func(app *v1beta2.SparkApplication) bool { return app.Status.SparkApplicationID != "" })
	id <- app.Status.SparkApplicationID

	started := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	driver := func(phase corev1.PodPhase, state corev1.ContainerState) {
		t.Helper()
		pods := api.Core.CoreV1().Pods(namespace)
		pod, err := pods.Get(t.Context(), app.Status.DriverInfo.PodName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pod.Status.Phase, pod.Status.StartTime, pod.Status.PodIP = phase, &started, address.Addr().String()
		pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, State: state}}
		if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	driver(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}})
	app = until("shows its progress", func(app *v1beta2.SparkApplication) bool { return app.Status.Progress != nil })
	if p := app.Status.Progress; p.Summary != "1/3 stages" || p.TasksActive != 4 || p.TasksFailed != 2 || p.SampleTime == nil || p.Message != "" {
		t.Errorf("progress %+v", p)
	}
	if row := table(t, namespace, "sparkapplications", "pi"); row["Progress"] != "1/3 stages" {
		t.Errorf("column %v", row["Progress"])
	}
	driver(corev1.PodSucceeded, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: "Completed", StartedAt: started, FinishedAt: metav1.Now(),
	}})
	app = until("completes", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateCompleted
	})
	attempt := app.Status.Attempts[0]
	if attempt.Peaks == nil || attempt.Peaks.Driver.JVMHeapBytes != 100000000 || attempt.Peaks.Driver.RequestedBytes != 1408<<20 {
		t.Errorf("peaks %+v", attempt.Peaks)
	}
	if got, want := ptr.Deref(attempt.Peaks.ExecutorCores, v1beta2.ExecutorCoresPeak{}), (v1beta2.ExecutorCoresPeak{Cores: 8, OccupiedCores: 6, Samples: 1}); got != want {
		t.Errorf("cores of executors %+v, want %+v", got, want)
	}
	// An hour, and the seconds that this test takes.
	if u := attempt.Usage; u == nil || u.Driver.CoreSeconds < 3590 || u.Driver.CoreSeconds > 3700 || u.Incomplete {
		t.Errorf("usage %+v", u)
	}
}
