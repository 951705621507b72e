// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// createGroup creates the object of a batch scheduler. One that exists is brought
// up to date if it is ours.
func (r *Runner) createGroup(ctx context.Context, app *v1beta2.SparkApplication, group batchscheduler.Group) error {
	client := r.dynamic.Resource(group.Resource).Namespace(app.Namespace)
	kind, name := group.Object.GetKind(), group.Object.GetName()
	_, existed, err := owned.Ensure(ctx, owned.Dynamic(client), group.Object, func(live *unstructured.Unstructured) error {
		return ownerOf(app).Judge(kind, live)
	})
	if !existed && apierrors.IsNotFound(err) {
		return reconcile.Await(reconcile.KindNotServed, fmt.Errorf("%s %s: the cluster does not know %s; install the batch scheduler", kind, name, group.Resource.GroupResource()))
	}
	if err != nil || !existed {
		return err
	}
	_, err = client.Apply(ctx, name, group.Object, metav1.ApplyOptions{FieldManager: reconcile.FieldManager, Force: true})
	return err
}

// releaseGroups deletes the objects of the batch scheduler that belong to the
// application.
func (r *Runner) releaseGroups(ctx context.Context, t *task) error {
	app := t.in.App
	scheduler, err := r.settings.BatchScheduling.schedulerOf(app)
	if err != nil || scheduler == nil {
		return nil //nolint:nilerr // then none was created either
	}
	var failed []error
	for _, group := range scheduler.Groups(app) {
		err := owned.Delete(ctx, owned.Dynamic(r.dynamic.Resource(group.Resource).Namespace(app.Namespace)), group.Name, app, metav1.DeleteOptions{})
		failed = append(failed, r.released(ctx, t, group.Resource.Resource, group.Name, err))
	}
	return errors.Join(failed...)
}
