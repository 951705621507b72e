// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// jobPollDelay is how often a Job is looked at. The pods of Job and driver cause
// looks of their own; only a Job that fails without a pod depends on this.
const jobPollDelay = 10 * time.Second

// jobSubmitter has the spark-submit of the application's image submit it, in a
// Job. There is at most one Job for a submission: its name is derived from the
// submission id, the status says that it is about to exist before it does, and
// once the status says that it existed it is not created again.
type jobSubmitter struct{ *Controller }

func (j jobSubmitter) submit(ctx context.Context, t *task, s *submission) error {
	phase, name := t.in.submitterPhase(), sparksubmit.Name(s.id)
	if phase == "" {
		t.out.pending = &pending{reason: reasonSubmitterStarting, message: "job " + name + " will run spark-submit"}
		return nil
	}
	job, err := j.findJob(ctx, t.in.app, name)
	if err != nil {
		return err
	}
	if phase == reasonSubmitterStarting {
		if job, err = j.start(ctx, t, s, job); err != nil {
			return err
		}
	}
	if job != nil && isJob(job, batchv1.JobFailed) != nil {
		return j.failed(ctx, t, s, job)
	}
	pod := t.in.unpublished
	ended := job == nil || isJob(job, batchv1.JobComplete) != nil
	if pod == nil && ended {
		// The Job may be ahead of the cache; a verdict is not left to it.
		if pod, err = j.findDriver(ctx, t.in.app, s.id); err != nil {
			return err
		}
	}
	switch {
	case pod != nil:
		return j.take(ctx, t, pod, s)
	case job == nil:
		return reconcile.Refuse(fmt.Errorf("job %s was deleted before it created the driver pod", name))
	case ended:
		return reconcile.Refuse(fmt.Errorf("job %s succeeded without creating a driver pod for this submission; see the log of the job's pod", name))
	}
	t.out.pending = &pending{reason: reasonSubmitterRunning, message: "job " + name + " runs spark-submit", after: jobPollDelay}
	return nil
}

// take makes the driver pod that spark-submit created that of the submission.
func (j jobSubmitter) take(ctx context.Context, t *task, pod *podview.Pod, s *submission) error {
	if _, err := j.adopt(pod, s); err != nil {
		return err
	}
	if err := j.blockDeletion(ctx, t, pod); err != nil {
		return err
	}
	s.driverPodName = pod.Name
	s.sparkApplicationID = pod.Labels.SparkApplicationSelector
	s.time = pod.CreationTimestamp.Time
	if hash := pod.Annotations.Get(annotationSpecHash); hash != "" {
		s.specHash = hash // the spec may have been edited since; then the next sync sees it
	}
	return nil
}

// adoptionPatience is how old a driver pod gets at most before it is taken without the
// right to patch it: it runs already.
const adoptionPatience = 10 * time.Second

