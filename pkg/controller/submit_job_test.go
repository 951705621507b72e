// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

var (
	jobsResource       = batchv1.SchemeGroupVersion.WithResource("jobs")
	configMapsResource = corev1.SchemeGroupVersion.WithResource("configmaps")
)

func bySparkSubmit(app *v1beta2.SparkApplication) {
	metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterSparkSubmit)
}

// jobs returns all Jobs, those that have ended as well.
func (c *cluster) jobs() []*batchv1.Job {
	c.t.Helper()
	list, err := c.kube.Tracker().List(jobsResource, batchv1.SchemeGroupVersion.WithKind("Job"), "ns")
	if err != nil {
		c.t.Fatal(err)
	}
	var jobs []*batchv1.Job
	for i := range list.(*batchv1.JobList).Items {
		jobs = append(jobs, &list.(*batchv1.JobList).Items[i])
	}
	return jobs
}

// activeJob returns the one Job that has not ended.
func (c *cluster) activeJob() *batchv1.Job {
	c.t.Helper()
	var active []*batchv1.Job
	for _, job := range c.jobs() {
		if len(job.Status.Conditions) == 0 {
			active = append(active, job)
		}
	}
	if len(active) != 1 {
		c.t.Fatalf("%d active jobs; writes %q", len(active), c.log)
	}
	return active[0]
}

func (c *cluster) endJob(job *batchv1.Job, kind batchv1.JobConditionType, reason string) {
	c.t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	job = job.DeepCopy()
	job.Status.Conditions = []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: "as the test says"}}
	job.ResourceVersion = c.nextVersion()
	if err := c.kube.Tracker().Update(jobsResource, job, "ns"); err != nil {
		c.t.Fatal(err)
	}
}

