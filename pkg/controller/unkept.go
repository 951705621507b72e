// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// With the CRDs of kubeflow/spark-operator the API server drops the fields of the status
// that are ours. This process remembers them. After a restart, what decides about runs
// is read from what the runs have left: see RecoverHash and forgotten.

// loses reports whether less of a status was kept than was sent.
func loses(sent, kept *v1beta2.SparkApplicationStatus) bool {
	return len(kept.Conditions) < len(sent.Conditions) || len(kept.Attempts) < len(sent.Attempts) ||
		kept.ObservedGeneration != sent.ObservedGeneration || kept.ObservedSpecHash != sent.ObservedSpecHash ||
		kept.AppState.LastTransitionTime.IsZero() && !sent.AppState.LastTransitionTime.IsZero() ||
		usageIn(sent) && !usageIn(kept)
}

// usageIn reports whether a status has the usage of the current run, without which the next
// slice would count all over.
func usageIn(status *v1beta2.SparkApplicationStatus) bool {
	attempt := status.Attempt(status.SubmissionID)
	return attempt != nil && attempt.Usage != nil
}

// restore completes the status of an application with what the API server dropped.
func (c *Controller) restore(app *v1beta2.SparkApplication) {
	if sent := c.unkept.Restored(cache.MetaObjectToName(app), app.UID, &app.Status); sent != nil {
		sent.DeepCopyInto(&app.Status)
	}
}
