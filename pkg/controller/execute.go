// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// action is something a row of the table does. Every action may be repeated: what
// is done already is not done again.
type action struct {
	name string
	run  func(c *Controller, ctx context.Context, t *task) error
}

func actions(list ...action) []action { return list }

var (
	submitRun         = action{"submit", (*Controller).submitRun}
	stopSubmitter     = action{"stop spark-submit", (*Controller).stopSubmitter}
	readDriverLog     = action{"read the end of the driver's log", (*Controller).readDriverLog}
	readDriverEvents  = action{"read the events of a driver that does not start", (*Controller).readDriverEvents}
	ensureUI          = action{"ensure UI objects", (*Controller).ensureUI}
	confirmDriverLost = action{"read the driver pod from the API server", (*Controller).confirmDriverLost}
	deleteDrivers     = action{"delete all driver pods", (*Controller).deleteDrivers}
	examineNode       = action{"force-delete the driver pod if its node is lost", (*Controller).examineNode}
	deleteOldDrivers  = action{"delete driver pods of earlier submissions", (*Controller).deleteOldDrivers}
	deleteGhosts      = action{"delete driver pods of other submissions", (*Controller).deleteGhosts}
	deleteExecutors   = action{"delete executors", (*Controller).deleteExecutors}
	deleteUnwanted    = action{"delete the pods that are not kept", (*Controller).deleteUnwanted}
	releaseRun        = action{"delete the objects of the run", (*Controller).releaseRun}
	releaseShared     = action{"delete UI objects and pod group", (*Controller).releaseShared}
	deleteApplication = action{"delete the application", (*Controller).deleteApplication}
)

// task is one plan under execution.
type task struct {
	in  *input
	out outcome
	// failures is the number of syncs that failed in a row before this one.
	failures int
	// current is set once the cached application was compared with the API server.
	current bool
}

// driverPodName is the name of the driver pod of the submission at hand.
func (t *task) driverPodName() string {
	if t.out.submission != nil {
		return t.out.submission.driverPodName
	}
	return t.in.app.Status.DriverInfo.PodName
}

// execute carries out the actions of a plan in their order up to the first that
// fails.
func (c *Controller) execute(ctx context.Context, in *input, p plan, failures int) outcome {
	if p.row == nil {
		return outcome{}
	}
	t := &task{in: in, failures: failures}
	for _, a := range p.row.do {
		if err := a.run(c, ctx, t); err != nil {
			t.out.err = fmt.Errorf("%s: %w", a.name, err)
			break
		}
	}
	t.out.redact(c.settings.redact)
	return t.out
}

// ensureCurrent compares the cached application with the API server's before
// something is destroyed. A cache that lags behind, after a change of leaders
// say, may show a state in which the healthy driver of today looks like one to be
// deleted.
func (c *Controller) ensureCurrent(ctx context.Context, t *task) error {
	if t.current {
		return nil
	}
	app := t.in.app
	live, err := c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace).Get(ctx, app.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("re-read application: %w", err)
	}
	if live.UID != app.UID || live.ResourceVersion != app.ResourceVersion {
		return reconcile.WaitFor(reasonCacheBehind, "the cached application is older than the stored one")
	}
	t.current = true
	return nil
}

func (c *Controller) deleteDrivers(ctx context.Context, t *task) error {
	if pod := t.in.unpublished; t.in.app.DeletionTimestamp != nil && pod != nil && pod.DeletionTimestamp == nil && bySubmitterJob(pod) {
		// The application stays as long as the Job does. From then on the pod keeps it.
		if err := c.blockDeletion(ctx, t, pod); err != nil {
			return err
		}
	}
	drivers := t.in.drivers()
	if t.in.app.DeletionTimestamp != nil && t.in.unowned() {
		// Whoever took the owner reference away, as the deletion of the application with
		// --cascade=orphan does, wants the pod to outlive it.
		drivers = slices.DeleteFunc(drivers, func(pod *podview.Pod) bool { return pod == t.in.driver })
	}
	return c.deletePods(ctx, t, drivers)
}

func (c *Controller) deleteOldDrivers(ctx context.Context, t *task) error {
	old := t.in.leftovers
	if t.in.driver != nil {
		old = append(old[:len(old):len(old)], t.in.driver)
	}
	return c.deletePods(ctx, t, old)
}

func (c *Controller) deleteGhosts(ctx context.Context, t *task) error {
	ghosts := t.in.leftovers
	if t.in.unpublished != nil {
		ghosts = append(ghosts[:len(ghosts):len(ghosts)], t.in.unpublished)
	}
	return c.deletePods(ctx, t, ghosts)
}

