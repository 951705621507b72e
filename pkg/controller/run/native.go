// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/tracing"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

func (r *Runner) createRun(ctx context.Context, t *task, s *lifecycle.Submission) error {
	_, span := tracing.Step(ctx, "build objects")
	run, err := r.build(t.in.App, s)
	span.End(redact.Error(err, r.settings.Hide))
	if err != nil {
		return reconcile.Refuse(err)
	}
	s.Warnings = run.Warnings
	s.SparkApplicationID = run.Driver.Labels[v1beta2.LabelSparkApplicationSelector]

	if lost, err := r.lostUnpublished(ctx, t, s); err != nil || lost {
		return err
	}
	for _, object := range run.Pre {
		if err := r.createPre(ctx, t, object); err != nil {
			return err
		}
	}
	for _, group := range run.Groups {
		if err := r.createGroup(ctx, t.in.App, group); err != nil {
			return err
		}
	}
	if run.MonitoringConfig != nil {
		err := r.ensureConfigMap(ctx, t.in.App, run.MonitoringConfig)
		if owned.IsForeign(err) {
			s.Avoid(t.in.App, err)
			if run, err = r.build(t.in.App, s); err != nil {
				return reconcile.Refuse(err)
			}
			s.Warnings = append([]string{s.MonitoringWarning}, run.Warnings...)
			err = r.ensureConfigMap(ctx, t.in.App, run.MonitoringConfig)
		}
		if err != nil {
			return err
		}
	}
	pod, err := r.createDriver(ctx, t, run.Driver, s)
	if err != nil {
		return err
	}
	s.DriverPodName = pod.Name
	if s.Adopted {
		s.SparkApplicationID = pod.Labels.SparkApplicationSelector
		s.Time = pod.CreationTimestamp.Time
		if hash := pod.Annotations.Get(v1beta2.AnnotationSpecHash); hash != s.SpecHash {
			// Built from an older spec, so objects of today's would not fit. The next
			// sync sees the difference and replaces the run. Not so if another version
			// of the operator computed the hash: then the run goes on.
			s.SpecHash = hash
			if lifecycle.ComparableHash(hash) {
				return nil
			}
		}
	}
	submit.Own(&run.Objects, pod.GetObjectMeta())
	err = r.createOwned(ctx, &run.Objects, pod)
	if err != nil && t.in.GaveUp(err) {
		// Without its other objects the driver can only hang.
		r.complete.Delete(cache.MetaObjectToName(t.in.App))
		if deleteErr := r.deletePod(ctx, pod); deleteErr != nil {
			return fmt.Errorf("%w; delete driver %w", notPermanent(err), deleteErr)
		}
	}
	if err == nil {
		r.complete.Store(cache.MetaObjectToName(t.in.App), s.ID)
	}
	return err
}

// quickSubmission is how long a submission takes at most unless something fails.
const quickSubmission = time.Minute

// lostUnpublished reports whether the driver of the submission ran, or may have, and is
// gone, although no status says so, because none could be written. It is not run
// again: the status will say that it was submitted, and what follows is the same as for
// any driver that is gone. The Service of the UI outlives the driver and the operator:
// it has the id of the submission once all other objects exist.
func (r *Runner) lostUnpublished(ctx context.Context, t *task, s *lifecycle.Submission) (bool, error) {
	app, since := t.in.App, t.in.StateSince()
	if t.in.Unpublished != nil {
		return false, nil
	}
	id, known := r.complete.Load(cache.MetaObjectToName(app))
	lost := known && id == s.ID
	if !known && r.settings.UI.WebService && !t.in.Now.Before(since.Add(quickSubmission)) {
		objects, err := ui.Build(app, r.settings.UI, ui.Run{SubmissionID: s.ID, SparkApplicationID: s.SparkApplicationID})
		if err != nil || objects.Web == nil {
			return false, nil //nolint:nilerr // ensureUI reports it
		}
		service, err := r.kube.CoreV1().Services(app.Namespace).Get(ctx, objects.Web.Service.Name, metav1.GetOptions{})
		if err != nil {
			return false, reconcile.IgnoreGone(err)
		}
		lost = metav1.IsControlledBy(service, app) && service.Labels[v1beta2.LabelSubmissionID] == s.ID
	}
	if !lost {
		return false, nil
	}
	// The cache may be behind; then the pod is there.
	pod, err := r.findDriver(ctx, app, s.ID)
	return err == nil && pod == nil, err
}

