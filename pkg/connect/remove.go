// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// reasonCacheBehind is why a sync waits for the cache.
const reasonCacheBehind = "CacheBehind"

// ensureCurrent compares the cached object with the API server's before something is
// destroyed. A cache that lags behind may show a state in which the healthy server of today
// looks like one to be deleted.
func (c *Controller) ensureCurrent(ctx context.Context, in *input) error {
	live, err := c.client.SparkoperatorV1alpha1().SparkConnects(in.connect.Namespace).Get(ctx, in.connect.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("re-read: %w", err)
	}
	if live.UID != in.connect.UID || live.ResourceVersion != in.connect.ResourceVersion {
		return reconcile.WaitFor(reasonCacheBehind, "the cached SparkConnect is older than the stored one")
	}
	return nil
}

// deleteServer deletes the server pod that was observed, unless that is under way.
func (c *Controller) deleteServer(ctx context.Context, in *input) error {
	if in.pod.DeletionTimestamp != nil {
		return nil
	}
	if err := c.ensureCurrent(ctx, in); err != nil {
		return err
	}
	return c.deletePod(ctx, in.pod)
}

// deletePod deletes exactly this pod; it is no error if it is gone or another one has
// taken its name.
func (c *Controller) deletePod(ctx context.Context, pod *podview.Pod) error {
	klog.FromContext(ctx).V(2).Info("Deleting server pod", "pod", klog.KObj(pod), "uid", pod.UID)
	if err := owned.DeleteExactly(ctx, c.kube.CoreV1().Pods(pod.Namespace), pod.Name, pod.UID, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("pod %s: %w", pod.Name, err)
	}
	return nil
}

// confirmLost fails unless the API server, too, knows no server pod. Another server is not
// started on the word of a cache.
func (c *Controller) confirmLost(ctx context.Context, in *input) error {
	name := translate.ConnectServerName(in.connect)
	pod, err := c.kube.CoreV1().Pods(in.connect.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case reconcile.Gone(err):
		return c.ensureCurrent(ctx, in)
	case err != nil:
		return fmt.Errorf("pod %s: %w", name, err)
	case metav1.IsControlledBy(pod, in.connect) && pod.Labels[v1alpha1.LabelConnectName] != in.connect.Name:
		return reconcile.WaitFor(reasonCacheBehind, "server pod %s has lost its label %s=%s; restore it, or delete the pod", name, v1alpha1.LabelConnectName, in.connect.Name)
	case metav1.IsControlledBy(pod, in.connect):
		return reconcile.WaitFor(reasonCacheBehind, "server pod %s exists but is not in the cache", name)
	}
	return c.ensureCurrent(ctx, in)
}

// deleteConnect deletes the object if it has not changed since it was observed.
func (c *Controller) deleteConnect(ctx context.Context, in *input) error {
	connect := in.connect
	klog.FromContext(ctx).V(2).Info("Deleting SparkConnect", "stopReason", connect.Status.StopReason)
	err := c.client.SparkoperatorV1alpha1().SparkConnects(connect.Namespace).Delete(ctx, connect.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &connect.UID, ResourceVersion: &connect.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	return reconcile.IgnoreGone(err)
}
