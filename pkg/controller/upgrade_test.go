// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// TestDriverOfAnOlderJob: the operator is upgraded from a version whose Jobs did not set
// the variable with the submission id. It follows what they submitted, and deletes it
// before it submits anew.
func TestDriverOfAnOlderJob(t *testing.T) {
	submitted := func(t *testing.T) (*cluster, *process) {
		c := newCluster(t)
		c.addApplication(newApplication("pi", bySparkSubmit, onFailure(2, 1)))
		p := c.start()
		for range 2 {
			mustSettle(t, p, "pi")
		}
		job := c.activeJob()
		c.runClient(job)
		mustSettle(t, p, "pi")
		c.endJob(job, batchv1.JobComplete, "Completed")
		c.driverPhase("pi-driver", corev1.PodRunning)
		c.editPod("pi-driver", func(pod *corev1.Pod) {
			for i := range pod.Spec.Containers {
				env := &pod.Spec.Containers[i].Env
				*env = slices.DeleteFunc(*env, func(v corev1.EnvVar) bool { return v.Name == v1beta2.EnvSubmissionID })
			}
		})
		c.clock.Step(time.Hour)
		return c, c.start()
	}
	t.Run("runs to its end", func(t *testing.T) {
		c, p := submitted(t)
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateRunning)
		c.driverPhase("pi-driver", corev1.PodSucceeded)
		mustSettle(t, p, "pi")
		if app := c.wantState("pi", lifecycle.StateCompleted); app.Status.SubmissionAttempts != 1 || len(c.jobs()) != 0 {
			t.Errorf("%d attempts, %d jobs", app.Status.SubmissionAttempts, len(c.jobs()))
		}
	})
	t.Run("goes before the run of another spec", func(t *testing.T) {
		c, p := submitted(t)
		mustSettle(t, p, "pi")
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
			spec.Arguments, spec.Driver.PodName = []string{"other"}, ptr.To("other-driver")
		})
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateSubmitting)
		if c.pod("pi-driver") != nil {
			t.Error("the driver of the old spec still runs")
		}
	})
	t.Run("of a Job that was under way", func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("pi", bySparkSubmit))
		p := c.start()
		for range 2 {
			mustSettle(t, p, "pi")
		}
		job := c.activeJob()
		object, err := c.kube.Tracker().Get(configMapsResource, "ns", job.Name)
		if err != nil {
			t.Fatal(err)
		}
		files := object.(*corev1.ConfigMap).DeepCopy()
		for name, text := range files.Data {
			files.Data[name] = strings.ReplaceAll(text, v1beta2.EnvSubmissionID, "OTHER")
		}
		if err := c.kube.Tracker().Update(configMapsResource, files, "ns"); err != nil {
			t.Fatal(err)
		}
		p = c.start()
		c.runClient(job)
		c.endJob(job, batchv1.JobComplete, "Completed")
		c.driverPhase("pi-driver", corev1.PodRunning)
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateRunning)
	})
	t.Run("is no driver of another application", func(t *testing.T) {
		c, p := submitted(t)
		mustSettle(t, p, "pi")
		c.deletePod("pi-driver")
		other := mountsConfOf(namesake(owner("SparkApplication", "pi", c.application("pi").UID), map[string]string{
			v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver, v1beta2.LabelSubmissionID: c.application("pi").Status.SubmissionID,
		}), "other")
		other.CreationTimestamp = metav1.NewTime(c.clock.Now())
		other.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "SPARK_APPLICATION_ID", Value: "spark-other"}}
		c.addPod(other)
		for range 5 {
			_, _ = p.step("pi")
		}
		if c.pod("pi-driver") == nil || c.application("pi").Status.AppState.State == lifecycle.StateRunning {
			t.Errorf("state %s, pod %v", c.application("pi").Status.AppState.State, c.pod("pi-driver"))
		}
	})
}

// TestNextRunAfterAnotherOperator: kubeflow/spark-operator drew the submission id that the
// status has. The id of the next submission follows from it, and its driver is followed,
// after a restart with CRDs that keep no history as well.
func TestNextRunAfterAnotherOperator(t *testing.T) {
	next := map[string]func(c *cluster, steps func()){
		"edit": func(c *cluster, _ func()) {
			c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"other"} })
		},
		"suspension": func(c *cluster, steps func()) {
			c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
			steps()
			c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(false) })
		},
		"failure": func(c *cluster, _ func()) { c.driverPhase("pi-driver", corev1.PodFailed) },
	}
	states := []v1beta2.ApplicationStateType{
		lifecycle.StateRunning, lifecycle.StatePendingRerun, lifecycle.StateInvalidating, lifecycle.StateFailing, lifecycle.StateSuspended,
	}
	for _, state := range states {
		for name, again := range next {
			for _, forgets := range []bool{false, true} {
				c := newCluster(t)
				app := newApplication("pi", onFailure(3, 1))
				app.Status.SubmissionID, app.Status.AppState.State = "7d2b4a0e-0000-4000-8000-00000000000a", state
				app.Status.DriverInfo.PodName = "pi-driver"
				app.Status.SubmissionAttempts, app.Status.ExecutionAttempts = 1, 1
				app.Status.LastSubmissionAttemptTime, app.Status.TerminationTime = metav1.NewTime(testStart), metav1.NewTime(testStart)
				c.addApplication(app)
				pod := namesake(owner("SparkApplication", "pi", app.UID), map[string]string{
					v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver, v1beta2.LabelSubmissionID: app.Status.SubmissionID,
				})
				pod.CreationTimestamp = metav1.NewTime(testStart.Add(time.Minute))
				c.addPod(pod)
				first := c.pod("pi-driver").UID
				c.driverPhase("pi-driver", corev1.PodRunning)
				p := c.start()
				steps := func() {
					for range 12 {
						_, _ = p.step("pi")
						c.clock.Step(5 * time.Second)
					}
				}
				steps()
				if pod := c.pod("pi-driver"); state == lifecycle.StateSuspended || pod != nil && pod.UID == first {
					again(c, steps)
					steps()
				}
				second := c.pod("pi-driver")
				if second == nil || second.UID == first {
					t.Errorf("%s, %s: no second run: state %s", state, name, c.application("pi").Status.AppState.State)
					continue
				}
				if forgets {
					app := c.application("pi")
					app.Status.Attempts = nil
					c.putApplication(app)
				}
				c.driverPhase("pi-driver", corev1.PodRunning)
				p = c.start()
				steps()
				app = c.application("pi")
				if now := c.pod("pi-driver"); app.Status.AppState.State != lifecycle.StateRunning || now == nil || now.UID != second.UID {
					t.Errorf("%s, %s, forgets %v: state %s, %s", state, name, forgets, app.Status.AppState.State, app.Status.AppState.ErrorMessage)
				}
			}
		}
	}
}
