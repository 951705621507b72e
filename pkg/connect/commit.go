// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"

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
	unseen, err := c.unkept.Remember(connect, stored, status, &stored.Status, loses(status, &stored.Status))
	if err != nil {
		return err
	}
	if unseen {
		c.queue.Add(cache.MetaObjectToName(connect))
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

// loses reports whether less of a status was kept than was sent, because the CRD is that of
// kubeflow/spark-operator.
func loses(sent, kept *v1alpha1.SparkConnectStatus) bool {
	return kept.ObservedGeneration != sent.ObservedGeneration || kept.Server.PodUID != sent.Server.PodUID || kept.Starts != sent.Starts
}
