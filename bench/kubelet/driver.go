// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// nodes is how many nodes the simulated cluster has.
const nodes = 100

// pullBackoff is how long after a failure an image is pulled again.
const pullBackoff = time.Second

// startDriver takes a driver from its creation to its start: the scheduler binds
// it, the kubelet reports that it creates the containers and then that they run.
func (k *Kubelet) startDriver(ctx context.Context, d *driver) {
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
		k.tell(Running, d)
		k.createExecutors(ctx, d)
		k.steps.after(d.life.Run, func() { k.endDriver(ctx, d) })
	})
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
	k.tell(Ended, d)
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
	k.deleteExecutors(ctx, d)
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

// executorLabels are the labels that Spark gives the executors of a driver.
func executorLabels(pod *corev1.Pod, id int) map[string]string {
	labels := map[string]string{
		v1beta2.LabelSparkRole:          v1beta2.SparkRoleExecutor,
		v1beta2.LabelSparkExecutorID:    fmt.Sprint(id),
		"spark-exec-resourceprofile-id": "0",
	}
	for _, key := range []string{
		v1beta2.LabelSparkAppName, v1beta2.LabelSubmissionID, v1beta2.LabelLaunchedBySparkOperator,
		v1beta2.LabelSparkApplicationSelector, v1beta2.LabelSparkVersion, "spark-app-name",
	} {
		if value, ok := pod.Labels[key]; ok {
			labels[key] = value
		}
	}
	return labels
}
