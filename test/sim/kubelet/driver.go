// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// nodes is how many nodes the simulated cluster has.
const nodes = 100

// pullBackoff is how long after a failure an image is pulled again.
const pullBackoff = time.Second

// startDriver takes a driver from its creation to its start: the scheduler binds
// it, the kubelet reports that it creates the containers and then that they run.
func (k *Kubelet) startDriver(ctx context.Context, d *driver) {
	if k.config.Mounts && !k.mountable(ctx, d.pod) {
		k.steps.after(mountBackoff, func() { k.startDriver(ctx, d) })
		return
	}
	if !k.place(ctx, d.pod) {
		return
	}
	wait := d.life.Start
	if d.life.Outcome == FailPull {
		k.patchStatus(ctx, d.pod, pullFailed(d.pod, time.Now()))
		wait += pullBackoff
	}
	k.steps.after(wait, func() {
		if !k.patchStatus(ctx, d.pod, running(d.pod, k.address(), time.Now())) {
			return
		}
		k.emit(Running, d)
		k.createExecutors(ctx, d)
		k.steps.after(d.life.Run, func() {
			k.steps.when(ctx, d.life.Until, func() { k.endDriver(ctx, d) })
		})
	})
}

// mountBackoff is how long after a failure volumes are mounted again.
const mountBackoff = 200 * time.Millisecond

// mountable reports whether the ConfigMaps exist that a pod mounts, or the pod is gone.
func (k *Kubelet) mountable(ctx context.Context, pod *corev1.Pod) bool {
	for i := range pod.Spec.Volumes {
		source := pod.Spec.Volumes[i].ConfigMap
		if source == nil || ptr.Deref(source.Optional, false) {
			continue
		}
		exists := k.persist(ctx, func() error {
			return k.core.Get().Namespace(pod.Namespace).Resource("configmaps").Name(source.Name).Do(ctx).Error()
		})
		if !exists {
			return !k.persist(ctx, func() error {
				return k.core.Get().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).Do(ctx).Error()
			})
		}
	}
	return true
}

// place binds a pod to a node and reports that its containers are being created.
func (k *Kubelet) place(ctx context.Context, pod *corev1.Pod) bool {
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: fmt.Sprintf("node-%d", k.addresses.Load()%nodes)},
	}
	return k.persist(ctx, func() error {
		err := k.core.Post().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("binding").Body(binding).Do(ctx).Error()
		if apierrors.IsConflict(err) {
			return nil // bound by an earlier try whose answer was lost, or gone; the status shows it
		}
		return err
	}) && k.patchStatus(ctx, pod, creating(pod, time.Now()))
}

func (k *Kubelet) endDriver(ctx context.Context, d *driver) {
	k.deleteExecutors(ctx, d)
	if !k.patchStatus(ctx, d.pod, terminated(d.pod, d.life, time.Now())) {
		return
	}
	k.ended(d)
	k.emit(Ended, d)
	if d.life.Outcome == LoseNode {
		k.persist(ctx, func() error { return k.remove(ctx, d.pod) })
	}
}

// address is the next free address of a pod.
func (k *Kubelet) address() string {
	n := k.addresses.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff)
}

// patchStatus writes the status of a pod and reports whether the pod was there.
func (k *Kubelet) patchStatus(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) bool {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return false
	}
	return k.persist(ctx, func() error {
		return k.core.Patch(types.MergePatchType).Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("status").Body(patch).Do(ctx).Error()
	})
}

// remove deletes exactly this pod at once, as a kubelet does when its containers
// have ended.
func (k *Kubelet) remove(ctx context.Context, pod *corev1.Pod) error {
	return k.deletePod(ctx, pod.Namespace, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0),
		Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
	})
}

func (k *Kubelet) deletePod(ctx context.Context, namespace, name string, options metav1.DeleteOptions) error {
	return k.core.Delete().Namespace(namespace).Resource("pods").Name(name).Body(&options).Do(ctx).Error()
}
