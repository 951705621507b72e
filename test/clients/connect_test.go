// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestSDKConnects: the Kubeflow SDK creates its SparkConnect, waits until the operator says
// that the server is ready, and connects to the Service of the status. The test plays the
// kubelet.
func TestSDKConnects(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	const namespace = "sdk-connect"
	if err := sim.CreateNamespace(t.Context(), w.Core, namespace); err != nil {
		t.Fatal(err)
	}
	sim.StartOperator(t, w.operatorBinary, w.Kubeconfig, namespace)
	connected := make(chan result, 1)
	go func() {
		var got result
		if err := w.sdk.tryAsk(t, "connect", map[string]any{"namespace": namespace, "name": "lab"}, &got); err != nil {
			got.Message = err.Error()
		}
		connected <- got
	}()
	pods := w.Core.CoreV1().Pods(namespace)
	var server *corev1.Pod
	w.poll(t, "server pod", func(ctx context.Context) (done bool, seen string) {
		var err error
		server, err = pods.Get(ctx, "lab-server", metav1.GetOptions{})
		return err == nil, fmt.Sprint(err)
	})
	server.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "10.1.2.3", PodIPs: []corev1.PodIP{{IP: "10.1.2.3"}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	if _, err := pods.UpdateStatus(t.Context(), server, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-connected, "sc://lab-server."+namespace+".svc.cluster.local:15002"; got.Verdict != want {
		t.Errorf("connected to %q (%s), want %q", got.Verdict, got.Message, want)
	}
	service, err := w.Core.CoreV1().Services(namespace).Get(t.Context(), "lab-server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(service.Spec.Ports) != 4 || service.Spec.Ports[3].Port != v1alpha1.DefaultPort {
		t.Errorf("ports %+v", service.Spec.Ports)
	}
}