// blockDeletion lets an application that is deleted in the foreground stay until its
// driver pod is gone. Whoever replaces a run waits for that. spark-submit created the
// pod without, as it lacks the right. Where we lack it, too, the run goes on all the
// same.
func (c *Controller) blockDeletion(ctx context.Context, t *task, pod *podview.Pod) error {
	// The reference with that uid is changed, the others stay; a pod with another uid is
	// not touched.
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q,"ownerReferences":[{"uid":%q,"blockOwnerDeletion":true}]}}`, pod.UID, t.in.app.UID)
	_, err := c.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: reconcile.FieldManager})
	cause := reconcile.Awaited(err)
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case reconcile.Final(err), cause != "" && !(cause.OfServer() && t.in.now.Sub(pod.CreationTimestamp.Time) < adoptionPatience):
		klog.FromContext(ctx).Info("Cannot block the deletion of the application until its driver pod is gone", "pod", klog.KObj(pod), "reason", err)
		return nil
	}
	return fmt.Errorf("patch driver pod %s: %w", pod.Name, err)
}

// findJob returns the Job of that name; nil if there is none.
func (c *Controller) findJob(ctx context.Context, app *v1beta2.SparkApplication, name string) (*batchv1.Job, error) {
	job, err := c.kube.BatchV1().Jobs(app.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read job %s: %w", name, err)
	}
	if !metav1.IsControlledBy(job, app) {
		return nil, ownerOf(app).Judge("job", job)
	}
	return job, nil
}

// start creates the Job, unless an earlier try did, and its ConfigMap.
func (j jobSubmitter) start(ctx context.Context, t *task, s *submission, job *batchv1.Job) (*batchv1.Job, error) {
	app := t.in.app
	run, err := j.buildJob(app, s)
	if err != nil {
		return nil, reconcile.Refuse(err)
	}
	s.warnings = run.Warnings
	if run.MonitoringConfig != nil {
		err := j.ensureConfigMap(ctx, app, run.MonitoringConfig)
		if owned.IsForeign(err) {
			s.avoid(app, err)
			if run, err = j.buildJob(app, s); err != nil {
				return nil, reconcile.Refuse(err)
			}
			s.warnings = append([]string{s.monitoringWarning}, run.Warnings...)
			err = j.ensureConfigMap(ctx, app, run.MonitoringConfig)
		}
		if err != nil {
			return nil, err
		}
	}
	if job == nil {
		klog.FromContext(ctx).V(2).Info("Creating job", "job", klog.KObj(run.Job), "submissionID", s.id)
		job, err = owned.Create(ctx, j.kube.BatchV1().Jobs(app.Namespace), run.Job)
		if apierrors.IsAlreadyExists(err) {
			if job, err = j.findJob(ctx, app, run.Job.Name); err == nil && job == nil {
				err = reconcile.WaitFor(reasonRetrying, "job %s was just deleted", run.Job.Name)
			}
		}
		if err != nil {
			return nil, describe("job", run.Job, err)
		}
	}
	run.Own(job)
	_, _, err = owned.Ensure(ctx, j.kube.CoreV1().ConfigMaps(app.Namespace), run.Files, func(existing *corev1.ConfigMap) error {
		if !metav1.IsControlledBy(existing, job) {
			return ownerOf(app).Foreign("config map", existing)
		}
		return nil
	})
	return job, describe("config map", run.Files, err)
}

func (j jobSubmitter) buildJob(app *v1beta2.SparkApplication, s *submission) (*translate.JobRun, error) {
	params, err := j.buildParams(app, s)
	if err != nil {
		return nil, err
	}
	// The real client draws the application id itself, so a path that holds it
	// is not known in advance.
	base := func(id string) string {
		path, err := ui.ProxyBase(app, j.settings.UI, ui.Run{SubmissionID: s.id, SparkApplicationID: id})
		if err != nil {
			return "" // it concerns the UI alone; ensureUI reports it
		}
		return path
	}
	if path := base("spark-1"); path == base("spark-2") {
		params.UIProxyBase = path
	}
	return translate.BuildJob(app, translate.JobParams{
		Params:   params,
		Deadline: j.settings.SubmitterDeadline,
		Annotations: map[string]string{
			annotationSpecHash:          s.specHash,
			annotationGeneration:        strconv.FormatInt(app.Generation, 10),
			v1beta2.AnnotationSubmitter: v1beta2.SubmitterSparkSubmit,
		},
	})
}

// failed refuses the submission with the end of spark-submit's log. A driver pod
// that it left behind lacks what it did not come to create, and goes.
func (j jobSubmitter) failed(ctx context.Context, t *task, s *submission, job *batchv1.Job) error {
	pod, err := j.findDriver(ctx, t.in.app, s.id)
	if err != nil {
		return err
	}
	if pod != nil {
		if err := j.ensureCurrent(ctx, t); err != nil {
			return err
		}
		if err := j.deletePod(ctx, pod); err != nil {
			return err
		}
	}
	condition := isJob(job, batchv1.JobFailed)
	text := fmt.Sprintf("job %s failed: %s: %s", job.Name, condition.Reason, condition.Message)
	if tail := j.logTail(ctx, job); tail != "" {
		text += "; the log ends: " + tail
	}
	return reconcile.Refuse(fmt.Errorf("%s", text))
}

// findDriver asks the API server for the driver pod of a submission; nil if there
// is none.
func (c *Controller) findDriver(ctx context.Context, app *v1beta2.SparkApplication, id string) (*podview.Pod, error) {
	list, err := c.kube.CoreV1().Pods(app.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: v1beta2.LabelSubmissionID + "=" + id + "," + v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver,
	})
	if err != nil {
		return nil, fmt.Errorf("find driver pod: %w", err)
	}
	ids := submissionIDs{app: app}
	for i := range list.Items {
		if pod := podview.Of(&list.Items[i]); metav1.IsControlledBy(&list.Items[i], app) && ids.made(pod) {
			return pod, nil
		}
	}
	return nil, nil
}

// isJob returns the condition if the Job has it, else nil.
func isJob(job *batchv1.Job, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		if c := &job.Status.Conditions[i]; c.Type == kind && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}

const (
	// maxLogLines and maxLogBytes bound what is read of a log, maxLogTail what is
	// kept of it.
	maxLogLines int64 = 200
	maxLogBytes int64 = 64 << 10
	maxLogTail        = 700
)

// logTail returns the end of spark-submit's log in one line; empty if it cannot be
// read; the failure is reported without it.
func (c *Controller) logTail(ctx context.Context, job *batchv1.Job) string {
	pods := c.kube.CoreV1().Pods(job.Namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + job.Name})
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot list the pods of the job", "job", klog.KObj(job), "reason", err)
		return ""
	}
	for i := range list.Items {
		pod := &list.Items[i]
		if !metav1.IsControlledBy(pod, job) {
			continue
		}
		text, err := c.readLog(ctx, pod)
		if err != nil {
			klog.FromContext(ctx).V(2).Info("Cannot read the log of spark-submit", "pod", klog.KObj(pod), "reason", err)
			// The kubelet puts the end of the log there.
			if end := containerStatus(podview.Of(pod), sparksubmit.ContainerName); end != nil && end.State.Terminated != nil {
				text = end.State.Terminated.Message
			}
		}
		if tail := lastLines(c.settings.redact(text)); tail != "" {
			return tail
		}
	}
	return ""
}

func (c *Controller) readLog(ctx context.Context, pod *corev1.Pod) (string, error) {
	stream, err := c.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: sparksubmit.ContainerName,
		TailLines: ptr.To(maxLogLines),
	}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, maxLogBytes))
	return string(text), err
}

// lastLines returns the last lines of a log as one, without the frames of stack
// traces, among which the messages would not fit.
func lastLines(log string) string {
	lines := strings.Split(log, "\n")
	var kept []string
	size := 0
	for i := len(lines) - 1; i >= 0 && size < maxLogTail; i-- {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "at ") || strings.HasPrefix(line, "... ") {
			continue
		}
		line = reconcile.Truncate(line, maxLogTail)
		kept = append([]string{line}, kept...)
		size += len(line)
	}
	return reconcile.OneLine(strings.Join(kept, " | "))
}

// stopSubmitter ends a submission that was begun in a Job and has led to nothing
// yet: the Job goes, with its pod, and then a driver that came of it.
func (c *Controller) stopSubmitter(ctx context.Context, t *task) error {
	app := t.in.app
	if t.in.submitterPhase() == "" && !t.in.forgotten() {
		return nil
	}
	id := nextSubmissionID(app.UID, app.Status.SubmissionID)
	job, err := c.kube.BatchV1().Jobs(app.Namespace).Get(ctx, sparksubmit.Name(id), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("read job: %w", err)
	case metav1.IsControlledBy(job, app):
		if job.DeletionTimestamp == nil {
			if err := c.ensureCurrent(ctx, t); err != nil {
				return err
			}
			// In the foreground, so that the Job is there as long as its pod is.
			err := c.kube.BatchV1().Jobs(app.Namespace).Delete(ctx, job.Name, metav1.DeleteOptions{
				Preconditions:     metav1.NewUIDPreconditions(string(job.UID)),
				PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
			})
			if err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("delete job %s: %w", job.Name, err)
			}
		}
		return reconcile.WaitFor(reasonSubmitterEnding, "job %s, which runs spark-submit, is being deleted", job.Name)
	}
	pod, err := c.findDriver(ctx, app, id)
	if err != nil || pod == nil {
		return err
	}
	if err := c.ensureCurrent(ctx, t); err != nil {
		return err
	}
	return c.deletePod(ctx, pod)
}

// bySubmitterJob reports whether a driver pod was created by spark-submit in a Job.
func bySubmitterJob(pod *podview.Pod) bool {
	return pod.Annotations.Get(v1beta2.AnnotationSubmitter) == v1beta2.SubmitterSparkSubmit
}

// releaseSubmitter deletes the Job of a run that has ended.
func (c *Controller) releaseSubmitter(ctx context.Context, t *task) error {
	pod := t.in.driver
	if pod == nil || !bySubmitterJob(pod) {
		return nil
	}
	name := sparksubmit.Name(t.in.app.Status.SubmissionID)
	// The status and the annotation may be forged; the owner of the Job is not.
	err := owned.Delete(ctx, c.kube.BatchV1().Jobs(pod.Namespace), name, t.in.app, metav1.DeleteOptions{
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	return c.released(ctx, t, "Job", name, err)
}
