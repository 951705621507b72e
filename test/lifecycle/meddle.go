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

const meddled = "example.com/meddled"

// Meddle lets somebody else write to every application whenever the operator has
// written to it: an annotation, and a field of the status. The result says how
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
		marks := map[types.UID]string{}
		for event := range watcher.ResultChan() {
			app, ok := event.Object.(*v1beta2.SparkApplication)
			if !ok || event.Type == watch.Deleted || app.Annotations[meddled] != marks[app.UID] {
				continue // the echo of an own write
			}
			mark := fmt.Sprint(writes.Add(1))
			if w.meddle(w.t.Context(), app.Name, mark) {
				marks[app.UID] = mark
			}
		}
	}()
	return writes.Load
}

func (w *World) meddle(ctx context.Context, name, mark string) bool {
	apps := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace)
	for subresource, patch := range map[string]string{
		"status": `{"status":{"driverInfo":{"webUIIngressAddress":%q}}}`,
		"":       `{"metadata":{"annotations":{"` + meddled + `":%q}}}`,
	} {
		var subresources []string
		if subresource != "" {
			subresources = []string{subresource}
		}
		_, err := apps.Patch(ctx, name, types.MergePatchType, fmt.Appendf(nil, patch, mark), metav1.PatchOptions{}, subresources...)
		if err != nil {
			if !apierrors.IsNotFound(err) && ctx.Err() == nil {
				w.t.Errorf("meddle with %s: %v", name, err)
			}
			return false
		}
	}
	return true
}