func (c *Controller) deleteExecutors(ctx context.Context, t *task) error {
	return c.deletePods(ctx, t, t.in.strayExecutors())
}

func (c *Controller) deleteUnwanted(ctx context.Context, t *task) error {
	return c.deletePods(ctx, t, t.in.unwantedPods())
}

// deletePods deletes pods by UID. Of those that are being deleted it takes care
// only if they do not go because their node is lost.
func (c *Controller) deletePods(ctx context.Context, t *task, pods []*podview.Pod) error {
	var failed []error
	for _, pod := range pods {
		if pod.DeletionTimestamp != nil {
			failed = append(failed, c.reclaim(ctx, t, pod))
			continue
		}
		if t.in.app.DeletionTimestamp == nil {
			if err := c.ensureCurrent(ctx, t); err != nil {
				return err
			}
		}
		if pod == t.in.unpublished {
			c.complete.Delete(cache.MetaObjectToName(t.in.app))
		}
		if err := c.deletePod(ctx, pod); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// deletePod deletes exactly this pod; it is no error if it is gone or another one
// has taken its name.
func (c *Controller) deletePod(ctx context.Context, pod *podview.Pod) error {
	klog.FromContext(ctx).V(2).Info("Deleting pod", "pod", klog.KObj(pod), "uid", pod.UID)
	err := c.kube.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("pod %s: %w", pod.Name, err)
	}
	return nil
}

// confirmDriverLost fails unless the API server, too, knows no driver pod of the
// current submission. A verdict that ends a run is not left to a cache.
func (c *Controller) confirmDriverLost(ctx context.Context, t *task) error {
	app := t.in.app
	name := app.Status.DriverInfo.PodName
	if name == "" {
		return nil
	}
	pod, err := c.kube.CoreV1().Pods(app.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return c.ensureCurrent(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	ids, seen := submissionIDs{app: app}, podview.Of(pod)
	id, labelled := pod.Labels[v1beta2.LabelSubmissionID] // older versions set none, see observe
	if metav1.IsControlledBy(pod, app) && (id == app.Status.SubmissionID || !labelled) && ids.records(seen) {
		if pod.Labels[v1beta2.LabelLaunchedBySparkOperator] != "true" {
			return reconcile.WaitFor(reasonDriverHidden, "driver pod %s has lost its label %s=true; restore it", name, v1beta2.LabelLaunchedBySparkOperator)
		}
		if pod.Labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleDriver {
			return reconcile.WaitFor(reasonDriverHidden, "driver pod %s has lost its label %s=%s; restore it", name, v1beta2.LabelSparkRole, v1beta2.SparkRoleDriver)
		}
		return reconcile.WaitFor(reasonCacheBehind, "driver pod %s exists but is not in the cache yet", name)
	}
	if isUnowned(&ids, seen) {
		if pod.Labels[v1beta2.LabelLaunchedBySparkOperator] != "true" {
			return reconcile.WaitFor(reasonDriverHidden, "driver pod %s has lost its owner reference and its label %s=true; restore them, or delete the pod", name, v1beta2.LabelLaunchedBySparkOperator)
		}
		return reconcile.WaitFor(reasonCacheBehind, "driver pod %s exists but is not in the cache yet", name)
	} else if !seen.Controlled && seen.Spec.Driver != nil && app.Status.SparkApplicationID != "" && seen.Labels.SparkApplicationSelector == app.Status.SparkApplicationID {
		// It may run. A second driver beside it would be worse than none.
		return reconcile.WaitFor(reasonDriverHidden, "driver pod %s has lost its owner reference and labels %s, %s or %s; restore them, or delete the pod",
			name, v1beta2.LabelSparkRole, v1beta2.LabelSparkAppName, v1beta2.LabelSubmissionID)
	}
	return c.ensureCurrent(ctx, t)
}

// deleteApplication deletes a finished application whose time to live has
// elapsed, if it has not changed since it was observed.
func (c *Controller) deleteApplication(ctx context.Context, t *task) error {
	app := t.in.app
	if app.DeletionTimestamp != nil {
		return nil
	}
	if err := c.ensureCurrent(ctx, t); err != nil {
		return reconcile.IgnoreGone(err)
	}
	klog.FromContext(ctx).V(2).Info("Time to live elapsed, deleting application")
	err := c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace).Delete(ctx, app.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &app.UID, ResourceVersion: &app.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	return reconcile.IgnoreGone(err)
}
