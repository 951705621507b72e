// SPDX-License-Identifier: Apache-2.0

package floor

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// PlaceRunning gives an application the status and the driver pod of one that
// runs, and nothing else of what belongs to it. It returns the driver pod, whose
// status is still to be written.
func (w *Writer) PlaceRunning(ctx context.Context, app *v1beta2.SparkApplication) (*corev1.Pod, error) {
	return w.place(ctx, app, start)
}

// PlaceFinished does so with an application that has come to its end.
func (w *Writer) PlaceFinished(ctx context.Context, app *v1beta2.SparkApplication) (*corev1.Pod, error) {
	return w.place(ctx, app, end)
}

func (w *Writer) place(ctx context.Context, app *v1beta2.SparkApplication, until phase) (*corev1.Pod, error) {
	one := newLife(app)
	var status *plane.Request
	for at := submission; at <= until; at++ {
		for i := range w.script.writes[at] {
			recorded := &w.script.writes[at][i]
			switch {
			case recorded.Verb == "create" && recorded.Resource == "pods":
				if err := w.write(ctx, one, recorded); err != nil {
					return nil, err
				}
			case recorded.Resource == "sparkapplications/status":
				status = recorded
			}
		}
	}
	if status == nil || one.pod == nil {
		return nil, fmt.Errorf("the recorded life has no driver pod or no status")
	}
	return one.pod, w.write(ctx, one, status)
}
