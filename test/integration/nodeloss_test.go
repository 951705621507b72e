// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestLostNode: two drivers are deleted whose nodes do not confirm it. Of one the
// node has been silent for an hour: its pod goes, and the next run starts. The other
// node says that it is not ready, so its driver may be alive: its pod stays, and the
// status says what is waited for.
func TestLostNode(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, "lost-node")
	addNode(t, "lost-node-silent", corev1.ConditionUnknown)
	addNode(t, "lost-node-unready", corev1.ConditionFalse)
	// In the mode that has the permission to read nodes.
	sim.StartLimitedOperator(t, api, operatorBinary, namespace, "--namespace-selector=kubernetes.io/metadata.name="+namespace)
	silent := strand(t, namespace, "silent", "lost-node-silent")
	unready := strand(t, namespace, "unready", "lost-node-unready")

	// Nobody is asked before a minute has passed; waitFor waits as long.
	time.Sleep(30 * time.Second)
	driver := func(name string) *corev1.Pod {
		t.Helper()
		pod, err := api.Core.CoreV1().Pods(namespace).Get(t.Context(), name+"-driver", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return pod
	}
	if got := driver("silent").UID; got != silent {
		t.Fatalf("the driver %s was replaced by %s before its node was given time", silent, got)
	}

	app := waitFor(t, namespace, "silent", "submitted again", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted && len(app.Status.Attempts) == 2
	})
	first := app.Status.Attempts[0]
	if first.Reason != "NodeLost" || first.FailureType != "Infrastructure" || !strings.Contains(first.Message, "node lost-node-silent has not reported since ") {
		t.Errorf("first attempt: %+v", first)
	}
	if again := driver("silent"); again.UID == silent || again.DeletionTimestamp != nil {
		t.Errorf("the driver of the second run is %s, deleted at %v", again.UID, again.DeletionTimestamp)
	}

	app = waitFor(t, namespace, "unready", "Stalled", func(app *v1beta2.SparkApplication) bool {
		return meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionStalled)
	})
	stalled := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled)
	if stalled.Reason != "OldDriverTerminating" || !strings.Contains(stalled.Message, "node lost-node-unready does not confirm its termination") {
		t.Errorf("%s: %s", stalled.Reason, stalled.Message)
	}
	if got := driver("unready").UID; got != unready {
		t.Errorf("driver %s of a node that is not lost was replaced by %s", unready, got)
	}
}

// addNode adds a node whose condition Ready has been so for an hour.
func addNode(t *testing.T, name string, ready corev1.ConditionStatus) {
	t.Helper()
	nodes := api.Core.CoreV1().Nodes()
	node, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: ready, LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Hour)),
	}}
	if _, err := nodes.UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// strand has an application run on a node and deletes its driver, whose UID it
// returns. The pod stays, as there is no kubelet that confirms its end.
func strand(t *testing.T, namespace, name, node string) types.UID {
	t.Helper()
	app := sparkPi(name)
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type:                   v1beta2.RestartPolicyNever,
		InfrastructureFailures: &v1beta2.InfrastructureFailurePolicy{Retries: ptr.To[int32](1), IntervalSeconds: ptr.To[int64](1)},
	}
	if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	app = waitFor(t, namespace, name, "SUBMITTED", inState(v1beta2.ApplicationStateSubmitted))
	pods, driver := api.Core.CoreV1().Pods(namespace), app.Status.DriverInfo.PodName
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: driver}, Target: corev1.ObjectReference{Kind: "Node", Name: node}}
	if err := pods.Bind(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := setRunning(t, namespace, driver)
	waitFor(t, namespace, name, "RUNNING", inState(v1beta2.ApplicationStateRunning))
	if err := pods.Delete(t.Context(), driver, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](1)}); err != nil {
		t.Fatal(err)
	}
	return pod.UID
}
