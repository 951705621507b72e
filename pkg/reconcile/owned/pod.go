// SPDX-License-Identifier: Apache-2.0

package owned

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// maxPodEvents bounds one read. Kubernetes merges repeated events, so that a pod
	// has few.
	maxPodEvents = 100
	// eventsTimeout limits one read, so that it delays no other work.
	eventsTimeout = 3 * time.Second
)

// PodEvents reads the events of a pod.
func PodEvents(ctx context.Context, client corev1client.EventsGetter, pod metav1.Object) ([]corev1.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	list, err := client.Events(pod.GetNamespace()).List(ctx, metav1.ListOptions{
		FieldSelector:  fields.OneTermEqualSelector("involvedObject.uid", string(pod.GetUID())).String(),
		Limit:          maxPodEvents,
		TimeoutSeconds: ptr.To(int64(eventsTimeout / time.Second)),
	})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// NodeLoss returns the evidence that the node of a pod that does not terminate is lost;
// empty if there is none, or if the operator may not look for it. Grace is how long a node
// may not report; 0 looks for no evidence.
func NodeLoss(ctx context.Context, client corev1client.NodesGetter, pod metav1.Object, name string, grace time.Duration, now time.Time) (evidence string, err error) {
	deletedByForce := ptr.Deref(pod.GetDeletionGracePeriodSeconds(), 1) == 0 // then a finalizer keeps it, and force is of no use
	if grace <= 0 || name == "" || deletedByForce || !reconcile.Stuck(pod.GetDeletionTimestamp(), now) {
		return "", nil
	}
	node, err := client.Nodes().Get(ctx, name, metav1.GetOptions{})
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
		if since := condition.LastTransitionTime; !now.Before(since.Add(grace)) {
			return fmt.Sprintf("node %s has not reported since %s", name, since.UTC().Format(time.RFC3339)), nil
		}
	}
	return "", nil
}

// DeletePodByForce deletes exactly this pod without the confirmation of its kubelet.
func DeletePodByForce(ctx context.Context, client corev1client.PodsGetter, pod metav1.Object, evidence string) error {
	klog.FromContext(ctx).Info("Force-deleting pod", "pod", klog.KObj(pod), "uid", pod.GetUID(), "evidence", evidence)
	options := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}
	if err := DeleteExactly(ctx, client.Pods(pod.GetNamespace()), pod.GetName(), pod.GetUID(), options); err != nil {
		return fmt.Errorf("force-delete pod %s: %w", pod.GetName(), err)
	}
	return nil
}
