// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"

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
	return owned.NodeLoss(ctx, r.kube.CoreV1(), pod.GetObjectMeta(), pod.Spec.NodeName, r.settings.NodeLossGracePeriod, in.Now)
}

// deletePodByForce deletes exactly this pod without the confirmation of its kubelet.
func (r *Runner) deletePodByForce(ctx context.Context, t *task, pod *podview.Pod, evidence string) error {
	if t.in.App.DeletionTimestamp == nil {
		if err := r.ensureCurrent(ctx, t); err != nil {
			return err
		}
	}
	return owned.DeletePodByForce(ctx, r.kube.CoreV1(), pod.GetObjectMeta(), evidence)
}
