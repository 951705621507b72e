// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// Annotations of driver pods that describe a submission to a later reader, such
// as the operator after a crash.
const (
	// annotationSpecHash is the hash of the spec from which the pod was built.
	annotationSpecHash = "sparkoperator.k8s.io/spec-hash"
	// annotationGeneration is the generation of the application at that time.
	annotationGeneration = "sparkoperator.k8s.io/spec-generation"
	// annotationRunObjects names the objects that belong to the run and that the
	// end of the run makes useless.
	annotationRunObjects = "sparkoperator.k8s.io/run-objects"
)

// submission is what a submission leaves in the status.
type submission struct {
	id                 string
	sparkApplicationID string
	driverPodName      string
	specHash           string
	time               time.Time
	// adopted is set if the driver pod existed already.
	adopted bool
	// monitoringConfig is the name of the ConfigMap of the metrics exporter, if it is
	// not the usual one.
	monitoringConfig string
	// monitoringWarning says why.
	monitoringWarning string
	warnings          []string
}

// avoid gives the ConfigMap of the metrics exporter a name of this very application,
// because a foreign one has the usual name.
func (s *submission) avoid(app *v1beta2.SparkApplication, foreign error) {
	id, _, _ := strings.Cut(string(app.UID), "-")
	s.monitoringConfig = app.Name + "-prom-conf-" + id
	s.monitoringWarning = fmt.Sprintf("the metrics exporter is configured by ConfigMap %s: %s", s.monitoringConfig, foreign)
}

// refusalPrefix starts the message of every refused submission. Clients and test
// suites look for its second half, although nothing runs spark-submit here.
const refusalPrefix = "failed to submit spark application: failed to run spark-submit: "

// submitRun creates the objects of the next submission. All of them exist before
// the status says SUBMITTED, so whatever happens in between, the next sync starts
// the same submission over, finds what exists and goes on from there.
func (c *Controller) submitRun(ctx context.Context, t *task) error {
	in := t.in
	app := in.app
	s := &submission{
		id:            nextSubmissionID(app.UID, app.Status.SubmissionID),
		driverPodName: translate.DriverPodName(app),
		specHash:      in.specHash,
		time:          in.now,
	}
	t.out.submission = s
	err := checkSize(app)
	var by submitter
	if err == nil {
		by, err = c.submitterOf(ctx, in)
	}
	if err == nil {
		err = by.submit(ctx, t, s)
	}
	if t.out.pending != nil && err == nil {
		return nil
	}
	s.warnings = append(s.warnings, toleratedFaults(app)...)
	switch {
	case err == nil:
	case in.gaveUp(err):
		if refused := (*translate.Refusal)(nil); errors.As(err, &refused) {
			s.warnings = refused.Warnings
		}
		t.out.refusal, t.out.refusalReason = refusalPrefix+reconcile.OneLine(err.Error()), refusalReason(err)
		return nil
	default:
		t.out.awaited = reconcile.Awaited(err)
		return err
	}
	return c.ensureUI(ctx, t)
}

// maxApplicationSize leaves room for a status below the 1.5 MB that etcd takes.
const maxApplicationSize = 1_300_000

// checkSize refuses an application whose status could not be written: its run would be
// forgotten.
func checkSize(app *v1beta2.SparkApplication) error {
	content, err := json.Marshal(app)
	if err != nil {
		return fmt.Errorf("size of the application: %w", err)
	}
	if len(content) > maxApplicationSize {
		return reconcile.Refuse(fmt.Errorf("the application has %d bytes; to leave room for its status, the maximum is %d; move large values to a ConfigMap", len(content), maxApplicationSize))
	}
	return nil
}

