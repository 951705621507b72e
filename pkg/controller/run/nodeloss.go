// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// examineNode looks for evidence that the node of the current driver is lost. The
// driver pod is force-deleted only once the status gives the cause, so that even a
// process that never saw the pod reports the end of the run correctly.
func (r *Runner) examineNode(ctx context.Context, t *task) error {
	evidence, err := r.nodeLoss(ctx, t.in, t.in.Driver)
	if err != nil || evidence == "" {
		return err
	}
	t.out.NodeLoss = evidence
	if !t.in.NodeLossRecorded() {
		return nil
	}
	return r.deletePodByForce(ctx, t, t.in.Driver, evidence)
}

// reclaim deletes a driver pod by force that should have gone long ago and whose
// node is lost.
func (r *Runner) reclaim(ctx context.Context, t *task, pod *podview.Pod) error {
	evidence, err := r.nodeLoss(ctx, t.in, pod)
	if err != nil || evidence == "" {
		return err
	}
	t.out.NodeLoss = evidence
	return r.deletePodByForce(ctx, t, pod, evidence)
}

// nodeLoss returns the evidence that the node of a stuck pod is lost; empty if
// there is none, or if the operator may not look for it.
func (r *Runner) nodeLoss(ctx context.Context, in *lifecycle.Input, pod *podview.Pod) (evidence string, err error) {
	grace, name := r.settings.NodeLossGracePeriod, pod.Spec.NodeName
	deletedByForce := ptr.Deref(pod.DeletionGracePeriodSeconds, 1) == 0 // then a finalizer keeps it, and force is of no use
	if grace <= 0 || name == "" || deletedByForce || !in.Stuck(pod) {
		return "", nil
	}
	node, err := r.kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
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
		if since := condition.LastTransitionTime; !in.Now.Before(since.Add(grace)) {
			return fmt.Sprintf("node %s has not reported since %s", name, since.UTC().Format(time.RFC3339)), nil
		}
	}
	return "", nil
}

// deletePodByForce deletes exactly this pod without the confirmation of its kubelet.
func (r *Runner) deletePodByForce(ctx context.Context, t *task, pod *podview.Pod, evidence string) error {
	if t.in.App.DeletionTimestamp == nil {
		if err := r.ensureCurrent(ctx, t); err != nil {
			return err
		}
	}
	klog.FromContext(ctx).Info("Force-deleting pod", "pod", klog.KObj(pod), "uid", pod.UID, "evidence", evidence)
	options := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}
	if err := owned.DeleteExactly(ctx, r.kube.CoreV1().Pods(pod.Namespace), pod.Name, pod.UID, options); err != nil {
		return fmt.Errorf("force-delete pod %s: %w", pod.Name, err)
	}
	return nil
}
