// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// With the CRDs of kubeflow/spark-operator the API server drops the fields of the status
// that are ours. This process remembers them. After a restart, what decides about runs
// is read from what the runs have left: see recoverHash and forgotten.

// loses reports whether less of a status was kept than was sent.
func loses(sent, kept *v1beta2.SparkApplicationStatus) bool {
	return len(kept.Conditions) < len(sent.Conditions) || len(kept.Attempts) < len(sent.Attempts) ||
		kept.ObservedGeneration != sent.ObservedGeneration || kept.ObservedSpecHash != sent.ObservedSpecHash ||
		kept.AppState.LastTransitionTime.IsZero() && !sent.AppState.LastTransitionTime.IsZero()
}

// restore completes the status of an application with what the API server dropped.
func (c *Controller) restore(app *v1beta2.SparkApplication) {
	if sent := c.unkept.Restored(cache.MetaObjectToName(app), app.UID, &app.Status); sent != nil {
		sent.DeepCopyInto(&app.Status)
	}
}

// remember keeps what the API server dropped of a status that was written. It reports
// whether the next look has to follow although no event will.
func (c *Controller) remember(app *v1beta2.SparkApplication, sent *v1beta2.SparkApplicationStatus, written *v1beta2.SparkApplication) (unseen bool, err error) {
	if !loses(sent, &written.Status) {
		c.unkept.Forget(cache.MetaObjectToName(app))
		return false, nil
	}
	changed, err := c.unkept.Wrote(cache.MetaObjectToName(app), app.UID, sent, &written.Status)
	if err != nil {
		return false, fmt.Errorf("remember status: %w", err)
	}
	return changed && written.ResourceVersion == app.ResourceVersion, nil
}

// recoverHash takes from the driver pod which spec it was made of, where the status does
// not say it.
func recoverHash(status *v1beta2.SparkApplicationStatus, driver *podview.Pod) {
	if status.ObservedSpecHash != "" || status.ObservedGeneration != 0 || driver == nil || driver.ApplicationUID == "" {
		return
	}
	status.ObservedSpecHash = driver.Annotations.Get(annotationSpecHash)
	if generation, err := strconv.ParseInt(driver.Annotations.Get(annotationGeneration), 10, 64); err == nil {
		status.ObservedGeneration = generation
	}
}

// forgotten reports that a submission is under way or waits and that nothing says which:
// the API server dropped it, and this process has only just begun.
func (in *input) forgotten() bool {
	return in.state() == stateSubmitting && len(in.app.Status.Conditions) == 0
}

// recoverSubmitter reports whether the submission that is under way was begun in a Job,
// if that is forgotten.
func (c *Controller) recoverSubmitter(ctx context.Context, in *input) (begun bool, err error) {
	if !in.forgotten() {
		return false, nil
	}
	name := sparksubmit.Name(nextSubmissionID(in.app.UID, in.app.Status.SubmissionID))
	job, err := c.kube.BatchV1().Jobs(in.app.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read job %s: %w", name, err)
	}
	return metav1.IsControlledBy(job, in.app), nil
}
