// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// node-1 has the server. Its condition Ready is this since a time; empty for no node.
func (c *cluster) setNode(status corev1.ConditionStatus, since time.Time) {
	c.t.Helper()
	nodes := corev1.SchemeGroupVersion.WithResource("nodes")
	c.change(func() {
		if err := c.kube.Tracker().Delete(nodes, "", "node-1"); err != nil && !apierrors.IsNotFound(err) {
			c.t.Fatal(err)
		}
		if status == "" {
			return
		}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status, LastTransitionTime: metav1.NewTime(since)}}
		c.must(c.kube.Tracker().Create(nodes, node, ""))
	})
}

// loseNode puts the server on a node that becomes silent. Then the server pod is deleted, as
// the taint manager does, unless the operator has done that.
func (c *cluster) loseNode() {
	c.t.Helper()
	c.change(func() {
		c.silent = true
		pod := c.pod().DeepCopy()
		pod.Spec.NodeName = "node-1"
		pod.ResourceVersion = c.nextVersion()
		if pod.DeletionTimestamp == nil {
			pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = ptr.To(metav1.NewTime(time.Now().Add(30*time.Second))), ptr.To[int64](30)
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
				Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByTaintManager", Message: "Taint manager: deleting due to NoExecute taint",
			})
		}
		c.must(c.kube.Tracker().Update(podsResource, pod, "jobs"))
	})
	c.letPass(time.Second)
}

// TestServersOnLostNodesAreReplaced: a server pod that does not terminate is deleted by
// force once its node is known to be lost, and not before. The next server waits for that.
func TestServersOnLostNodesAreReplaced(t *testing.T) {
	for name, evidence := range map[string]struct {
		status corev1.ConditionStatus
		text   string
	}{
		"silent": {corev1.ConditionUnknown, "node node-1 has not reported since"},
		"gone":   {"", "node node-1 no longer exists"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.ready()
				first := c.pod().UID
				since := time.Now()
				c.setNode(corev1.ConditionUnknown, since)
				c.loseNode()
				c.want(notReady, reasonTerminating, "is being deleted; its grace period ends at")
				c.want(notReady, reasonTerminating, "DeletionByTaintManager")
				c.letPass(2 * time.Minute)
				c.want(notReady, reasonTerminating, "but node node-1 does not confirm its termination; recover the node, or force-delete the pod")
				if len(c.pods) != 1 || c.pod().UID != first {
					t.Fatalf("%d pods before the node is lost", len(c.pods))
				}
				writes := c.statusWrites()
				c.letPass(time.Minute)
				if more := c.statusWrites() - writes; more > 0 {
					t.Errorf("%d writes while the node is waited for", more)
				}
				c.setNode(evidence.status, since)
				c.letPass(3 * time.Minute)
				if len(c.pods) != 2 || c.pod() == nil || c.pod().UID == first {
					t.Fatalf("%d pods after the node was lost", len(c.pods))
				}
				c.change(func() { c.silent = false })
				c.report(running(true))
				c.letPass(time.Second)
				if status := c.want(ready, reasonReady, ""); status.Restarts != 0 || status.Starts != 2 {
					t.Errorf("%d restarts, %d starts", status.Restarts, status.Starts)
				}
			})
		})
	}
}

// TestNoServerIsDeletedByForceInDoubt: the node answers, or the operator may not read it.
func TestNoServerIsDeletedByForceInDoubt(t *testing.T) {
	for name, arrange := range map[string]func(c *cluster){
		"the node is ready":              func(c *cluster) { c.setNode(corev1.ConditionTrue, time.Now()) },
		"the node says it is not ready":  func(c *cluster) { c.setNode(corev1.ConditionFalse, time.Now()) },
		"the operator may not read it":   func(c *cluster) { c.kube.PrependReactor("get", "nodes", forbidden) },
		"the API server does not answer": func(c *cluster) { c.kube.PrependReactor("get", "nodes", unavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.ready()
				arrange(c)
				c.loseNode()
				for range 30 {
					c.letPass(time.Minute)
				}
				if len(c.pods) != 1 || c.pod() == nil {
					t.Fatalf("%d pods", len(c.pods))
				}
				c.want(notReady, reasonTerminating, "server pod lab-server")
			})
		})
	}
}

func forbidden(clienttesting.Action) (bool, runtime.Object, error) {
	return true, nil, apierrors.NewForbidden(corev1.Resource("nodes"), "node-1", nil)
}

func unavailable(clienttesting.Action) (bool, runtime.Object, error) {
	return true, nil, apierrors.NewServiceUnavailable("overloaded")
}

// TestStoppedServersOnLostNodes: a stop ends with the lost node, says meanwhile what it
// waits for, and a wake during the wait is not lost.
func TestStoppedServersOnLostNodes(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		since := time.Now()
		c.setNode(corev1.ConditionUnknown, since)
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
		c.loseNode()
		c.want(notReady, reasonStopped, "spec.suspend is true")
		c.letPass(2 * time.Minute)
		status := c.want(notReady, reasonTerminating, "node node-1 does not confirm its termination")
		if suspended := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSuspended); suspended == nil || !strings.Contains(suspended.Message, "spec.suspend is true") {
			t.Errorf("condition %+v", suspended)
		}
		c.letPass(5 * time.Minute)
		c.letPass(time.Minute)
		c.want(notReady, reasonStopped, "spec.suspend is true")
		if c.pod() != nil {
			t.Error("the pod is left")
		}
		c.change(func() { c.silent = false })
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = nil })
		c.letPass(time.Second)
		if len(c.pods) != 2 || c.count(eventStopped) != 1 {
			t.Errorf("%d pods, %d stops", len(c.pods), c.count(eventStopped))
		}
	})
}
