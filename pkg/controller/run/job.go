// SPDX-License-Identifier: Apache-2.0

package run

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
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// JobPollDelay is how often a Job is looked at. The pods of Job and driver cause
// looks of their own; only a Job that fails without a pod depends on this.
const JobPollDelay = 10 * time.Second

// submitByJob has the spark-submit of the application's image submit it, in a
// Job. There is at most one Job for a submission: its name is derived from the
// submission id, the status says that it is about to exist before it does, and
// once the status says that it existed it is not created again.
func (r *Runner) submitByJob(ctx context.Context, t *task, s *lifecycle.Submission) error {
	phase, name := t.in.SubmitterPhase(), sparksubmit.Name(s.ID)
	if phase == "" {
		t.out.Pending = &lifecycle.Pending{Reason: lifecycle.ReasonSubmitterStarting, Message: "job " + name + " will run spark-submit"}
		return nil
	}
	job, err := r.findJob(ctx, t.in.App, name)
	if err != nil {
		return err
	}
	if phase == lifecycle.ReasonSubmitterStarting {
		if job, err = r.start(ctx, t, s, job); err != nil {
			return err
		}
	}
	if job != nil && isJob(job, batchv1.JobFailed) != nil {
		return r.failed(ctx, t, s, job)
	}
	pod := t.in.Unpublished
	ended := job == nil || isJob(job, batchv1.JobComplete) != nil
	if pod == nil && ended {
		// The Job may be ahead of the cache; a verdict is not left to it.
		if pod, err = r.findDriver(ctx, t.in.App, s.ID); err != nil {
			return err
		}
		if pod == nil && job != nil && isJob(job, batchv1.JobComplete) != nil {
			if pod, err = r.findDriverOfOlder(ctx, t.in.App, s.ID, job); err != nil {
				return err
			}
		}
	}
	switch {
	case pod != nil:
		return r.take(ctx, t, pod, s)
	case job == nil:
		return reconcile.Refuse(fmt.Errorf("job %s was deleted before it created the driver pod", name))
	case ended:
		return reconcile.Refuse(fmt.Errorf("job %s succeeded without creating a driver pod for this submission; see the log of the job's pod", name))
	}
	t.out.Pending = &lifecycle.Pending{Reason: lifecycle.ReasonSubmitterRunning, Message: "job " + name + " runs spark-submit", After: JobPollDelay}
	return nil
}

// take makes the driver pod that spark-submit created that of the submission.
func (r *Runner) take(ctx context.Context, t *task, pod *podview.Pod, s *lifecycle.Submission) error {
	if _, err := r.adopt(pod, s); err != nil {
		return err
	}
	if err := r.blockDeletion(ctx, t, pod); err != nil {
		return err
	}
	s.DriverPodName = pod.Name
	s.SparkApplicationID = pod.Labels.SparkApplicationSelector
	s.Time = pod.CreationTimestamp.Time
	if hash := pod.Annotations.Get(v1beta2.AnnotationSpecHash); hash != "" {
		s.SpecHash = hash // the spec may have been edited since; then the next sync sees it
	}
	return nil
}

