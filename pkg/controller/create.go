// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// fieldManager names us in the field ownership of what we write.
const fieldManager = "spark-operator"

// creator creates and reads objects of one kind in one namespace.
type creator[T metav1.Object] interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
}

// create creates an object, or gives up when the API server has not answered for
// [owned.CreateTimeout]. Then the object may come into being nevertheless: the next
// sync finds it by its name.
func create[T metav1.Object](ctx context.Context, client interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
}, object T) (T, error) {
	return limited(ctx, func(ctx context.Context) (T, error) {
		return client.Create(ctx, object, metav1.CreateOptions{FieldManager: fieldManager})
	})
}

// createDynamic does the same for an object of a type that is not compiled in.
func createDynamic(ctx context.Context, client dynamic.ResourceInterface, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return limited(ctx, func(ctx context.Context) (*unstructured.Unstructured, error) {
		return client.Create(ctx, object, metav1.CreateOptions{FieldManager: fieldManager})
	})
}

func limited[T any](ctx context.Context, creation func(context.Context) (T, error)) (T, error) {
	short, cancel := context.WithTimeout(ctx, owned.CreateTimeout)
	defer cancel()
	created, err := creation(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("the API server did not answer within %v; check the admission webhooks of the namespace: %w", owned.CreateTimeout, context.DeadlineExceeded)
	}
	return created, err
}

// createOwned creates the objects of a run that belong to its driver pod.
func (c *Controller) createOwned(ctx context.Context, objects *submit.Objects, pod *podview.Pod) error {
	core := c.kube.CoreV1()
	for _, secret := range objects.Secrets {
		if err := createFor(ctx, core.Secrets(pod.Namespace), secret, pod, "secret"); err != nil {
			return err
		}
	}
	if objects.Service != nil {
		if err := createFor(ctx, core.Services(pod.Namespace), objects.Service, pod, "service"); err != nil {
			return err
		}
	}
	if objects.NetworkPolicy != nil {
		if err := createFor(ctx, c.kube.NetworkingV1().NetworkPolicies(pod.Namespace), objects.NetworkPolicy, pod, "network policy"); err != nil {
			return err
		}
	}
	for _, claim := range objects.Claims {
		if err := createFor(ctx, core.PersistentVolumeClaims(pod.Namespace), claim, pod, "persistent volume claim"); err != nil {
			return err
		}
	}
	for _, configMap := range objects.ConfigMaps {
		if err := createFor(ctx, core.ConfigMaps(pod.Namespace), configMap, pod, "config map"); err != nil {
			return err
		}
	}
	for _, object := range objects.Pre {
		if err := c.ownPre(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// createFor creates an object that belongs to a driver pod. One that exists is
// right if it belongs to that pod: an earlier try created it.
func createFor[T metav1.Object](ctx context.Context, client creator[T], object T, pod *podview.Pod, kind string) error {
	_, err := create(ctx, client, object)
	if err == nil || !apierrors.IsAlreadyExists(err) {
		return err
	}
	existing, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return waitFor(reasonRetrying, "%s %s was just deleted", kind, object.GetName())
	}
	if err != nil {
		return fmt.Errorf("read existing %s: %w", kind, err)
	}
	if metav1.IsControlledBy(existing, pod.GetObjectMeta()) {
		return nil
	}
	owner := metav1.GetControllerOfNoCopy(existing)
	if existing.GetDeletionTimestamp() != nil {
		return waitFor(reasonNameInUse, "%s %s of %s %s", kind, object.GetName(), describeOwner(owner), terminating(existing))
	}
	if owner != nil && owner.Kind == "Pod" && owner.Name == pod.Name {
		return waitFor(reasonOldDriver, "%s %s belongs to an earlier driver pod %s; the garbage collector will delete it", kind, object.GetName(), pod.Name)
	}
	return refuse(fmt.Errorf("%s %s exists and belongs to %s; delete it", kind, object.GetName(), describeOwner(owner)))
}

// createPre creates an object that has to exist before the driver pod, such as
// the pod group of a batch scheduler. It belongs to the application until it belongs to
// the pod, see ownPre: one that exists and belongs to neither is not ours.
func (c *Controller) createPre(ctx context.Context, t *task, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	client := c.dynamic.Resource(resource).Namespace(object.GetNamespace())
	object.SetOwnerReferences([]metav1.OwnerReference{translate.OwnerReference(t.in.app)})
	live, err := createDynamic(ctx, client, object)
	if apierrors.IsAlreadyExists(err) {
		if live, err = client.Get(ctx, object.GetName(), metav1.GetOptions{}); err != nil {
			return fmt.Errorf("read existing %s: %w", object.GetKind(), err)
		}
		if pod := t.in.unpublished; pod == nil || !metav1.IsControlledBy(live, pod.GetObjectMeta()) {
			err = judgeNamesake(t.in.app, object.GetKind(), live)
		}
	}
	if err == nil {
		object.SetUID(live.GetUID())
	}
	return err
}

// ownPre gives such an object the owner that it could not have before, provided it is
// the one that createPre left.
func (c *Controller) ownPre(ctx context.Context, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": object.GetUID(), "ownerReferences": object.GetOwnerReferences(),
	}})
	if err != nil {
		return fmt.Errorf("owner of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	_, err = c.dynamic.Resource(resource).Namespace(object.GetNamespace()).Patch(ctx, object.GetName(), types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: fieldManager})
	return err
}