// build makes the objects of a submission.
func (r *Runner) build(app *v1beta2.SparkApplication, s *lifecycle.Submission) (*translate.Run, error) {
	params, err := r.buildParams(app, s)
	if err != nil {
		return nil, err
	}
	// An URL template that cannot be evaluated concerns the UI alone; ensureUI
	// reports it.
	if base, err := ui.ProxyBase(app, r.settings.UI, ui.Run{SubmissionID: s.ID, SparkApplicationID: submit.NewIDs(s.ID).App}); err == nil {
		params.UIProxyBase = base
	}
	run, err := translate.Build(app, params)
	if err != nil {
		return nil, err
	}
	if len(run.Secrets) > 0 {
		return nil, errors.New("the properties of the application contain credentials for which spark-submit creates a Secret, and the operator has no access to Secrets; create the Secret, and mount it with spec.driver.secrets")
	}
	annotations := make(map[string]string, len(run.Driver.Annotations)+3)
	maps.Copy(annotations, run.Driver.Annotations)
	run.Driver.Annotations = annotations // they may share memory with the application
	run.Driver.Annotations[v1beta2.AnnotationSpecHash] = s.SpecHash
	run.Driver.Annotations[v1beta2.AnnotationGeneration] = strconv.FormatInt(app.Generation, 10)
	run.Driver.Annotations[v1beta2.AnnotationRunObjects] = runObjects(&run.Objects)
	return run, nil
}

