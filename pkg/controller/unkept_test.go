// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
)

// prune removes what the CRD of kubeflow/spark-operator does not have. Times are kept in
// seconds.
func prune(status *v1beta2.SparkApplicationStatus) {
	status.Conditions, status.Attempts, status.ExecutorCounts = nil, nil, nil
	status.ObservedGeneration, status.ObservedSpecHash = 0, ""
	status.ForgivenAttempts, status.InfrastructureFailures = 0, 0
	status.NextRetryTime, status.AppState.LastTransitionTime = nil, nil
	for _, at := range []*metav1.Time{&status.LastSubmissionAttemptTime, &status.TerminationTime} {
		*at = at.Rfc3339Copy()
	}
}

// prunedPi is a cluster with such a CRD and an application that runs.
func prunedPi(t *testing.T) (*cluster, *process) {
	t.Helper()
	c := newCluster(t)
	c.prunes = true
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateRunning)
	if len(app.Status.Conditions) > 0 || app.Status.ObservedSpecHash != "" {
		t.Fatalf("status %+v", app.Status)
	}
	return c, p
}

// TestEditsStartRunsWithoutOurFields: where the API server drops our status fields, an
// edit that needs a new run leads to one, whether the operator saw the run begin or has
// been restarted since, and whether the edit comes before the restart or after it. What
// is no edit leads to none.
func TestEditsStartRunsWithoutOurFields(t *testing.T) {
	for name, restart := range map[string]struct{ before, after bool }{
		"one process": {}, "restart, then edit": {before: true}, "edit, then restart": {after: true}, "both": {true, true},
	} {
		for state, phase := range map[v1beta2.ApplicationStateType]corev1.PodPhase{lifecycle.StateRunning: "", lifecycle.StateCompleted: corev1.PodSucceeded, lifecycle.StateFailed: corev1.PodFailed} {
			t.Run(name+", "+string(state), func(t *testing.T) {
				c, p := prunedPi(t)
				if phase != "" {
					c.driverPhase("pi-driver", phase)
					mustSettle(t, p, "pi")
				}
				first := c.wantState("pi", state).Status.SubmissionID
				if restart.before {
					p = c.start()
					mustSettle(t, p, "pi")
				}
				c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.TimeToLiveSeconds = ptr.To(int64(1 << 20)) })
				mustSettle(t, p, "pi")
				if again := c.wantState("pi", state); again.Status.SubmissionID != first {
					t.Fatal("an edit of the time to live started a run")
				}
				c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"1000"} })
				if restart.after {
					p = c.start()
				}
				mustSettle(t, p, "pi")
				mustSettle(t, c.start(), "pi")
				second := c.wantState("pi", lifecycle.StateSubmitted)
				if second.Status.SubmissionID == first || c.count(podsResource, "Pod") != 1 {
					t.Errorf("status %+v, %d pods", second.Status, c.count(podsResource, "Pod"))
				}
				if want := lifecycle.NextSubmissionID(second.UID, first); second.Status.SubmissionID != want {
					t.Errorf("submission %s, want %s: exactly one more", second.Status.SubmissionID, want)
				}
			})
		}
	}
}

// TestNewDefaultsAreNoEditWithoutOurFields: another configuration of the operator changes
// the hashes of all applications and restarts none.
func TestNewDefaultsAreNoEditWithoutOurFields(t *testing.T) {
	c, _ := prunedPi(t)
	first := c.application("pi").Status.SubmissionID
	p := c.start(func(config *Config) { config.DefaultConf = map[string]string{"spark.driver.memory": "2g"} })
	mustSettle(t, p, "pi")
	if app := c.wantState("pi", lifecycle.StateRunning); app.Status.SubmissionID != first {
		t.Errorf("status %+v", app.Status)
	}
}

// TestMendedSpecsRunWithoutOurFields: an application that was refused without a run is
// tried again after an edit, also by an operator that did not see the refusal.
func TestMendedSpecsRunWithoutOurFields(t *testing.T) {
	for _, restart := range []bool{false, true} {
		c := newCluster(t)
		c.prunes = true
		c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { app.Spec.Mode = "client" }))
		p := c.start()
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateFailed)
		if restart {
			p = c.start()
			mustSettle(t, p, "pi")
		}
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Mode = v1beta2.DeployModeCluster })
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateSubmitted)
	}
}

// TestJobWithoutOurFields: spark-submit runs in one Job, whenever the operator is
// restarted and whatever the submitter is by then.
func TestJobWithoutOurFields(t *testing.T) {
	for name, test := range map[string]struct {
		restarts int
		edit     func(app *v1beta2.SparkApplication)
	}{
		"one process": {}, "restarts": {restarts: 2},
		"another submitter": {1, func(app *v1beta2.SparkApplication) {
			metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterNative)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.prunes = true
			c.addApplication(newApplication("pi", bySparkSubmit))
			p := c.start()
			mustSettle(t, p, "pi")
			job := c.activeJob()
			if test.edit != nil {
				app := c.application("pi")
				test.edit(app)
				c.putApplication(app)
			}
			for range test.restarts {
				p = c.start()
				if after := mustSettle(t, p, "pi"); after != run.JobPollDelay {
					t.Errorf("looks again after %v", after)
				}
			}
			c.runClient(job)
			c.endJob(job, batchv1.JobComplete, "CompletionsReached")
			mustSettle(t, p, "pi")
			if app := c.wantState("pi", lifecycle.StateSubmitted); len(c.jobs()) != 1 || c.count(podsResource, "Pod") != 1 || app.Status.SubmissionAttempts != 1 {
				t.Errorf("%d jobs, %d pods, status %+v", len(c.jobs()), c.count(podsResource, "Pod"), app.Status)
			}
		})
	}
}

// TestSuspensionEndsTheJobWithoutOurFields: a Job of which nothing is remembered is
// stopped as well.
func TestSuspensionEndsTheJobWithoutOurFields(t *testing.T) {
	c := newCluster(t)
	c.prunes = true
	c.addApplication(newApplication("pi", bySparkSubmit))
	mustSettle(t, c.start(), "pi")
	c.activeJob()
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
	p := c.start()
	for range 10 {
		_, _ = p.settle("pi")
	}
	c.wantState("pi", lifecycle.StateSuspended)
	if jobs := c.jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs", len(jobs))
	}
}

// TestPatienceEndsWithoutOurFields: what is waited for is given up after its time; a
// restart begins it anew.
func TestPatienceEndsWithoutOurFields(t *testing.T) {
	for _, restarts := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			c.prunes = true
			c.refusing("create", "pods", errNoAccount)
			c.addApplication(newApplication("pi"))
			for range restarts {
				stop := running(t, c, Config{})
				letPass(40 * time.Second)
				stop()
				c.wantState("pi", lifecycle.StateSubmitting)
			}
			defer running(t, c, Config{})()
			letPass(50 * time.Second)
			c.wantState("pi", lifecycle.StateSubmitting)
			letPass(15 * time.Second)
			if app := c.wantState("pi", lifecycle.StateFailed); app.Status.SubmissionAttempts != 1 {
				t.Errorf("status %+v", app.Status)
			}
		})
	}
}
