// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// runObjects lists the objects of a run that are of no use after its end, as
// Kind/name separated by commas. The driver pod carries the list, because it
// outlives the run and with it, as their owner, all these objects would.
//
// ConfigMaps are not among them. They cost nothing, show the
// spark.properties of the pod whose log is still there, and are deleted with that pod;
// deleting them would be one write in ten of all writes for an application.
func runObjects(objects *submit.Objects) string {
	var names []string
	if objects.Service != nil {
		names = append(names, KindService+"/"+objects.Service.Name)
	}
	if objects.NetworkPolicy != nil {
		names = append(names, kindNetworkPolicy+"/"+objects.NetworkPolicy.Name)
	}
	return strings.Join(names, ",")
}

// releaseRun deletes what belongs to a run that has ended, except for the driver
// pod: clients read its log and its exit code.
func (r *Runner) releaseRun(ctx context.Context, t *task) error {
	var failed []error
	if pod := t.in.Driver; pod != nil && pod.DeletionTimestamp == nil {
		ids := submit.NewIDs(t.in.App.Status.SubmissionID)
		for _, entry := range strings.Split(pod.Annotations.Get(v1beta2.AnnotationRunObjects), ",") {
			kind, name, ok := strings.Cut(entry, "/")
			if !ok {
				continue
			}
			if !namedForRun(name, ids) {
				klog.FromContext(ctx).Info("Keeping object: the driver pod lists it, but its name is not of this run", "pod", klog.KObj(pod), "kind", kind, "name", name)
				continue
			}
			failed = append(failed, r.deleteRunObject(ctx, t, pod, kind, name))
		}
	}
	failed = append(failed, r.releaseSubmitter(ctx, t), r.releaseShared(ctx, t))
	err := errors.Join(failed...)
	t.out.ReleaseFailed = err != nil
	return err
}

// releaseShared deletes what belongs to the application and would serve its next
// run as well. The rest belongs to the driver pod and goes with it.
func (r *Runner) releaseShared(ctx context.Context, t *task) error {
	app := t.in.App
	return errors.Join(
		r.releaseUI(ctx, t),
		r.releaseGroups(ctx, t),
		r.deleteBudget(ctx, t, app.Status.DriverInfo.PodName),
	)
}

// namedForRun reports whether a name holds one of the ids of a submission, as all
// names do that package submit makes. Whoever may edit pods can change the
// annotation; what they cannot do with it is have the operator delete objects that
// they may not delete themselves.
func namedForRun(name string, ids submit.IDs) bool {
	for _, id := range []string{ids.Resource, ids.Service} {
		if strings.Contains(name, id) {
			return true
		}
	}
	return false
}

// deleteRunObject deletes an object that belongs to the driver pod. Names that hold an
// id of the application's own (see namedForRun) mean no other objects. Those of other
// ids are looked at first, and stay if they belong to anything else.
func (r *Runner) deleteRunObject(ctx context.Context, t *task, pod *podview.Pod, kind, name string) error {
	switch kind {
	case KindService:
		return deleteOf(ctx, r, r.kube.CoreV1().Services(pod.Namespace), t, pod, kind, name)
	case kindNetworkPolicy:
		return deleteOf(ctx, r, r.kube.NetworkingV1().NetworkPolicies(pod.Namespace), t, pod, kind, name)
	}
	return nil
}

// deleter reads and deletes objects of one kind in one namespace.
type deleter[T metav1.Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}

func deleteOf[T metav1.Object](ctx context.Context, c *Runner, client deleter[T], t *task, pod *podview.Pod, kind, name string) error {
	if ids := (lifecycle.SubmissionIDs{App: t.in.App}); ids.Contains(t.in.App.Status.SubmissionID) {
		return c.released(ctx, t, kind, name, client.Delete(ctx, name, metav1.DeleteOptions{}))
	}
	object, err := client.Get(ctx, name, metav1.GetOptions{})
	if err == nil && !metav1.IsControlledBy(object, pod.GetObjectMeta()) {
		klog.FromContext(ctx).Info("Keeping object: the driver pod lists it but does not own it", "pod", klog.KObj(pod), "kind", kind, "name", name)
		return nil
	}
	if err == nil {
		err = client.Delete(ctx, name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(object.GetUID()))})
	}
	return c.released(ctx, t, kind, name, err)
}
