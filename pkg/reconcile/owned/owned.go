// SPDX-License-Identifier: Apache-2.0

// Package owned creates and deletes the objects that belong to the object of a loop. Their
// names are derived from it and are locks: an object that exists under such a name is
// judged before it is taken, updated or deleted, and is named by its UID when it goes.
package owned

import (
	"context"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// CreateTimeout limits one creation. It is short, unlike the timeout of a sync: an
// admission webhook may hang for as long as the API server waits for it, 30 seconds.
// What is created nevertheless is found by its name.
const CreateTimeout = 15 * time.Second

// Object is an API object.
type Object interface {
	metav1.Object
	runtime.Object
}

// Creator creates objects of one kind in one namespace.
type Creator[T Object] interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
}

// Client creates and reads objects of one kind in one namespace.
type Client[T Object] interface {
	Creator[T]
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
}

// Updater updates objects of one kind in one namespace.
type Updater[T Object] interface {
	Update(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
}

// Deleter reads and deletes objects of one kind in one namespace.
type Deleter[T Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}

// Create creates an object, or gives up when the API server has not answered for
// [CreateTimeout]. Then the object may come into being nevertheless: the next sync finds
// it by its name.
func Create[T Object](ctx context.Context, client Creator[T], object T) (T, error) {
	short, cancel := context.WithTimeout(ctx, CreateTimeout)
	defer cancel()
	created, err := client.Create(short, object, metav1.CreateOptions{FieldManager: reconcile.FieldManager})
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("the API server did not answer within %v; check the admission webhooks of the namespace: %w", CreateTimeout, context.DeadlineExceeded)
	}
	return created, err
}

// Ensure creates an object. One that has its name already is returned, with existed set,
// if judge has no objection to it. With an error comes no object: it may be foreign.
func Ensure[T Object](ctx context.Context, client Client[T], desired T, judge func(live T) error) (live T, existed bool, err error) {
	var none T
	created, err := Create(ctx, client, desired)
	switch {
	case err == nil:
		return created, false, nil
	case !apierrors.IsAlreadyExists(err):
		return none, false, err
	}
	live, err = client.Get(ctx, desired.GetName(), metav1.GetOptions{})
	if err != nil {
		return none, true, fmt.Errorf("read the object with this name: %w", err)
	}
	if err := judge(live); err != nil {
		return none, true, err
	}
	return live, true, nil
}

// Update writes an object as edit changes it, unless it changes nothing.
func Update[T Object](ctx context.Context, client Updater[T], live T, edit func(T)) (T, error) {
	updated, _ := live.DeepCopyObject().(T) // a copy has the type of its original
	edit(updated)
	if equality.Semantic.DeepEqual(updated, live) {
		return live, nil
	}
	stored, err := client.Update(ctx, updated, metav1.UpdateOptions{FieldManager: reconcile.FieldManager})
	if err != nil {
		var none T
		return none, err
	}
	return stored, nil
}

// Merged returns live, which is changed, with the entries of desired: labels and annotations
// of others stay.
func Merged(live, desired map[string]string) map[string]string {
	if live == nil && len(desired) > 0 {
		live = map[string]string{}
	}
	maps.Copy(live, desired)
	return live
}

// DeleteExactly deletes the object with this UID. It is no error if the object is gone or
// another one has taken its name. Options may have more than the precondition.
func DeleteExactly(ctx context.Context, client interface {
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}, name string, uid types.UID, options metav1.DeleteOptions) error {
	options.Preconditions = metav1.NewUIDPreconditions(string(uid))
	err := client.Delete(ctx, name, options)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// Delete deletes the object of that name if the owner controls it, and no other one that
// takes its name meanwhile. Options may have more than the precondition.
func Delete[T Object](ctx context.Context, client Deleter[T], name string, owner metav1.Object, options metav1.DeleteOptions) error {
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if err != nil || !metav1.IsControlledBy(live, owner) {
		return err
	}
	options.Preconditions = metav1.NewUIDPreconditions(string(live.GetUID()))
	return client.Delete(ctx, name, options)
}
