// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// commit writes the status if it differs from the one that was read. Events, metrics and
// the log follow the write. This is the only place that writes a status.
func (c *Controller) commit(ctx context.Context, in *input, out *outcome, status *v1alpha1.SparkConnectStatus) error {
	connect := in.connect
	if equality.Semantic.DeepEqual(&connect.Status, status) {
		return nil
	}
	_, stored, written, err := loop.Commit[*v1alpha1.SparkConnect]{
		Client: c.client.SparkoperatorV1alpha1().SparkConnects(connect.Namespace),
		Fresh:  c.fresh, Cache: freshConnects,
	}.Write(ctx, &v1alpha1.SparkConnect{ObjectMeta: loop.Identity(connect), Status: *status})
	if err != nil || !written || c.config.DryRun {
		return err
	}
	if err := c.remember(connect, status, stored); err != nil {
		return err
	}
	if from, to := phaseOf(&connect.Status), phaseOf(status); from != to {
		klog.FromContext(ctx).Info("State changed", "from", from, "to", to, "stopReason", status.StopReason)
	}
	if stopped(&connect.Status, status) {
		c.metrics.stopped(connect.Namespace, status.StopReason)
	}
	loop.Emit(c.recorder, connect, transitionEvents(in, out, status), c.config.Redact)
	return nil
}

// stopped reports whether a status says that the server was stopped, and the one before
// did not.
func stopped(before, after *v1alpha1.SparkConnectStatus) bool {
	return after.StopReason != "" && after.StopReason != before.StopReason
}

// remember keeps what the API server dropped of a status, because the CRD is that of
// kubeflow/spark-operator. Where it kept nothing new there is no event, but the next look
// has to follow nevertheless.
func (c *Controller) remember(connect *v1alpha1.SparkConnect, sent *v1alpha1.SparkConnectStatus, written *v1alpha1.SparkConnect) error {
	key, kept := cache.MetaObjectToName(connect), &written.Status
	if kept.ObservedGeneration == sent.ObservedGeneration && kept.Server.PodUID == sent.Server.PodUID && kept.Starts == sent.Starts {
		c.unkept.Forget(key)
		return nil
	}
	changed, err := c.unkept.Wrote(key, connect.UID, sent, kept)
	if err != nil {
		return fmt.Errorf("remember status: %w", err)
	}
	if changed && written.ResourceVersion == connect.ResourceVersion {
		c.queue.Add(key)
	}
	return nil
}