func (c *Controller) createRun(ctx context.Context, t *task, s *submission) error {
	run, err := c.build(t.in.app, s)
	if err != nil {
		return reconcile.Refuse(err)
	}
	s.warnings = run.Warnings
	s.sparkApplicationID = run.Driver.Labels[v1beta2.LabelSparkApplicationSelector]

	if lost, err := c.lostUnpublished(ctx, t, s); err != nil || lost {
		return err
	}
	for _, object := range run.Pre {
		if err := c.createPre(ctx, t, object); err != nil {
			return err
		}
	}
	for _, group := range run.Groups {
		if err := c.createGroup(ctx, t.in.app, group); err != nil {
			return err
		}
	}
	if run.MonitoringConfig != nil {
		err := c.ensureConfigMap(ctx, t.in.app, run.MonitoringConfig)
		if owned.IsForeign(err) {
			s.avoid(t.in.app, err)
			if run, err = c.build(t.in.app, s); err != nil {
				return reconcile.Refuse(err)
			}
			s.warnings = append([]string{s.monitoringWarning}, run.Warnings...)
			err = c.ensureConfigMap(ctx, t.in.app, run.MonitoringConfig)
		}
		if err != nil {
			return err
		}
	}
	pod, err := c.createDriver(ctx, t, run.Driver, s)
	if err != nil {
		return err
	}
	s.driverPodName = pod.Name
	if s.adopted {
		s.sparkApplicationID = pod.Labels.SparkApplicationSelector
		s.time = pod.CreationTimestamp.Time
		if hash := pod.Annotations.Get(annotationSpecHash); hash != s.specHash {
			// Built from an older spec, so objects of today's would not fit. The next
			// sync sees the difference and replaces the run. Not so if another version
			// of the operator computed the hash: then the run goes on.
			s.specHash = hash
			if comparableHash(hash) {
				return nil
			}
		}
	}
	submit.Own(&run.Objects, pod.GetObjectMeta())
	err = c.createOwned(ctx, &run.Objects, pod)
	if err != nil && t.in.gaveUp(err) {
		// Without its other objects the driver can only hang.
		c.complete.Delete(cache.MetaObjectToName(t.in.app))
		if deleteErr := c.deletePod(ctx, pod); deleteErr != nil {
			return fmt.Errorf("%w; delete driver %w", notPermanent(err), deleteErr)
		}
	}
	if err == nil {
		c.complete.Store(cache.MetaObjectToName(t.in.app), s.id)
	}
	return err
}

// quickSubmission is how long a submission takes at most unless something fails.
const quickSubmission = time.Minute

// lostUnpublished reports whether the driver of the submission ran, or may have, and is
// gone, although no status tells of it, because none could be written. It is not run
// again: the status will say that it was submitted, and what follows is the same as for
// any driver that is gone. The Service of the UI outlives the driver and the operator:
// it has the id of the submission once all other objects exist.
func (c *Controller) lostUnpublished(ctx context.Context, t *task, s *submission) (bool, error) {
	app, since := t.in.app, t.in.stateSince()
	if t.in.unpublished != nil {
		return false, nil
	}
	id, known := c.complete.Load(cache.MetaObjectToName(app))
	lost := known && id == s.id
	if !known && c.settings.UI.WebService && !t.in.now.Before(since.Add(quickSubmission)) {
		objects, err := ui.Build(app, c.settings.UI, ui.Run{SubmissionID: s.id, SparkApplicationID: s.sparkApplicationID})
		if err != nil || objects.Web == nil {
			return false, nil //nolint:nilerr // ensureUI reports it
		}
		service, err := c.kube.CoreV1().Services(app.Namespace).Get(ctx, objects.Web.Service.Name, metav1.GetOptions{})
		if err != nil {
			return false, reconcile.IgnoreGone(err)
		}
		lost = metav1.IsControlledBy(service, app) && service.Labels[v1beta2.LabelSubmissionID] == s.id
	}
	if !lost {
		return false, nil
	}
	// The cache may be behind; then the pod is there.
	pod, err := c.findDriver(ctx, app, s.id)
	return err == nil && pod == nil, err
}

// buildParams returns what a submission needs besides the application.
func (c *Controller) buildParams(app *v1beta2.SparkApplication, s *submission) (translate.Params, error) {
	scheduler, err := c.settings.BatchScheduling.schedulerOf(app)
	return translate.Params{
		SubmissionID: s.id,
		Master:       c.settings.Master,
		DefaultConf:  c.settings.DefaultConf,
		ServiceLinks: c.settings.ServiceLinks,
		PodWebhook:   c.settings.PodWebhook,
		SubmitTime:   s.time,
		Scheduler:    scheduler,

		MonitoringConfigName: s.monitoringConfig,
	}, err
}

