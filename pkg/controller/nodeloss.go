// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// A deleted pod whose node does not answer never terminates: no kubelet confirms its
// end. It is force-deleted only on evidence that the node is lost, because its driver
// may still run behind a broken network.

// stuckAfter is how long past its grace period a pod may take to terminate before the
// status says so, and before the operator reads its node.
const stuckAfter = time.Minute

// stuckDriver returns a driver pod that should have gone long ago; nil for none.
func (in *input) stuckDriver() *podview.Pod {
	for _, pod := range in.drivers() {
		if in.stuck(pod) {
			return pod
		}
	}
	return nil
}

// stuck reports whether a pod should have gone long ago. Its deletion timestamp is
// the end of its grace period.
func (in *input) stuck(pod *podview.Pod) bool {
	return pod.DeletionTimestamp != nil && !in.now.Before(pod.DeletionTimestamp.Add(stuckAfter))
}

// currentDriverStuck reports that this holds for the driver of the run under way.
func (in *input) currentDriverStuck() bool { return in.driver != nil && in.stuck(in.driver) }

// nodeLossRecorded reports whether the status says that the node of the driver is
// lost.
func (in *input) nodeLossRecorded() bool {
	ready := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionDriverReady)
	return ready != nil && ready.Reason == reasonNodeLost
}

// examineNode looks for evidence that the node of the current driver is lost. The
// driver pod is force-deleted only once the status gives the cause, so that even a
// process that never saw the pod reports the end of the run correctly.
func (c *Controller) examineNode(ctx context.Context, t *task) error {
	evidence, err := c.nodeLoss(ctx, t.in, t.in.driver)
	if err != nil || evidence == "" {
		return err
	}
	t.out.nodeLoss = evidence
	if !t.in.nodeLossRecorded() {
		return nil
	}
	return c.deletePodByForce(ctx, t, t.in.driver, evidence)
}

// reclaim deletes a driver pod by force that should have gone long ago and whose
// node is lost.
func (c *Controller) reclaim(ctx context.Context, t *task, pod *podview.Pod) error {
	evidence, err := c.nodeLoss(ctx, t.in, pod)
	if err != nil || evidence == "" {
		return err
	}
	t.out.nodeLoss = evidence
	return c.deletePodByForce(ctx, t, pod, evidence)
}

// nodeLoss returns the evidence that the node of a stuck pod is lost; empty if
// there is none, or if the operator may not look for it.
func (c *Controller) nodeLoss(ctx context.Context, in *input, pod *podview.Pod) (evidence string, err error) {
	grace, name := c.settings.NodeLossGracePeriod, pod.Spec.NodeName
	deletedByForce := ptr.Deref(pod.DeletionGracePeriodSeconds, 1) == 0 // then a finalizer keeps it, and force is of no use
	if grace <= 0 || name == "" || deletedByForce || !in.stuck(pod) {
		return "", nil
	}
	node, err := c.kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("node %s no longer exists", name), nil
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		klog.FromContext(ctx).V(2).Info("Cannot determine whether the node of a pod is lost", "pod", klog.KObj(pod), "node", name, "reason", err)
		return "", nil
	case err != nil:
		return "", fmt.Errorf("node %s: %w", name, err)
	}
	for _, condition := range node.Status.Conditions {
		// A node that says itself that it is not ready still has a kubelet, which may
		// yet confirm the end of the pod. Only silence is evidence.
		if condition.Type != corev1.NodeReady || condition.Status != corev1.ConditionUnknown {
			continue
		}
		if since := condition.LastTransitionTime; !in.now.Before(since.Add(grace)) {
			return fmt.Sprintf("node %s has not reported since %s", name, since.UTC().Format(time.RFC3339)), nil
		}
	}
	return "", nil
}

// deletePodByForce deletes exactly this pod without the confirmation of its kubelet.
func (c *Controller) deletePodByForce(ctx context.Context, t *task, pod *podview.Pod, evidence string) error {
	if t.in.app.DeletionTimestamp == nil {
		if err := c.ensureCurrent(ctx, t); err != nil {
			return err
		}
	}
	klog.FromContext(ctx).Info("Force-deleting pod", "pod", klog.KObj(pod), "uid", pod.UID, "evidence", evidence)
	options := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
	err := c.kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("force-delete pod %s: %w", pod.Name, err)
	}
	return nil
}

// setNodeLoss notes that the node of the driver is lost, or that it is waited for.
func setNodeLoss(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if out.nodeLoss == "" {
		setWaiting(in, out, status, c)
		return
	}
	c.Set(v1beta2.ConditionDriverReady, metav1.ConditionUnknown, reasonNodeLost, out.nodeLoss)
	if isStalled(status, reasonOldDriver) { // no action is needed any more
		c.Remove(v1beta2.ConditionStalled)
	}
}

// setWaiting says which driver pod is waited for, unless it has just been deleted
// by force.
func setWaiting(in *input, out *outcome, _ *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	if pod := in.stuckDriver(); pod != nil && out.nodeLoss == "" {
		c.SetTrue(v1beta2.ConditionStalled, reasonOldDriver, fmt.Sprintf(
			"driver pod %s was deleted, but node %s does not confirm its termination; recover the node, or force-delete the pod once the driver is known to be dead", pod.Name, pod.Spec.NodeName))
	}
}
