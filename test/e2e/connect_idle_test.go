// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"maps"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// connectIdleness has the Kubeflow SDK create a server and connect to it. The query of its
// session outlives the shortest time-out for idleness and keeps the server. Then the client is
// killed: Spark abandons the query, and the server stops when the time-out has passed since.
func connectIdleness(t *testing.T) {
	conf := patientSpark()
	delete(conf, "spark.kubernetes.allocation.driver.readinessTimeout") // as createConnect does
	conf["spark.kubernetes.executor.request.cores"] = "100m"
	maps.Copy(conf, abandonSoon())
	s := followConnect(t, "sdk-session")
	client := startSDK(t, s.name, conf)
	client.untilSays("running")
	first := s.untilReady()
	s.patch(map[string]any{"spec": map[string]any{"idleTimeout": idleTimeout.String()}})
	s.stays(first.Starts, "the query runs")
	client.untilSays("counted")
	seen := s.until("shows an open session", func(status *v1alpha1.SparkConnectStatus) bool { return ptr.Deref(status.OpenSessions, 0) > 0 })
	if !meta.IsStatusConditionTrue(seen.Conditions, v1alpha1.ConditionIdleDetection) {
		t.Errorf("status during the query: %+v", seen)
	}
	killed := time.Now()
	client.kill()
	stopped := s.untilIdle()
	if took := stopped.StoppedAt.Sub(killed); stopped.Starts != 1 || took < idleTimeout-2*time.Second {
		t.Errorf("stopped %v after the client was killed, want at least %v: %+v", took, idleTimeout, stopped)
	}
	s.untilPodsGone(first.Server.PodName)
}

// abandonSoon returns the properties by which Spark notices within half a minute that the
// client of an operation is gone, and abandons the operation.
func abandonSoon() map[string]string {
	return map[string]string{
		"spark.connect.execute.reattachable.senderMaxStreamDuration": "5s",
		"spark.connect.execute.manager.detachedTimeout":              "10s",
		"spark.connect.execute.manager.maintenanceInterval":          "2s",
	}
}

// idleTimeout is the shortest spec.idleTimeout.
const idleTimeout = time.Minute

// stays checks that a server is still there when idleTimeout has passed.
func (s *connectServer) stays(starts int64, while string) {
	s.t.Helper()
	time.Sleep(idleTimeout + 10*time.Second) // in which it would be probed, and stopped
	connect, err := cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace).Get(s.t.Context(), s.name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	if status := &connect.Status; status.State != v1alpha1.SparkConnectStateReady || status.Starts != starts {
		s.t.Errorf("status while %s: %+v", while, status)
	}
}

// connectStream lets a streaming query keep a server for longer than its time-out. When the
// query has ended, the server stops, although the session of the client stays open and Spark
// shows for ever that the operation runs which started the query.
func connectStream(t *testing.T) {
	s := createConnect(t, "spark-connect-sdk.yaml", func(connect *v1alpha1.SparkConnect) {
		connect.Spec.IdleTimeout = &metav1.Duration{Duration: idleTimeout}
		connect.Spec.Executor.Instances = ptr.To[int32](1) // the node has two CPUs for all tests
		// The client may be gone before it has said that it got the result of its last call. Until Spark abandons the operation
		// of the call, by default after up to seven minutes, the server is in use.
		maps.Copy(connect.Spec.SparkConf, abandonSoon())
	})
	status := s.untilReady()
	client := startPython(t, s.forward(status.Endpoint), "", "stream")
	client.untilSays("running")
	s.stays(status.Starts, "the streaming query runs")
	if _, err := client.in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	client.untilSays("stopped")
	ended := time.Now()
	if stopped := s.untilIdle(); stopped.StoppedAt.Sub(ended) < idleTimeout-2*time.Second || stopped.Starts != status.Starts {
		t.Errorf("stopped %v after the streaming query: %+v", stopped.StoppedAt.Sub(ended), stopped)
	}
	s.untilPodsGone(status.Server.PodName)
	s.wantEvents(map[string]int{"Started": 1, "Ready": 1, "Stopped": 1})
	s.delete()
	s.untilNothingLeft()
}

// untilIdle waits until the server was stopped because it was not in use.
func (s *connectServer) untilIdle() *v1alpha1.SparkConnectStatus {
	s.t.Helper()
	return s.until("is stopped for idleness", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.State == v1alpha1.SparkConnectStateNotReady && status.StopReason == v1alpha1.StopReasonIdle
	})
}