// build makes the objects of a submission.
func (c *Controller) build(app *v1beta2.SparkApplication, s *submission) (*translate.Run, error) {
	params, err := c.buildParams(app, s)
	if err != nil {
		return nil, err
	}
	// An URL template that cannot be evaluated concerns the UI alone; ensureUI
	// reports it.
	if base, err := ui.ProxyBase(app, c.settings.UI, ui.Run{SubmissionID: s.id, SparkApplicationID: submit.NewIDs(s.id).App}); err == nil {
		params.UIProxyBase = base
	}
	run, err := translate.Build(app, params)
	if err != nil {
		return nil, err
	}
	annotations := make(map[string]string, len(run.Driver.Annotations)+3)
	maps.Copy(annotations, run.Driver.Annotations)
	run.Driver.Annotations = annotations // they may share memory with the application
	run.Driver.Annotations[annotationSpecHash] = s.specHash
	run.Driver.Annotations[annotationGeneration] = strconv.FormatInt(app.Generation, 10)
	run.Driver.Annotations[annotationRunObjects] = runObjects(&run.Objects)
	return run, nil
}

// createDriver creates the driver pod or finds the one that an earlier try of the
// same submission created. Its name is the lock of the submission.
func (c *Controller) createDriver(ctx context.Context, t *task, driver *corev1.Pod, s *submission) (*podview.Pod, error) {
	app := t.in.app
	if pod := t.in.unpublished; pod != nil {
		return c.adopt(pod, s)
	}
	klog.FromContext(ctx).V(2).Info("Creating driver pod", "pod", klog.KObj(driver), "submissionID", s.id)
	pod, err := owned.Create(ctx, c.kube.CoreV1().Pods(app.Namespace), driver)
	if err == nil {
		c.fresh.Wrote(cache.MetaObjectToName(app), freshPods, pod.ResourceVersion)
		return podview.Of(pod), nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	existing, err := c.kube.CoreV1().Pods(app.Namespace).Get(ctx, driver.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, reconcile.WaitFor(reasonOldDriver, "pod %s was just deleted", driver.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("read existing driver pod: %w", err)
	}
	owner, ids, seen := metav1.GetControllerOfNoCopy(existing), submissionIDs{app: app}, podview.Of(existing)
	switch {
	case metav1.IsControlledBy(existing, app) && seen.Labels.SubmissionID == s.id && ids.made(seen):
		return c.adopt(seen, s)
	case metav1.IsControlledBy(existing, app) && ids.made(seen):
		if existing.DeletionTimestamp == nil {
			if err := c.ensureCurrent(ctx, t); err != nil {
				return nil, err
			}
			if err := c.deletePod(ctx, seen); err != nil {
				return nil, err
			}
		}
		return nil, reconcile.WaitFor(reasonOldDriver, "pod %s of an earlier submission %s", existing.Name, owned.Terminating(existing))
	case existing.DeletionTimestamp != nil:
		return nil, reconcile.WaitFor(reasonDriverNameUsed, "pod %s of %s %s", existing.Name, owned.Describe(owner), owned.Terminating(existing))
	case metav1.IsControlledBy(existing, app):
		return nil, reconcile.Refuse(fmt.Errorf("driver pod already exist: pod %s names this application as its owner but was not created for it; delete that pod or set spec.driver.podName to another name", existing.Name))
	case ownerOf(app).IsEarlier(owner):
		return nil, reconcile.WaitFor(reasonDriverNameUsed, "pod %s %s", existing.Name, ownerOf(app).AwaitsCollector())
	}
	return nil, reconcile.Refuse(fmt.Errorf("driver pod already exist: pod %s belongs to %s; delete that pod or set spec.driver.podName to another name", existing.Name, owned.Describe(owner)))
}

func (c *Controller) adopt(pod *podview.Pod, s *submission) (*podview.Pod, error) {
	if pod.DeletionTimestamp != nil {
		return nil, reconcile.WaitFor(reasonOldDriver, "driver pod %s was deleted before its submission was complete", pod.Name)
	}
	s.adopted = true
	return pod, nil
}

// notPermanent hides that an error is permanent, because something else has to be
// done first; the submission is tried again and then refused.
func notPermanent(err error) error {
	return reconcile.WaitFor(reasonRetrying, "%s", err.Error())
}
