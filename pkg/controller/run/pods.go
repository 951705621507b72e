// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

func (r *Runner) deleteDrivers(ctx context.Context, t *task) error {
	if pod := t.in.Unpublished; t.in.App.DeletionTimestamp != nil && pod != nil && pod.DeletionTimestamp == nil && bySubmitterJob(pod) {
		// The application stays as long as the Job does. From then on the pod keeps it.
		if err := r.blockDeletion(ctx, t, pod); err != nil {
			return err
		}
	}
	drivers := t.in.Drivers()
	if t.in.App.DeletionTimestamp != nil && t.in.Unowned() {
		// Whoever took the owner reference away, as the deletion of the application with
		// --cascade=orphan does, wants the pod to outlive it.
		drivers = slices.DeleteFunc(drivers, func(pod *podview.Pod) bool { return pod == t.in.Driver })
	}
	return r.deletePods(ctx, t, drivers)
}

func (r *Runner) deleteOldDrivers(ctx context.Context, t *task) error {
	old := t.in.Leftovers
	if t.in.Driver != nil {
		old = append(old[:len(old):len(old)], t.in.Driver)
	}
	return r.deletePods(ctx, t, old)
}

func (r *Runner) deleteGhosts(ctx context.Context, t *task) error {
	ghosts := t.in.Leftovers
	if t.in.Unpublished != nil {
		ghosts = append(ghosts[:len(ghosts):len(ghosts)], t.in.Unpublished)
	}
	return r.deletePods(ctx, t, ghosts)
}

func (r *Runner) deleteExecutors(ctx context.Context, t *task) error {
	return r.deletePods(ctx, t, t.in.StrayExecutors())
}

func (r *Runner) deleteUnwanted(ctx context.Context, t *task) error {
	return r.deletePods(ctx, t, t.in.UnwantedPods())
}