// findJob returns the Job of that name; nil if there is none.
func (r *Runner) findJob(ctx context.Context, app *v1beta2.SparkApplication, name string) (*batchv1.Job, error) {
	job, err := r.kube.BatchV1().Jobs(app.Namespace).Get(ctx, name, metav1.GetOptions{})
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
func (r *Runner) start(ctx context.Context, t *task, s *lifecycle.Submission, job *batchv1.Job) (*batchv1.Job, error) {
	app := t.in.App
	run, err := r.buildJob(app, s)
	if err != nil {
		return nil, reconcile.Refuse(err)
	}
	s.Warnings = run.Warnings
	if run.MonitoringConfig != nil {
		err := r.ensureConfigMap(ctx, app, run.MonitoringConfig)
		if owned.IsForeign(err) {
			s.Avoid(app, err)
			if run, err = r.buildJob(app, s); err != nil {
				return nil, reconcile.Refuse(err)
			}
			s.Warnings = append([]string{s.MonitoringWarning}, run.Warnings...)
			err = r.ensureConfigMap(ctx, app, run.MonitoringConfig)
		}
		if err != nil {
			return nil, err
		}
	}
	if job == nil {
		klog.FromContext(ctx).V(2).Info("Creating job", "job", klog.KObj(run.Job), "submissionID", s.ID)
		job, err = owned.Create(ctx, r.kube.BatchV1().Jobs(app.Namespace), run.Job)
		if apierrors.IsAlreadyExists(err) {
			if job, err = r.findJob(ctx, app, run.Job.Name); err == nil && job == nil {
				err = reconcile.WaitFor(lifecycle.ReasonRetrying, "job %s was just deleted", run.Job.Name)
			}
		}
		if err != nil {
			return nil, describe("job", run.Job, err)
		}
	}
	run.Own(job)
	_, _, err = owned.Ensure(ctx, r.kube.CoreV1().ConfigMaps(app.Namespace), run.Files, func(existing *corev1.ConfigMap) error {
		if !metav1.IsControlledBy(existing, job) {
			return ownerOf(app).Foreign("config map", existing)
		}
		return nil
	})
	return job, describe("config map", run.Files, err)
}

func (r *Runner) buildJob(app *v1beta2.SparkApplication, s *lifecycle.Submission) (*translate.JobRun, error) {
	params, err := r.buildParams(app, s)
	if err != nil {
		return nil, err
	}
	// The real client draws the application id itself, so a path that holds it
	// is not known in advance.
	base := func(id string) string {
		path, err := ui.ProxyBase(app, r.settings.UI, ui.Run{SubmissionID: s.ID, SparkApplicationID: id})
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
		Deadline: r.settings.SubmitterDeadline,
		Annotations: map[string]string{
			v1beta2.AnnotationSpecHash:   s.SpecHash,
			v1beta2.AnnotationGeneration: strconv.FormatInt(app.Generation, 10),
			v1beta2.AnnotationSubmitter:  v1beta2.SubmitterSparkSubmit,
		},
	})
}

// failed refuses the submission with the end of spark-submit's log. A driver pod
// that it left behind lacks what it did not come to create, and goes.
func (r *Runner) failed(ctx context.Context, t *task, s *lifecycle.Submission, job *batchv1.Job) error {
	pod, err := r.findDriver(ctx, t.in.App, s.ID)
	if err != nil {
		return err
	}
	if pod != nil {
		if err := r.ensureCurrent(ctx, t); err != nil {
			return err
		}
		if err := r.deletePod(ctx, pod); err != nil {
			return err
		}
	}
	condition := isJob(job, batchv1.JobFailed)
	text := fmt.Sprintf("job %s failed: %s: %s", job.Name, condition.Reason, condition.Message)
	if tail := r.logTail(ctx, job); tail != "" {
		text += "; the log ends: " + tail
	}
	return reconcile.Refuse(fmt.Errorf("%s", text))
}

// findDriver asks the API server for the driver pod of a submission; nil if there
// is none.
func (r *Runner) findDriver(ctx context.Context, app *v1beta2.SparkApplication, id string) (*podview.Pod, error) {
	ids := lifecycle.SubmissionIDs{App: app}
	return r.findDriverThat(ctx, app, id, ids.Made)
}

