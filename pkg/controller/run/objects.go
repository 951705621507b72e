// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// ownerOf is the application as the owner of what its runs share.
func ownerOf(app *v1beta2.SparkApplication) owned.Owner {
	return owned.Owner{Object: app, Kind: "SparkApplication", Noun: "application"}
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

// ensureConfigMap creates or updates a ConfigMap of the application that its pods
// mount. A foreign one of that name is left alone.
func (r *Runner) ensureConfigMap(ctx context.Context, app *v1beta2.SparkApplication, desired *corev1.ConfigMap) error {
	_, err := ensure(ctx, app, r.kube.CoreV1().ConfigMaps(app.Namespace), "config map", desired, func(live *corev1.ConfigMap) {
		live.Data, live.BinaryData = desired.Data, desired.BinaryData
	})
	return err
}

// mergeMetadata sets our labels, annotations and owner and leaves what others have added.
func mergeMetadata(live, desired metav1.Object) {
	live.SetOwnerReferences(desired.GetOwnerReferences())
	live.SetLabels(owned.Merged(live.GetLabels(), desired.GetLabels()))
	live.SetAnnotations(owned.Merged(live.GetAnnotations(), desired.GetAnnotations()))
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

// released judges the answer to the deletion of an object of an ended run. What
// we may not delete stays until its owner goes; that is no reason to keep the
// application from its end for longer than an API server takes to start.
func (r *Runner) released(ctx context.Context, t *task, kind, name string, err error) error {
	switch {
	case err == nil, reconcile.Gone(err), apierrors.IsConflict(err):
		return nil
	case t.leavesBehind(err):
		klog.FromContext(ctx).Info("Keeping object of an ended run until its owner is deleted", "kind", kind, "name", name, "reason", err)
		return nil
	}
	return fmt.Errorf("delete %s %s: %w", kind, name, err)
}

// leavesBehind reports whether the deletion of an object of an ended run has failed
// for good.
func (t *task) leavesBehind(err error) bool {
	if reconcile.Awaited(err) == "" {
		return reconcile.Final(err)
	}
	since := t.in.StateSince()
	if at := t.in.App.DeletionTimestamp; at != nil {
		since = at.Time
	}
	return t.failures >= releaseTries && t.in.Now.Sub(since) >= releasePatience
}

// releaseTries is how many tries in a row, and releasePatience how long after the
// end of a run, the deletion of its objects may fail before they are left behind for
// their owner to take along.
const (
	releaseTries    = 4
	releasePatience = 2 * time.Minute
)

// Kinds of what is deleted after a run; some of them are written to the annotation
// run-objects.
const (
	KindService       = "Service"
	kindIngress       = "Ingress"
	kindNetworkPolicy = "NetworkPolicy"
)
