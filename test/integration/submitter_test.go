// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/lifecycle"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestSparkSubmitInAJob: the operator creates one Job, a restart of it adds none,
// and the driver pod that comes of it is taken for that of the submission. The
// test plays the controller of Jobs and spark-submit itself.
func TestSparkSubmitInAJob(t *testing.T) {
	namespace := newNamespace(t, "submitter")
	kill := sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	app := createBySparkSubmit(t, namespace, "pi")
	job := waitForJob(t, namespace, app)
	if !metav1.IsControlledBy(job, app) {
		t.Errorf("owners of the job: %v", job.OwnerReferences)
	}

	kill()
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	time.Sleep(5 * time.Second) // long enough for a second Job
	if again := waitForJob(t, namespace, app); again.UID != job.UID {
		t.Errorf("job %s (%s) became %s (%s)", job.Name, job.UID, again.Name, again.UID)
	}

	driver, err := lifecycle.RunSparkSubmit(t.Context(), api.Core, job)
	if err != nil {
		t.Fatal(err)
	}
	submitted := waitFor(t, namespace, "pi", "SUBMITTED with a driver", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted && !app.Status.BeingSubmitted()
	})
	if id := submitted.Status.SparkApplicationID; id != driver.Labels[v1beta2.LabelSparkApplicationSelector] {
		t.Errorf("application id %q, the driver's is %q", id, driver.Labels[v1beta2.LabelSparkApplicationSelector])
	}
	if submitted.Status.SubmissionID != driver.Labels[v1beta2.LabelSubmissionID] || !metav1.IsControlledBy(driver, app) {
		t.Errorf("submission %q, driver %+v", submitted.Status.SubmissionID, driver.ObjectMeta)
	}
	driver, err = api.Core.CoreV1().Pods(namespace).Get(t.Context(), driver.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if owners := driver.OwnerReferences; len(owners) != 1 || owners[0].UID != app.UID || owners[0].BlockOwnerDeletion == nil || !*owners[0].BlockOwnerDeletion {
		t.Errorf("owners of the driver: %+v", owners)
	}
}

// TestSparkSubmitJobFails: the application fails, with the reason of the Job.
func TestSparkSubmitJobFails(t *testing.T) {
	namespace := newNamespace(t, "submitter-fails")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	job := waitForJob(t, namespace, createBySparkSubmit(t, namespace, "pi"))

	now := metav1.Now()
	job.Status.StartTime = &now
	for _, kind := range []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, Reason: "DeadlineExceeded", LastTransitionTime: now, LastProbeTime: now,
		})
	}
	if _, err := api.Core.BatchV1().Jobs(namespace).UpdateStatus(t.Context(), job, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	failed := waitFor(t, namespace, "pi", "FAILED", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateFailed
	})
	if message := failed.Status.AppState.ErrorMessage; !strings.Contains(message, job.Name) || !strings.Contains(message, "DeadlineExceeded") {
		t.Errorf("message %q", message)
	}
}

func createBySparkSubmit(t *testing.T, namespace, name string) *v1beta2.SparkApplication {
	t.Helper()
	app := sparkPi(name)
	metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterSparkSubmit)
	created, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// waitForJob returns the one Job of the namespace once the status names it.
func waitForJob(t *testing.T, namespace string, app *v1beta2.SparkApplication) *batchv1.Job {
	t.Helper()
	waitFor(t, namespace, app.Name, "submitted by a job", func(app *v1beta2.SparkApplication) bool {
		condition := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionSubmitted)
		return condition != nil && condition.Reason == "SubmitterRunning"
	})
	jobs, err := api.Core.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs.Items) != 1 {
		t.Fatalf("%d jobs", len(jobs.Items))
	}
	return &jobs.Items[0]
}