// findDriverOfOlder does the same for a Job that was begun by a version of the operator
// which did not set v1beta2.EnvSubmissionID, as the files of the Job show.
func (r *Runner) findDriverOfOlder(ctx context.Context, app *v1beta2.SparkApplication, id string, job *batchv1.Job) (*podview.Pod, error) {
	files, err := r.kube.CoreV1().ConfigMaps(job.Namespace).Get(ctx, job.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read config map %s: %w", job.Name, err)
	}
	for _, text := range files.Data {
		if strings.Contains(text, v1beta2.EnvSubmissionID) {
			return nil, nil
		}
	}
	if !metav1.IsControlledBy(files, job) {
		return nil, nil
	}
	return r.findDriverThat(ctx, app, id, func(pod *podview.Pod) bool {
		driver := pod.Spec.Driver
		return driver != nil && driver.SubmissionID == "" && bySubmitterJob(pod) && !pod.CreationTimestamp.Before(&job.CreationTimestamp)
	})
}

func (r *Runner) findDriverThat(ctx context.Context, app *v1beta2.SparkApplication, id string, fits func(*podview.Pod) bool) (*podview.Pod, error) {
	list, err := r.kube.CoreV1().Pods(app.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: v1beta2.LabelSubmissionID + "=" + id + "," + v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver,
	})
	if err != nil {
		return nil, fmt.Errorf("find driver pod: %w", err)
	}
	for i := range list.Items {
		if pod := podview.Of(&list.Items[i]); metav1.IsControlledBy(&list.Items[i], app) && fits(pod) {
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
func (r *Runner) logTail(ctx context.Context, job *batchv1.Job) string {
	pods := r.kube.CoreV1().Pods(job.Namespace)
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
		text, err := r.readLog(ctx, pod)
		if err != nil {
			klog.FromContext(ctx).V(2).Info("Cannot read the log of spark-submit", "pod", klog.KObj(pod), "reason", err)
			// The kubelet puts the end of the log there.
			if end := diagnosis.ContainerStatus(podview.Of(pod), sparksubmit.ContainerName); end != nil && end.State.Terminated != nil {
				text = end.State.Terminated.Message
			}
		}
		if tail := lastLines(r.settings.Hide(text)); tail != "" {
			return tail
		}
	}
	return ""
}

func (r *Runner) readLog(ctx context.Context, pod *corev1.Pod) (string, error) {
	stream, err := r.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
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
func (r *Runner) stopSubmitter(ctx context.Context, t *task) error {
	app := t.in.App
	if t.in.SubmitterPhase() == "" && !t.in.Forgotten() {
		return nil
	}
	id := lifecycle.NextSubmissionID(app.UID, app.Status.SubmissionID)
	job, err := r.kube.BatchV1().Jobs(app.Namespace).Get(ctx, sparksubmit.Name(id), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("read job: %w", err)
	case metav1.IsControlledBy(job, app):
		if job.DeletionTimestamp == nil {
			if err := r.ensureCurrent(ctx, t); err != nil {
				return err
			}
			// In the foreground, so that the Job is there as long as its pod is.
			err := r.kube.BatchV1().Jobs(app.Namespace).Delete(ctx, job.Name, metav1.DeleteOptions{
				Preconditions:     metav1.NewUIDPreconditions(string(job.UID)),
				PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
			})
			if err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("delete job %s: %w", job.Name, err)
			}
		}
		return reconcile.WaitFor(lifecycle.ReasonSubmitterEnding, "job %s, which runs spark-submit, is being deleted", job.Name)
	}
	pod, err := r.findDriver(ctx, app, id)
	if err != nil || pod == nil {
		return err
	}
	if err := r.ensureCurrent(ctx, t); err != nil {
		return err
	}
	return r.deletePod(ctx, pod)
}

// releaseSubmitter deletes the Job of a run that has ended.
func (r *Runner) releaseSubmitter(ctx context.Context, t *task) error {
	pod := t.in.Driver
	if pod == nil || !bySubmitterJob(pod) {
		return nil
	}
	name := sparksubmit.Name(t.in.App.Status.SubmissionID)
	// The status and the annotation may be forged; the owner of the Job is not.
	err := owned.Delete(ctx, r.kube.BatchV1().Jobs(pod.Namespace), name, t.in.App, metav1.DeleteOptions{
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	return r.released(ctx, t, "Job", name, err)
}