// runClient makes the driver pod that spark-submit in the Job would make.
func (c *cluster) runClient(job *batchv1.Job) {
	c.t.Helper()
	object, err := c.kube.Tracker().Get(configMapsResource, "ns", job.Name)
	if err != nil {
		c.t.Fatal(err)
	}
	data := object.(*corev1.ConfigMap).Data
	conf, err := sparkconf.ParseProperties(data["spark.properties"])
	if err != nil {
		c.t.Fatal(err)
	}
	files := map[string][]byte{}
	for name, text := range data {
		files["/etc/spark-submit/"+name] = []byte(text)
	}
	objects, err := submit.Build(submit.Input{
		SparkVersion: "4.0.4", Conf: conf, Files: files, MainClass: "org.apache.spark.examples.SparkPi",
		PrimaryResource: "local:///opt/spark/examples/jars/spark-examples.jar", User: "spark",
		IDs: submit.NewIDs("drawn by the client of " + job.Name), SubmitTime: c.clock.Now(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.addPod(objects.Driver)
}

func (c *cluster) submittedReason(name string) string {
	c.t.Helper()
	condition := meta.FindStatusCondition(c.application(name).Status.Conditions, v1beta2.ConditionSubmitted)
	if condition == nil {
		return ""
	}
	return condition.Reason
}

func TestSparkSubmitInAJob(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit))
	p := c.start()

	// First the intention, then the Job.
	if _, err := p.step("pi"); err != nil {
		t.Fatal(err)
	}
	if reason := c.submittedReason("pi"); reason != lifecycle.ReasonSubmitterStarting || len(c.jobs()) != 0 {
		t.Fatalf("reason %q with %d jobs", reason, len(c.jobs()))
	}
	after := mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitting)
	job := c.activeJob()
	if reason := c.submittedReason("pi"); reason != lifecycle.ReasonSubmitterRunning || after != run.JobPollDelay {
		t.Errorf("reason %q, next look after %v", reason, after)
	}
	if len(c.pods()) != 0 || len(c.events) != 0 {
		t.Errorf("%d pods, events %q while spark-submit has done nothing", len(c.pods()), c.events)
	}

	c.runClient(job)
	mustSettle(t, p, "pi")
	app, pod := c.wantState("pi", lifecycle.StateSubmitted), c.pod("pi-driver")
	if app.Status.SubmissionID != pod.Labels[v1beta2.LabelSubmissionID] || job.Name != sparksubmit.Name(app.Status.SubmissionID) {
		t.Errorf("submission %s, pod's %v, job %s", app.Status.SubmissionID, pod.Labels, job.Name)
	}
	if id := app.Status.SparkApplicationID; id == "" || id != pod.Labels[v1beta2.LabelSparkApplicationSelector] {
		t.Errorf("application id %q, pod's %v", id, pod.Labels)
	}
	if owner := metav1.GetControllerOf(pod); owner == nil || owner.UID != app.UID || owner.Name != "pi" || !ptr.Deref(owner.BlockOwnerDeletion, false) || len(pod.OwnerReferences) != 1 {
		t.Errorf("owners %+v", pod.OwnerReferences)
	}
	if app.Status.SubmissionAttempts != 1 || app.Status.ExecutionAttempts != 1 {
		t.Errorf("status %+v", app.Status)
	}

	c.endJob(job, batchv1.JobComplete, "Completed")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if len(c.jobs()) != 0 {
		t.Error("the job outlived the run")
	}
	want := []string{"SparkApplicationSubmitted", "SparkDriverRunning", "SparkDriverCompleted", "SparkApplicationCompleted"}
	if got := c.reasons(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// TestDriverThatCannotHoldItsApplication: where the operator may not patch pods, or
// the pod goes at that moment, the submission goes on.
func TestDriverThatCannotHoldItsApplication(t *testing.T) {
	for name, refusal := range map[string]struct {
		err       error
		wantState v1beta2.ApplicationStateType
	}{
		"forbidden": {apierrors.NewForbidden(podsResource.GroupResource(), "pi-driver", errors.New("no")), lifecycle.StateSubmitted},
		"gone":      {apierrors.NewNotFound(podsResource.GroupResource(), "pi-driver"), lifecycle.StateSubmitted},
		"busy":      {apierrors.NewServiceUnavailable("later"), lifecycle.StateSubmitting},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", bySparkSubmit))
			p := c.start()
			mustSettle(t, p, "pi")
			c.kube.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, refusal.err
			})
			c.runClient(c.activeJob())
			for range 3 {
				if _, err := p.step("pi"); (err == nil) != (refusal.wantState == lifecycle.StateSubmitted) {
					t.Error(err)
				}
			}
			c.wantState("pi", refusal.wantState)
		})
	}
}

// TestDeletionWhileSparkSubmitCreatesTheDriver: spark-submit creates the driver of an application
// that is being deleted. The driver blocks the deletion of its application, so it
// is gone when the application is.
func TestDeletionWhileSparkSubmitCreatesTheDriver(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit))
	p := c.start()
	mustSettle(t, p, "pi")
	app := c.application("pi")
	app.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now()))
	app.Finalizers = []string{metav1.FinalizerDeleteDependents}
	c.putApplication(app)
	c.runClient(c.activeJob())
	c.log = nil
	mustSettle(t, p, "pi")
	if want := []string{"patch pods pi-driver", "delete pods pi-driver"}; !slices.Equal(c.log[:2], want) {
		t.Errorf("writes %q, want %q first", c.log, want)
	}
}

func TestSparkSubmitFails(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit, onFailure(1, 5)))
	p := c.start()
	names := map[string]bool{}
	for attempt := range 2 {
		mustSettle(t, p, "pi")
		job := c.activeJob()
		names[job.Name] = true
		c.addPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("submitter-%d", attempt), Namespace: "ns", Labels: map[string]string{batchv1.JobNameLabel: job.Name},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
		}})
		c.endJob(job, batchv1.JobFailed, "BackoffLimitExceeded")
		after := mustSettle(t, p, "pi")
		want := lifecycle.StateRefused
		if attempt == 1 {
			want = lifecycle.StateFailed
		}
		message := c.wantState("pi", want).Status.AppState.ErrorMessage
		for _, part := range []string{run.RefusalPrefix, job.Name, "BackoffLimitExceeded", "fake logs"} {
			if !strings.Contains(message, part) {
				t.Errorf("message %q has no %q", message, part)
			}
		}
		c.clock.Step(max(after, time.Second))
	}
	if app := c.application("pi"); len(names) != 2 || app.Status.SubmissionAttempts != 2 || app.Status.ExecutionAttempts != 0 {
		t.Errorf("jobs %v, status %+v", names, app.Status)
	}
}

