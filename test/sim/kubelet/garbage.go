// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The garbage collector of thousands of runs: it knows where a driver pod says what
// belongs to it, and lists nothing. Package garbage has one that needs no such
// knowledge.

// Collect deletes the drivers of an application that is gone, as the garbage
// collector does.
func (k *Kubelet) Collect(ctx context.Context, app types.UID) {
	k.lock.Lock()
	defer k.lock.Unlock()
	for _, d := range k.drivers {
		if d.app == app {
			k.steps.now(func() { k.persist(ctx, func() error { return k.remove(ctx, d.pod) }) })
		}
	}
}

// annotationRunObjects is where the operator lists what belongs to a driver pod.
const annotationRunObjects = "sparkoperator.k8s.io/run-objects"

// collect deletes what belonged to a driver pod, as the garbage collector does.
// Most often the operator has deleted the Services before. What has one of these
// names may belong to a newer pod of the same name, so owners are looked at.
func (k *Kubelet) collect(ctx context.Context, d *driver) {
	resources := map[string]string{"Service": "services", "Secret": "secrets"}
	for _, entry := range strings.Split(d.pod.Annotations[annotationRunObjects], ",") {
		if kind, name, _ := strings.Cut(entry, "/"); resources[kind] != "" {
			k.persist(ctx, func() error { return k.deleteOwned(ctx, d.pod, resources[kind], name) })
		}
	}
	for i := range d.pod.Spec.Volumes {
		if configMap := d.pod.Spec.Volumes[i].ConfigMap; configMap != nil {
			k.persist(ctx, func() error { return k.deleteOwned(ctx, d.pod, "configmaps", configMap.Name) })
		}
	}
}

// deleteOwned deletes an object if it belongs to the pod.
func (k *Kubelet) deleteOwned(ctx context.Context, pod *corev1.Pod, resource, name string) error {
	object, err := k.core.Get().Namespace(pod.Namespace).Resource(resource).Name(name).Do(ctx).Get()
	if err != nil {
		return err
	}
	found, err := meta.Accessor(object)
	if err != nil || !slices.ContainsFunc(found.GetOwnerReferences(), func(owner metav1.OwnerReference) bool { return owner.UID == pod.UID }) {
		return err
	}
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(found.GetUID()))}
	return k.core.Delete().Namespace(pod.Namespace).Resource(resource).Name(name).Body(&options).Do(ctx).Error()
}