// deletePods deletes pods by UID. Of those that are being deleted it takes care
// only if they do not go because their node is lost.
func (r *Runner) deletePods(ctx context.Context, t *task, pods []*podview.Pod) error {
	var failed []error
	for _, pod := range pods {
		if pod.DeletionTimestamp != nil {
			failed = append(failed, r.reclaim(ctx, t, pod))
			continue
		}
		if t.in.App.DeletionTimestamp == nil {
			if err := r.ensureCurrent(ctx, t); err != nil {
				return err
			}
		}
		if pod == t.in.Unpublished {
			r.complete.Delete(cache.MetaObjectToName(t.in.App))
		}
		if err := r.deletePod(ctx, pod); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// deletePod deletes exactly this pod; it is no error if it is gone or another one
// has taken its name.
func (r *Runner) deletePod(ctx context.Context, pod *podview.Pod) error {
	klog.FromContext(ctx).V(2).Info("Deleting pod", "pod", klog.KObj(pod), "uid", pod.UID)
	if err := owned.DeleteExactly(ctx, r.kube.CoreV1().Pods(pod.Namespace), pod.Name, pod.UID, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("pod %s: %w", pod.Name, err)
	}
	return nil
}

// confirmDriverLost fails unless the API server, too, knows no driver pod of the
// current submission. A verdict that ends a run is not left to a cache.
func (r *Runner) confirmDriverLost(ctx context.Context, t *task) error {
	app := t.in.App
	name := app.Status.DriverInfo.PodName
	if name == "" {
		return nil
	}
	pod, err := r.kube.CoreV1().Pods(app.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return r.ensureCurrent(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	ids, seen := lifecycle.SubmissionIDs{App: app}, podview.Of(pod)
	id, labelled := pod.Labels[v1beta2.LabelSubmissionID] // older versions set none, see observe
	if metav1.IsControlledBy(pod, app) && (id == app.Status.SubmissionID || !labelled) && ids.Records(seen) {
		if pod.Labels[v1beta2.LabelLaunchedBySparkOperator] != "true" {
			return reconcile.WaitFor(lifecycle.ReasonDriverHidden, "driver pod %s has lost its label %s=true; restore it", name, v1beta2.LabelLaunchedBySparkOperator)
		}
		if pod.Labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleDriver {
			return reconcile.WaitFor(lifecycle.ReasonDriverHidden, "driver pod %s has lost its label %s=%s; restore it", name, v1beta2.LabelSparkRole, v1beta2.SparkRoleDriver)
		}
		return reconcile.WaitFor(lifecycle.ReasonCacheBehind, "driver pod %s exists but is not in the cache yet", name)
	}
	if lifecycle.IsUnowned(&ids, seen) {
		if pod.Labels[v1beta2.LabelLaunchedBySparkOperator] != "true" {
			return reconcile.WaitFor(lifecycle.ReasonDriverHidden, "driver pod %s has lost its owner reference and its label %s=true; restore them, or delete the pod", name, v1beta2.LabelLaunchedBySparkOperator)
		}
		return reconcile.WaitFor(lifecycle.ReasonCacheBehind, "driver pod %s exists but is not in the cache yet", name)
	} else if !seen.Controlled && seen.Spec.Driver != nil && app.Status.SparkApplicationID != "" && seen.Labels.SparkApplicationSelector == app.Status.SparkApplicationID {
		// It may run. A second driver beside it would be worse than none.
		return reconcile.WaitFor(lifecycle.ReasonDriverHidden, "driver pod %s has lost its owner reference and labels %s, %s or %s; restore them, or delete the pod",
			name, v1beta2.LabelSparkRole, v1beta2.LabelSparkAppName, v1beta2.LabelSubmissionID)
	}
	return r.ensureCurrent(ctx, t)
}

// deleteApplication deletes a finished application whose time to live has
// elapsed, if it has not changed since it was observed.
func (r *Runner) deleteApplication(ctx context.Context, t *task) error {
	app := t.in.App
	if app.DeletionTimestamp != nil {
		return nil
	}
	if err := r.ensureCurrent(ctx, t); err != nil {
		return reconcile.IgnoreGone(err)
	}
	klog.FromContext(ctx).V(2).Info("Time to live elapsed, deleting application")
	err := r.client.SparkoperatorV1beta2().SparkApplications(app.Namespace).Delete(ctx, app.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &app.UID, ResourceVersion: &app.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	return reconcile.IgnoreGone(err)
}

// blockDeletion lets an application that is deleted in the foreground stay until its
// driver pod is gone. Whoever replaces a run waits for that. spark-submit created the
// pod without, as it lacks the right. Where we lack it, too, the run goes on all the
// same.
func (r *Runner) blockDeletion(ctx context.Context, t *task, pod *podview.Pod) error {
	// The reference with that uid is changed, the others stay; a pod with another uid is
	// not touched.
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q,"ownerReferences":[{"uid":%q,"blockOwnerDeletion":true}]}}`, pod.UID, t.in.App.UID)
	_, err := r.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: reconcile.FieldManager})
	cause := reconcile.Awaited(err)
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case reconcile.Final(err), cause != "" && !(cause.OfServer() && t.in.Now.Sub(pod.CreationTimestamp.Time) < adoptionPatience):
		klog.FromContext(ctx).Info("Cannot block the deletion of the application until its driver pod is gone", "pod", klog.KObj(pod), "reason", err)
		return nil
	}
	return fmt.Errorf("patch driver pod %s: %w", pod.Name, err)
}

// adoptionPatience is how old a driver pod gets at most before it is taken without the
// right to patch it: it runs already.
const adoptionPatience = 10 * time.Second

// bySubmitterJob reports whether a driver pod was created by spark-submit in a Job.
func bySubmitterJob(pod *podview.Pod) bool {
	return pod.Annotations.Get(v1beta2.AnnotationSubmitter) == v1beta2.SubmitterSparkSubmit
}
