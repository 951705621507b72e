// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// TestForgedRunObjects: whoever may edit pods writes names of others' objects into
// the annotation of a driver pod. The operator, which may delete them, does not.
func TestForgedRunObjects(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)

	victim := metav1.ObjectMeta{Name: "victim", Namespace: "ns", UID: "of-the-victim"}
	core, networking := corev1.SchemeGroupVersion, networkingv1.SchemeGroupVersion
	victims := map[schema.GroupVersionResource]runtime.Object{
		core.WithResource("services"):              &corev1.Service{ObjectMeta: victim},
		core.WithResource("secrets"):               &corev1.Secret{ObjectMeta: victim},
		networking.WithResource("networkpolicies"): &networkingv1.NetworkPolicy{ObjectMeta: victim},
	}
	for resource, object := range victims {
		if err := c.kube.Tracker().Create(resource, object, "ns"); err != nil {
			t.Fatal(err)
		}
	}
	services := c.services()
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Annotations[v1beta2.AnnotationRunObjects] += ",Service/victim,Secret/victim,NetworkPolicy/victim,Service/,/,victim"
	})
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)

	for resource := range victims {
		if _, err := c.kube.Tracker().Get(resource, "ns", "victim"); err != nil {
			t.Errorf("%s: %v", resource.Resource, err)
		}
	}
	if services <= 1 || c.services() != 1 {
		t.Errorf("of %d services %d are left, want the victim's alone", services, c.services())
	}
}
