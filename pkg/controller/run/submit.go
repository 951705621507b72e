// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// submitRun creates the objects of the next submission. All of them exist before
// the status says SUBMITTED, so whatever happens in between, the next sync starts
// the same submission over, finds what exists and goes on from there.
func (r *Runner) submitRun(ctx context.Context, t *task) error {
	in := t.in
	app := in.App
	s := &lifecycle.Submission{
		ID:            lifecycle.NextSubmissionID(app.UID, app.Status.SubmissionID),
		DriverPodName: translate.DriverPodName(app),
		SpecHash:      in.SpecHash,
		Time:          in.Now,
	}
	t.out.Submission = s
	err := checkSize(app)
	var by func(context.Context, *task, *lifecycle.Submission) error
	if err == nil {
		by, err = r.submitterOf(ctx, in)
	}
	if err == nil {
		err = by(ctx, t, s)
	}
	if t.out.Pending != nil && err == nil {
		return nil
	}
	s.Warnings = append(s.Warnings, lifecycle.ToleratedFaults(app)...)
	switch {
	case err == nil:
		s.HistoryURL = r.historyURL(app, s.SparkApplicationID)
	case in.GaveUp(err):
		if refused := (*translate.Refusal)(nil); errors.As(err, &refused) {
			s.Warnings = refused.Warnings
		}
		t.out.Refusal, t.out.RefusalReason = RefusalPrefix+reconcile.OneLine(err.Error()), refusalReason(err)
		return nil
	default:
		t.out.Awaited = reconcile.Awaited(err)
		return err
	}
	return r.ensureUI(ctx, t)
}

// submitterOf returns the submitter of the application's next submission. A
// submission that was begun in a Job ends there, whatever is asked for by now.
func (r *Runner) submitterOf(ctx context.Context, in *lifecycle.Input) (submit func(context.Context, *task, *lifecycle.Submission) error, err error) {
	begun, err := r.recoverSubmitter(ctx, in)
	if err != nil {
		return nil, err
	}
	if begun || in.SubmitterPhase() != "" {
		return r.submitByJob, nil
	}
	name := in.App.Annotations[v1beta2.AnnotationSubmitter]
	if name == "" {
		name = r.settings.Submitter
	}
	switch name {
	case "", v1beta2.SubmitterNative:
		return r.createRun, nil
	case v1beta2.SubmitterSparkSubmit:
		return r.submitByJob, nil
	}
	return nil, reconcile.Refuse(fmt.Errorf("annotation %s: unknown submitter %q; use %s or %s",
		v1beta2.AnnotationSubmitter, name, v1beta2.SubmitterNative, v1beta2.SubmitterSparkSubmit))
}

// RefusalPrefix starts the message of every refused submission. Clients and test
// suites look for its second half, although nothing runs spark-submit here.
const RefusalPrefix = "failed to submit spark application: failed to run spark-submit: "

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

// recoverSubmitter reports whether the submission that is under way was begun in a Job,
// if that is forgotten.
func (r *Runner) recoverSubmitter(ctx context.Context, in *lifecycle.Input) (begun bool, err error) {
	if !in.Forgotten() {
		return false, nil
	}
	name := sparksubmit.Name(lifecycle.NextSubmissionID(in.App.UID, in.App.Status.SubmissionID))
	job, err := r.kube.BatchV1().Jobs(in.App.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read job %s: %w", name, err)
	}
	return metav1.IsControlledBy(job, in.App), nil
}
