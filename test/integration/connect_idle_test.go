// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/connectui"
)

// TestConnectIdleServer: by an operator that may do what its flags need and nothing else, a
// server that is in use is kept, and one that is not is stopped and woken. The test plays the
// kubelet and the web UI of the server.
func TestConnectIdleServer(t *testing.T) {
	t.Parallel()
	const address = "127.0.0.1"
	namespace := newNamespace(t, "connect-idle")
	uis, err := connectui.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = uis.Close() })
	if err := sim.CreateServiceAccount(t.Context(), api.Core, namespace, "spark"); err != nil {
		t.Fatal(err)
	}
	sim.StartLimitedOperator(t, api, operatorBinary, namespace)
	s := &server{t: t, namespace: namespace, name: "lab"}
	s.create(fmt.Sprintf(`
apiVersion: sparkoperator.k8s.io/v1alpha1
kind: SparkConnect
metadata:
  name: lab
spec:
  sparkVersion: 4.3.0
  image: apache/spark:4.3.0
  idleTimeout: 1m
  sparkConf: {spark.ui.port: "%d"}
  server: {serviceAccount: spark}
  executor: {}
`, uis.Port))
	hasPod := func(starts int64) func(*v1alpha1.SparkConnectStatus) bool {
		return func(status *v1alpha1.SparkConnectStatus) bool {
			return status.Starts == starts && status.Server.PodUID != ""
		}
	}
	s.until("has a server pod", hasPod(1))
	pod := s.pod()
	shown := connectui.Server{ApplicationID: pod.Labels[v1beta2.LabelSparkApplicationSelector], Sessions: 2, Running: 1}
	uis.Set(address, shown)
	s.runAt(address)
	status := s.until("sees that it is in use", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.OpenSessions != nil && *status.OpenSessions == 2 && status.LastActivityTime != nil
	})
	if !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionIdleDetection) || status.State != v1alpha1.SparkConnectStateReady {
		t.Errorf("status %+v", status)
	}

	// The two sessions stay open.
	shown.Running = 0
	uis.Set(address, shown)
	since := time.Now()
	status = s.within(3*time.Minute, "is stopped", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.StopReason == v1alpha1.StopReasonIdle
	})
	// The last probe that saw the operation was up to an interval of 10 seconds before.
	if took := time.Since(since); took < 49*time.Second {
		t.Errorf("stopped after %v", took)
	}
	if status.State != v1alpha1.SparkConnectStateNotReady || status.OpenSessions != nil || status.LastActivityTime == nil {
		t.Errorf("status of a stopped server: %+v", status)
	}
	s.gone(pod)

	s.patch(`{"metadata":{"annotations":{"sparkoperator.k8s.io/wake":"1"}}}`)
	s.until("is woken", hasPod(2))
	events, err := api.Core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=SparkConnect,reason=Stopped"})
	if err != nil || len(events.Items) != 1 || events.Items[0].Count > 1 {
		t.Errorf("events %+v, %v", events.Items, err)
	}
}