// TestSparkSubmitFailsAfterItsDriver: the client ended between the pod and what
// the pod mounts.
func TestSparkSubmitFailsAfterItsDriver(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit))
	p := c.start()
	mustSettle(t, p, "pi")
	job := c.activeJob()
	c.runClient(job)
	c.endJob(job, batchv1.JobFailed, "DeadlineExceeded")
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
	if c.pod("pi-driver") != nil {
		t.Error("the driver without its files is still there")
	}
}

func TestSparkSubmitRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		world func(*cluster, *process)
		want  string
	}{
		"job deleted by a user": {func(c *cluster, p *process) {
			mustSettle(c.t, p, "pi")
			if err := c.kube.Tracker().Delete(jobsResource, "ns", c.activeJob().Name); err != nil {
				c.t.Fatal(err)
			}
		}, "was deleted before it created the driver pod"},
		"success without driver": {func(c *cluster, p *process) {
			mustSettle(c.t, p, "pi")
			c.endJob(c.activeJob(), batchv1.JobComplete, "Completed")
		}, "without creating a driver pod"},
		"foreign job": {func(c *cluster, _ *process) {
			app := c.application("pi")
			job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: sparksubmit.Name(lifecycle.NextSubmissionID(app.UID, "")), Namespace: "ns"}}
			if err := c.kube.Tracker().Create(jobsResource, job, "ns"); err != nil {
				c.t.Fatal(err)
			}
		}, "belongs to"},
		"unknown submitter": {func(c *cluster, _ *process) {
			app := c.application("pi")
			app.Annotations[v1beta2.AnnotationSubmitter] = "livy"
			c.putApplication(app)
		}, `unknown submitter "livy"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", bySparkSubmit))
			p := c.start()
			test.world(c, p)
			mustSettle(t, p, "pi")
			if message := c.wantState("pi", lifecycle.StateFailed).Status.AppState.ErrorMessage; !strings.Contains(message, test.want) {
				t.Errorf("message %q", message)
			}
			created := 0
			for _, entry := range c.log {
				if strings.HasPrefix(entry, "create jobs") {
					created++
				}
			}
			if created > 1 {
				t.Errorf("%d jobs were created: %q", created, c.log)
			}
		})
	}
}

// TestSubmitterOfTheOperator: the flag holds for applications that do not say it.
func TestSubmitterOfTheOperator(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("silent"))
	c.addApplication(newApplication("native", func(app *v1beta2.SparkApplication) {
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterNative)
	}))
	p := c.start(func(config *Config) { config.Submitter = v1beta2.SubmitterSparkSubmit })
	mustSettle(t, p, "silent")
	mustSettle(t, p, "native")
	c.activeJob()
	c.wantState("silent", lifecycle.StateSubmitting)
	c.wantState("native", lifecycle.StateSubmitted)
}

// TestSubmitterKeepsItsSubmission: what was begun in a Job ends there, though the
// application asks for something else by now.
func TestSubmitterKeepsItsSubmission(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit))
	p := c.start()
	mustSettle(t, p, "pi")
	app := c.application("pi")
	delete(app.Annotations, v1beta2.AnnotationSubmitter)
	c.putApplication(app)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitting)
	if c.pod("pi-driver") != nil {
		t.Error("a second driver beside the job's")
	}
	c.runClient(c.activeJob())
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)
}

// TestEditWhileSparkSubmitRuns: the driver of the old spec is replaced.
func TestEditWhileSparkSubmitRuns(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit))
	p := c.start()
	mustSettle(t, p, "pi")
	job := c.activeJob()
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"100"} })
	c.runClient(job)
	c.endJob(job, batchv1.JobComplete, "Completed")
	mustSettle(t, p, "pi")
	if next := c.activeJob(); next.Name == job.Name || c.pod("pi-driver") != nil {
		t.Errorf("job %s after %s, driver %v", next.Name, job.Name, c.pod("pi-driver"))
	}
}

func TestSuspendWhileSparkSubmitRuns(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", bySparkSubmit))
	p := c.start()
	mustSettle(t, p, "pi")
	c.runClient(c.activeJob()) // at the last moment
	suspend := func(value bool) {
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = &value })
	}
	suspend(true)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSuspended)
	if len(c.jobs()) != 0 || c.pod("pi-driver") != nil {
		t.Errorf("%d jobs, driver %v", len(c.jobs()), c.pod("pi-driver"))
	}
	suspend(false)
	mustSettle(t, p, "pi")
	c.activeJob()
}

// jobLife is life for an application that is submitted in Jobs: clients end soon
// after their driver pod.
func jobLife(p *process) error {
	c := p.cluster
	for range 40 {
		after, err := p.settle("pi")
		if err != nil {
			return err
		}
		app := c.application("pi")
		switch lifecycle.StateOf(&app.Status) {
		case lifecycle.StateSubmitting:
			job := c.activeJob()
			c.runClient(job)
			c.endJob(job, batchv1.JobComplete, "Completed")
		case lifecycle.StateSubmitted:
			c.driverPhase("pi-driver", corev1.PodRunning)
		case lifecycle.StateRunning:
			phase := corev1.PodFailed
			if app.Status.ExecutionAttempts > 1 {
				phase = corev1.PodSucceeded
			}
			c.driverPhase("pi-driver", phase)
		case lifecycle.StateFailing:
			c.clock.Step(max(after, time.Second))
		case lifecycle.StateCompleted, lifecycle.StateFailed:
			return nil
		}
	}
	return errors.New("the application does not come to an end")
}

// TestSparkSubmitCrashAtEveryWrite ends the process before and after each write:
// no submission ever gets a second Job.
func TestSparkSubmitCrashAtEveryWrite(t *testing.T) {
	for n := 1; ; n++ {
		reached := false
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d after %t", n, after), func(t *testing.T) {
				c := newCluster(t)
				c.addApplication(newApplication("pi", bySparkSubmit, onFailure(3, 1)))
				f := &fault{at: n, after: after, crash: true}
				c.fault = f
				created := map[string]int{}
				c.onWrite = func() {
					jobs := map[string]bool{}
					for _, job := range c.jobs() {
						jobs[job.Name] = true
					}
					for name := range jobs {
						created[name]++
					}
				}
				err := jobLife(c.start())
				if err == nil {
					return
				}
				if !errors.Is(err, errCrash) {
					t.Fatal(err)
				}
				reached = true
				if err := jobLife(c.start()); err != nil {
					t.Fatal(err)
				}
				app := c.wantState("pi", lifecycle.StateCompleted)
				if app.Status.ExecutionAttempts != 2 || app.Status.SubmissionAttempts != 2 {
					t.Errorf("%d executions, %d submissions; want 2 of each", app.Status.ExecutionAttempts, app.Status.SubmissionAttempts)
				}
				written := 0
				for _, entry := range c.log {
					if strings.HasPrefix(entry, "create jobs ") {
						written++
					}
				}
				if len(created) != 2 || written != 2 {
					t.Errorf("jobs %v, created %d times for 2 runs: %q", created, written, c.log)
				}
				if pods := c.pods(); len(pods) != 1 || pods[0].Labels[v1beta2.LabelSubmissionID] != app.Status.SubmissionID {
					t.Errorf("%d pods", len(pods))
				}
			})
		}
		if !reached {
			if n < 15 {
				t.Errorf("only %d writes in a whole life", n-1)
			}
			return
		}
	}
}
