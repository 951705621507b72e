// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"fmt"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Meddle lets another client write to every application whenever the operator or the
// user has written to it: an annotation, and a field of the status. The result says how
// often that was done.
func (w *World) Meddle() (count func() int64) {
	w.t.Helper()
	apps := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace)
	watcher, err := apps.Watch(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(watcher.Stop)
	var writes atomic.Int64
	go func() {
		own := map[string]bool{} // resource versions
		for event := range watcher.ResultChan() {
			app, ok := event.Object.(*v1beta2.SparkApplication)
			if !ok || event.Type == watch.Deleted || own[app.ResourceVersion] {
				continue
			}
			for _, version := range w.meddle(w.t.Context(), app.Name, fmt.Sprint(writes.Add(1))) {
				own[version] = true
			}
		}
	}()
	return writes.Load
}

// meddle returns the versions of the object that its writes led to.
func (w *World) meddle(ctx context.Context, name, mark string) (versions []string) {
	apps := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace)
	patch := func(patch string, subresources ...string) {
		app, err := apps.Patch(ctx, name, types.MergePatchType, fmt.Appendf(nil, patch, mark), metav1.PatchOptions{}, subresources...)
		switch {
		case err == nil:
			versions = append(versions, app.ResourceVersion)
		case !apierrors.IsNotFound(err) && ctx.Err() == nil:
			w.t.Errorf("meddle with %s: %v", name, err)
		}
	}
	patch(`{"status":{"driverInfo":{"webUIIngressAddress":%q}}}`, "status")
	patch(`{"metadata":{"annotations":{"example.com/meddled":%q}}}`)
	return versions
}