// createDriver creates the driver pod or finds the one that an earlier try of the
// same submission created. Its name is the lock of the submission.
func (r *Runner) createDriver(ctx context.Context, t *task, driver *corev1.Pod, s *lifecycle.Submission) (*podview.Pod, error) {
	app := t.in.App
	if pod := t.in.Unpublished; pod != nil {
		return r.adopt(pod, s)
	}
	klog.FromContext(ctx).V(2).Info("Creating driver pod", "pod", klog.KObj(driver), "submissionID", s.ID)
	pod, err := owned.Create(ctx, r.kube.CoreV1().Pods(app.Namespace), driver)
	if err == nil {
		r.createdDriver(cache.MetaObjectToName(app), pod.ResourceVersion)
		return podview.Of(pod), nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	existing, err := r.kube.CoreV1().Pods(app.Namespace).Get(ctx, driver.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, reconcile.WaitFor(lifecycle.ReasonOldDriver, "pod %s was just deleted", driver.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("read existing driver pod: %w", err)
	}
	owner, ids, seen := metav1.GetControllerOfNoCopy(existing), lifecycle.SubmissionIDs{App: app}, podview.Of(existing)
	switch {
	case metav1.IsControlledBy(existing, app) && seen.Labels.SubmissionID == s.ID && ids.Made(seen):
		return r.adopt(seen, s)
	case metav1.IsControlledBy(existing, app) && ids.Made(seen):
		if existing.DeletionTimestamp == nil {
			if err := r.ensureCurrent(ctx, t); err != nil {
				return nil, err
			}
			if err := r.deletePod(ctx, seen); err != nil {
				return nil, err
			}
		}
		return nil, reconcile.WaitFor(lifecycle.ReasonOldDriver, "pod %s of an earlier submission %s", existing.Name, owned.Terminating(existing))
	case existing.DeletionTimestamp != nil:
		return nil, reconcile.WaitFor(lifecycle.ReasonDriverNameUsed, "pod %s of %s %s", existing.Name, owned.Describe(owner), owned.Terminating(existing))
	case metav1.IsControlledBy(existing, app):
		return nil, reconcile.Refuse(fmt.Errorf("driver pod already exist: pod %s names this application as its owner but was not created for it; delete that pod or set spec.driver.podName to another name", existing.Name))
	case ownerOf(app).IsEarlier(owner):
		return nil, reconcile.WaitFor(lifecycle.ReasonDriverNameUsed, "pod %s %s", existing.Name, ownerOf(app).AwaitsCollector())
	}
	return nil, reconcile.Refuse(fmt.Errorf("driver pod already exist: pod %s belongs to %s; delete that pod or set spec.driver.podName to another name", existing.Name, owned.Describe(owner)))
}

// createOwned creates the objects of a run that belong to its driver pod.
func (r *Runner) createOwned(ctx context.Context, objects *submit.Objects, pod *podview.Pod) error {
	core := r.kube.CoreV1()
	if objects.Service != nil {
		if err := createFor(ctx, core.Services(pod.Namespace), objects.Service, pod, "service"); err != nil {
			return err
		}
	}
	if objects.NetworkPolicy != nil {
		if err := createFor(ctx, r.kube.NetworkingV1().NetworkPolicies(pod.Namespace), objects.NetworkPolicy, pod, "network policy"); err != nil {
			return err
		}
	}
	for _, claim := range objects.Claims {
		if err := createFor(ctx, core.PersistentVolumeClaims(pod.Namespace), claim, pod, "persistent volume claim"); err != nil {
			return err
		}
	}
	for _, configMap := range objects.ConfigMaps {
		if err := createFor(ctx, core.ConfigMaps(pod.Namespace), configMap, pod, "config map"); err != nil {
			return err
		}
	}
	for _, object := range objects.Pre {
		if err := r.ownPre(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// createFor creates an object that belongs to a driver pod. One that exists is
// right if it belongs to that pod: an earlier try created it.
func createFor[T owned.Object](ctx context.Context, client owned.Client[T], object T, pod *podview.Pod, noun string) error {
	_, _, err := owned.Ensure(ctx, client, object, func(existing T) error {
		if metav1.IsControlledBy(existing, pod.GetObjectMeta()) {
			return nil
		}
		owner := metav1.GetControllerOfNoCopy(existing)
		if existing.GetDeletionTimestamp() != nil {
			return reconcile.WaitFor(lifecycle.ReasonNameInUse, "%s %s of %s %s", noun, object.GetName(), owned.Describe(owner), owned.Terminating(existing))
		}
		if owner != nil && owner.Kind == "Pod" && owner.Name == pod.Name {
			return reconcile.WaitFor(lifecycle.ReasonOldDriver, "%s %s belongs to an earlier driver pod %s; the garbage collector will delete it", noun, object.GetName(), pod.Name)
		}
		return reconcile.Refuse(fmt.Errorf("%s %s exists and belongs to %s; delete it", noun, object.GetName(), owned.Describe(owner)))
	})
	return err
}

// createPre creates an object that has to exist before the driver pod, such as
// the pod group of a batch scheduler. It belongs to the application until it belongs to
// the pod, see ownPre: one that exists and belongs to neither is not ours.
func (r *Runner) createPre(ctx context.Context, t *task, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	client := owned.Dynamic(r.dynamic.Resource(resource).Namespace(object.GetNamespace()))
	object.SetOwnerReferences([]metav1.OwnerReference{translate.OwnerReference(t.in.App)})
	live, _, err := owned.Ensure(ctx, client, object, func(live *unstructured.Unstructured) error {
		if pod := t.in.Unpublished; pod != nil && metav1.IsControlledBy(live, pod.GetObjectMeta()) {
			return nil
		}
		return ownerOf(t.in.App).Judge(object.GetKind(), live)
	})
	if err == nil {
		object.SetUID(live.GetUID())
	}
	return err
}

// ownPre gives such an object the owner that it could not have before, provided it is
// the one that createPre left.
func (r *Runner) ownPre(ctx context.Context, object *unstructured.Unstructured) error {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": object.GetUID(), "ownerReferences": object.GetOwnerReferences(),
	}})
	if err != nil {
		return fmt.Errorf("owner of %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	_, err = r.dynamic.Resource(resource).Namespace(object.GetNamespace()).Patch(ctx, object.GetName(), types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: reconcile.FieldManager})
	return err
}
