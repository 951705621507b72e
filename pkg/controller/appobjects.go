// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// BatchScheduling is what the flags say about batch schedulers. The zero value
// switches them off.
type BatchScheduling struct {
	Enabled bool
	// Default is the scheduler of applications that name none; empty for none.
	Default string
	batchscheduler.Config
}

// schedulerOf returns the batch scheduler of an application; nil for none.
func (b *BatchScheduling) schedulerOf(app *v1beta2.SparkApplication) (batchscheduler.Scheduler, error) {
	if !b.Enabled {
		return nil, nil
	}
	name := batchscheduler.NameFor(app, b.Default)
	if name == "" {
		return nil, nil
	}
	return batchscheduler.New(name, b.Config)
}

// createGroup creates the object of a batch scheduler. One that exists is brought
// up to date if it is ours.
func (c *Controller) createGroup(ctx context.Context, app *v1beta2.SparkApplication, group batchscheduler.Group) error {
	client := c.dynamic.Resource(group.Resource).Namespace(app.Namespace)
	kind, name := group.Object.GetKind(), group.Object.GetName()
	_, err := createDynamic(ctx, client, group.Object)
	if apierrors.IsNotFound(err) {
		return reconcile.Await(reconcile.KindNotServed, fmt.Errorf("%s %s: the API server does not serve %s; install the batch scheduler", kind, name, group.Resource.GroupResource()))
	}
	if err == nil || !apierrors.IsAlreadyExists(err) {
		return err
	}
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read existing %s: %w", kind, err)
	}
	if err := judgeNamesake(app, kind, live); err != nil {
		return err
	}
	_, err = client.Apply(ctx, name, group.Object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}

// releaseGroups deletes the objects of the batch scheduler that belong to the
// application.
func (c *Controller) releaseGroups(ctx context.Context, t *task) error {
	app := t.in.app
	scheduler, err := c.settings.BatchScheduling.schedulerOf(app)
	if err != nil || scheduler == nil {
		return nil //nolint:nilerr // then none was created either
	}
	var failed []error
	for _, group := range scheduler.Groups(app) {
		client := c.dynamic.Resource(group.Resource).Namespace(app.Namespace)
		live, err := client.Get(ctx, group.Name, metav1.GetOptions{})
		if err == nil && metav1.IsControlledBy(live, app) {
			err = client.Delete(ctx, group.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(live.GetUID()))})
		}
		failed = append(failed, c.released(ctx, t, group.Resource.Resource, group.Name, err))
	}
	return errors.Join(failed...)
}

// ensureConfigMap creates or updates a ConfigMap of the application that its pods
// mount. A foreign one of that name is left alone.
func (c *Controller) ensureConfigMap(ctx context.Context, app *v1beta2.SparkApplication, desired *corev1.ConfigMap) error {
	client := c.kube.CoreV1().ConfigMaps(app.Namespace)
	_, err := create(ctx, client, desired)
	if err == nil || !apierrors.IsAlreadyExists(err) {
		return describe("config map", desired, err)
	}
	live, err := client.Get(ctx, desired.Name, metav1.GetOptions{})
	if err != nil {
		return describe("config map", desired, err)
	}
	if err := judgeNamesake(app, "config map", live); err != nil {
		return err
	}
	updated := live.DeepCopy()
	mergeMetadata(&updated.ObjectMeta, &desired.ObjectMeta)
	updated.Data, updated.BinaryData = desired.Data, desired.BinaryData
	if equality.Semantic.DeepEqual(updated, live) {
		return nil
	}
	_, err = client.Update(ctx, updated, metav1.UpdateOptions{FieldManager: fieldManager})
	return describe("config map", desired, err)
}
