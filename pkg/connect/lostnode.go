// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"fmt"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// stuck reports whether the server pod should have gone long ago, which its node has to
// confirm. The next server waits for it.
func (in *input) stuck() bool {
	return in.own() && in.pod.Spec.NodeName != "" && reconcile.Stuck(in.pod.DeletionTimestamp, in.now)
}

// examineNode deletes the server pod by force if its node is lost.
func (c *Controller) examineNode(ctx context.Context, in *input, out *outcome) error {
	pod := in.pod.GetObjectMeta()
	evidence, err := owned.NodeLoss(ctx, c.kube.CoreV1(), pod, in.pod.Spec.NodeName, c.config.NodeLossGracePeriod, in.now)
	if err != nil || evidence == "" {
		return err
	}
	if err := c.ensureCurrent(ctx, in); err != nil {
		return err
	}
	out.nodeLoss = evidence
	return owned.DeletePodByForce(ctx, c.kube.CoreV1(), pod, evidence)
}

var explainNodeLoss = &effect{"record that the node is lost, or that the operator waits for it", func(in *input, out *outcome, status *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
	switch {
	case phaseOf(status) == phaseFailed:
		// why is more than what
	case out.nodeLoss != "":
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonNodeLost, "server pod "+in.pod.Name+" was lost: "+out.nodeLoss)
	default:
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonTerminating, fmt.Sprintf(
			"server pod %s was deleted, but node %s does not confirm its termination; recover the node, or force-delete the pod once the server is known to be dead",
			in.pod.Name, in.pod.Spec.NodeName))
	}
}}

// rest says again why a server is stopped after its pod was waited for.
var rest = &effect{"", func(_ *input, _ *outcome, _ *v1alpha1.SparkConnectStatus, c reconcile.Conditions) {
	present, stopped := c.Find(v1alpha1.ConditionServerPodReady), c.Find(v1alpha1.ConditionSuspended)
	if present != nil && stopped != nil && (present.Reason == reasonTerminating || present.Reason == reasonNodeLost) {
		c.SetFalse(v1alpha1.ConditionServerPodReady, reasonStopped, stopped.Message)
	}
}}
