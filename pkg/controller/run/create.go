// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// ownerOf is the application as the owner of what its runs share.
func ownerOf(app *v1beta2.SparkApplication) owned.Owner {
	return owned.Owner{Object: app, Kind: "SparkApplication", Noun: "application"}
}

// createOwned creates the objects of a run that belong to its driver pod.
func (r *Runner) createOwned(ctx context.Context, objects *submit.Objects, pod *podview.Pod) error {
	core := r.kube.CoreV1()
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
		if err := createFor(ctx, r.kube.NetworkingV1().NetworkPolicies(pod.Namespace), objects.NetworkPolicy, pod, "network policy"); err != nil {
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
		if err := r.ownPre(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// createFor creates an object that belongs to a driver pod. One that exists is
// right if it belongs to that pod: an earlier try created it.
func createFor[T owned.Object](ctx context.Context, client owned.Client[T], object T, pod *podview.Pod, noun string) error {
	_, _, err := owned.Ensure(ctx, client, object, func(existing T) error {
		if metav1.IsControlledBy(existing, pod.GetObjectMeta()) {
			return nil
		}
		owner := metav1.GetControllerOfNoCopy(existing)
		if existing.GetDeletionTimestamp() != nil {
			return reconcile.WaitFor(lifecycle.ReasonNameInUse, "%s %s of %s %s", noun, object.GetName(), owned.Describe(owner), owned.Terminating(existing))
		}
		if owner != nil && owner.Kind == "Pod" && owner.Name == pod.Name {
			return reconcile.WaitFor(lifecycle.ReasonOldDriver, "%s %s belongs to an earlier driver pod %s; the garbage collector will delete it", noun, object.GetName(), pod.Name)
		}
		return reconcile.Refuse(fmt.Errorf("%s %s exists and belongs to %s; delete it", noun, object.GetName(), owned.Describe(owner)))
	})
	return err
}

// createPre creates an object that has to exist before the driver pod, such as
// the pod group of a batch scheduler. It belongs to the application until it belongs to
// the pod, see ownPre: one that exists and belongs to neither is not ours.
func (r *Runner) createPre(ctx context.Context, t *task, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	client := owned.Dynamic(r.dynamic.Resource(resource).Namespace(object.GetNamespace()))
	object.SetOwnerReferences([]metav1.OwnerReference{translate.OwnerReference(t.in.App)})
	live, _, err := owned.Ensure(ctx, client, object, func(live *unstructured.Unstructured) error {
		if pod := t.in.Unpublished; pod != nil && metav1.IsControlledBy(live, pod.GetObjectMeta()) {
			return nil
		}
		return ownerOf(t.in.App).Judge(object.GetKind(), live)
	})
	if err == nil {
		object.SetUID(live.GetUID())
	}
	return err
}

// ownPre gives such an object the owner that it could not have before, provided it is
// the one that createPre left.
func (r *Runner) ownPre(ctx context.Context, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": object.GetUID(), "ownerReferences": object.GetOwnerReferences(),
	}})
	if err != nil {
		return fmt.Errorf("owner of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	_, err = r.dynamic.Resource(resource).Namespace(object.GetNamespace()).Patch(ctx, object.GetName(), types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: reconcile.FieldManager})
	return err
}

// ensure creates an object that belongs to the application and outlives its runs, or
// brings the one that exists up to date. Labels, annotations and fields of others stay; a
// foreign object is an error.
func ensure[T owned.Object](ctx context.Context, app *v1beta2.SparkApplication, client interface {
	owned.Client[T]
	owned.Updater[T]
}, noun string, desired T, edit func(live T)) (T, error) {
	live, existed, err := owned.Ensure(ctx, client, desired, func(live T) error { return ownerOf(app).Judge(noun, live) })
	if err == nil && existed {
		live, err = owned.Update(ctx, client, live, func(live T) {
			mergeMetadata(live, desired)
			edit(live)
		})
	}
	return live, describe(noun, desired, err)
}

// mergeMetadata sets our labels, annotations and owner and leaves what others have added.
func mergeMetadata(live, desired metav1.Object) {
	live.SetOwnerReferences(desired.GetOwnerReferences())
	live.SetLabels(merged(live.GetLabels(), desired.GetLabels()))
	live.SetAnnotations(merged(live.GetAnnotations(), desired.GetAnnotations()))
}

// merged returns live with the entries of desired.
func merged(live, desired map[string]string) map[string]string {
	if live == nil && len(desired) > 0 {
		live = map[string]string{}
	}
	maps.Copy(live, desired)
	return live
}

// describe puts the name of the object in front of an error, unless the error is about a
// namesake and names it already.
func describe(noun string, object metav1.Object, err error) error {
	var waiting *reconcile.WaitError
	if err == nil || owned.IsForeign(err) || errors.As(err, &waiting) {
		return err
	}
	return fmt.Errorf("%s %s: %w", noun, object.GetName(), err)
}
