// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// StatusClient reads objects of one kind in one namespace and writes their statuses.
type StatusClient[T metav1.Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	UpdateStatus(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
}

// Commit writes the status of an object, provided that it was not written since it was
// read: a conflict is an error, and the sync is done again. Events and metrics follow the
// write, so each transition shows exactly once however often it was attempted.
//
// The verb is always UpdateStatus: fields written by it would not be removed by an apply.
type Commit[T metav1.Object] struct {
	Client StatusClient[T]
	// Fresh records the write, as one that the cache of that kind has to show.
	Fresh *Freshness
	Cache CacheKind
	// Shrink returns the object with a status without details, for an API server that
	// refuses the whole as too large; nil if a status cannot become too large.
	Shrink func(T) T
}

// Write writes the status of an object of which nothing else is sent but [Identity]. It
// returns the object as it was sent and as it is stored, and false if the object was
// deleted meanwhile. See [Unkept] for where they differ.
func (c Commit[T]) Write(ctx context.Context, object T) (sent, stored T, written bool, err error) {
	answer, err := c.Client.UpdateStatus(ctx, object, metav1.UpdateOptions{FieldManager: reconcile.FieldManager})
	if c.Shrink != nil && tooLarge(err) {
		object = c.Shrink(object)
		answer, err = c.Client.UpdateStatus(ctx, object, metav1.UpdateOptions{FieldManager: reconcile.FieldManager})
	}
	if apierrors.IsNotFound(err) {
		// The server says so, too, while it does not serve the resource or its status.
		live, getErr := c.Client.Get(ctx, object.GetName(), metav1.GetOptions{})
		if reconcile.Gone(getErr) || getErr == nil && live.GetUID() != object.GetUID() {
			return object, answer, false, nil // deleted meanwhile; what it owns goes with it
		}
	}
	if err != nil {
		return object, answer, false, fmt.Errorf("write status: %w", err)
	}
	c.Fresh.Wrote(cache.MetaObjectToName(object), c.Cache, answer.GetResourceVersion())
	return object, answer, true, nil
}

// Identity is what the API server has to know of an object whose status is written. It
// takes nothing but the status from the body, so the spec can stay out of it, and a spec
// that could not be decoded is not harmed.
func Identity(object metav1.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:            object.GetName(),
		Namespace:       object.GetNamespace(),
		UID:             object.GetUID(),
		ResourceVersion: object.GetResourceVersion(),
	}
}

// tooLarge reports whether an object was refused for its size: by the API server, or by
// etcd, whose answer has no reason of its own.
func tooLarge(err error) bool {
	return err != nil && (apierrors.IsRequestEntityTooLargeError(err) || strings.Contains(err.Error(), "request is too large") ||
		strings.Contains(err.Error(), "larger than max"))
}

// Emit sends events about an object, after the status that they report was written. Redact
// hides secrets in the notes of warnings; the others hold names alone.
func Emit(recorder events.EventRecorder, object runtime.Object, list []reconcile.Event, redact func(string) string) {
	for _, e := range list {
		if e.Type == corev1.EventTypeWarning {
			e.Note = redact(e.Note)
		}
		recorder.Eventf(object, e.Related, e.Type, e.Reason, e.Action, "%s", reconcile.Truncate(e.Note, reconcile.MaxNote))
	}
}
