// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// runningPi returns a cluster in which the driver of pi runs.
func runningPi(t *testing.T) (*cluster, *process) {
	t.Helper()
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	return c, p
}

// TestDriverWithoutOwner: a driver whose owner reference is missing is followed to its
// end, and no second one is made beside it.
func TestDriverWithoutOwner(t *testing.T) {
	c, p := runningPi(t)
	c.editPod("pi-driver", func(pod *corev1.Pod) { pod.OwnerReferences = nil })
	uid := c.pod("pi-driver").UID
	c.clock.Step(time.Minute)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateRunning)
	c.wantCondition(v1beta2.ConditionDriverReady, "True DriverRunning: "+lifecycle.UnownedDriver)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"other"} })
	mustSettle(t, p, "pi")
	if pod := c.pod("pi-driver"); pod == nil || pod.UID == uid || len(c.pods()) != 1 {
		t.Errorf("%d pods, want another driver alone", len(c.pods()))
	}
	c.editPod("pi-driver", func(pod *corev1.Pod) { pod.OwnerReferences = nil })
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
}

// TestDriverWithoutOwnerAndLabel is not said to be gone.
func TestDriverWithoutOwnerAndLabel(t *testing.T) {
	for _, label := range []string{v1beta2.LabelSubmissionID, v1beta2.LabelSparkAppName, v1beta2.LabelSparkRole} {
		c, p := runningPi(t)
		c.editPod("pi-driver", func(pod *corev1.Pod) {
			pod.OwnerReferences = nil
			delete(pod.Labels, label)
		})
		c.clock.Step(time.Minute)
		if _, err := p.step("pi"); !reconcile.Expected(err) || !strings.Contains(err.Error(), "has lost its owner reference") {
			t.Errorf("without %s: error %v", label, err)
		}
		c.wantState("pi", lifecycle.StateRunning)
	}
}

// TestDriversOfOthersAreNotFollowed: a pod is no driver of an application because it
// has the right labels.
func TestDriversOfOthersAreNotFollowed(t *testing.T) {
	for name, forge := range map[string]func(*corev1.Pod){
		"controlled by another": func(pod *corev1.Pod) {
			pod.OwnerReferences = []metav1.OwnerReference{*owner("SparkApplication", "other", "other-uid")}
		},
		"another application": func(pod *corev1.Pod) { pod.OwnerReferences, pod.Labels[v1beta2.LabelSparkAppName] = nil, "other" },
		"another run": func(pod *corev1.Pod) {
			pod.OwnerReferences, pod.Labels[v1beta2.LabelSparkApplicationSelector] = nil, "spark-other"
		},
		"no driver": func(pod *corev1.Pod) { pod.OwnerReferences, pod.Spec.Containers = nil, nil },
		"made for another": func(pod *corev1.Pod) {
			pod.OwnerReferences = nil
			mountsConfOf(pod, lifecycle.NextSubmissionID("other-uid", ""))
		},
	} {
		c, p := runningPi(t)
		c.editPod("pi-driver", forge)
		p.refresh()
		seen, err := p.seenPods(c.application("pi"))
		if err != nil || seen.Driver != nil || len(seen.Leftovers) != 0 {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
	}
}

// TestOrphaned: what the user wants to outlive the application is not touched while
// it is being deleted, neither before nor after the garbage collector did its part.
func TestOrphaned(t *testing.T) {
	for name, test := range map[string]struct {
		finalizers []string
		owned      bool
		stays      bool
	}{
		"before":     {[]string{metav1.FinalizerOrphanDependents}, true, true},
		"with other": {[]string{"example.com/hold", metav1.FinalizerOrphanDependents}, true, true},
		"after":      {[]string{"example.com/hold"}, false, true},
		"foreground": {[]string{metav1.FinalizerDeleteDependents}, true, false},
		"background": {[]string{"example.com/hold"}, true, false},
	} {
		c, p := runningPi(t)
		c.addExecutor(1, executorRuns)
		app := c.application("pi")
		app.Finalizers, app.DeletionTimestamp = test.finalizers, ptr.To(metav1.NewTime(c.clock.Now()))
		c.putApplication(app)
		if !test.owned {
			c.editPod("pi-driver", func(pod *corev1.Pod) { pod.OwnerReferences = nil })
		}
		services, maps := c.services(), c.configMaps()
		for range 3 {
			if _, err := p.step("pi"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.clock.Step(time.Minute)
		}
		if (c.pod("pi-driver") != nil) != test.stays {
			t.Errorf("%s: %q", name, c.log)
		}
		if c.services() != services || c.configMaps() != maps || c.pod("pi-exec-1") == nil {
			t.Errorf("%s: %q", name, c.log)
		}
	}
}

// TestHeldApplicationDoesNotRun: an application that a finalizer holds does not say that
// it runs once its driver is gone, and no other run follows.
func TestHeldApplicationDoesNotRun(t *testing.T) {
	for _, state := range lifecycle.Live {
		for name, edit := range map[string]func(*v1beta2.SparkApplication){"never": func(*v1beta2.SparkApplication) {}, "on failure": onFailure(5, 1)} {
			c := newCluster(t)
			c.addApplication(newApplication("pi", edit))
			p := c.start()
			mustSettle(t, p, "pi")
			app := c.application("pi")
			app.Status.AppState.State = state
			app.Finalizers, app.DeletionTimestamp = []string{"example.com/hold"}, ptr.To(metav1.NewTime(c.clock.Now()))
			c.putApplication(app)
			c.clock.Step(time.Minute)
			for range 4 {
				if _, err := p.step("pi"); err != nil {
					t.Errorf("%s, %s: %v", state, name, err)
				}
				c.clock.Step(time.Minute)
			}
			app = c.wantState("pi", lifecycle.StateFailed)
			if len(c.pods()) != 0 || !strings.Contains(app.Status.AppState.ErrorMessage, "is being deleted") {
				t.Errorf("%s, %s: %d pods, %q", state, name, len(c.pods()), app.Status.AppState.ErrorMessage)
			}
		}
	}
}

// TestForgedSubmission: a status that names the submission of another application,
// and a driver pod that names its objects, do not have the operator delete them.
func TestForgedSubmission(t *testing.T) {
	c, p := runningPi(t)
	victim := newApplication("victim")
	c.addApplication(victim)
	mustSettle(t, p, "victim")
	id := c.application("victim").Status.SubmissionID
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: sparksubmit.Name(id), Namespace: "ns", UID: "job",
		OwnerReferences: []metav1.OwnerReference{*owner("SparkApplication", "victim", victim.UID)}}}
	if err := c.kube.Tracker().Add(job); err != nil {
		t.Fatal(err)
	}
	list := c.pod("victim-driver").Annotations[v1beta2.AnnotationRunObjects]
	_, service, found := strings.Cut(list, run.KindService+"/")
	if !found {
		t.Fatalf("objects %q", list)
	}

	app := c.application("pi")
	app.Status.SubmissionID = id
	app.Status.Attempts[0].SubmissionID = id
	c.putApplication(app)
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Labels[v1beta2.LabelSubmissionID] = id
		pod.Annotations[v1beta2.AnnotationRunObjects] = list
		pod.Annotations[v1beta2.AnnotationSubmitter] = v1beta2.SubmitterSparkSubmit
	})
	before := len(c.log)
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	for _, text := range c.log[before:] {
		if strings.Contains(text, service) || strings.Contains(text, job.Name) || strings.Contains(text, "victim") {
			t.Errorf("%s", text)
		}
	}
}

// TestForgedLeftover: owner reference and labels make no pod one that may be deleted.
func TestForgedLeftover(t *testing.T) {
	c, p := runningPi(t)
	app := c.application("pi")
	for i, args := range [][]string{nil, {"serve"}, {"driver"}} {
		pod := namesake(owner("SparkApplication", "pi", app.UID), map[string]string{
			v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver, v1beta2.LabelSparkAppName: "pi", v1beta2.LabelLaunchedBySparkOperator: "true",
			v1beta2.LabelSubmissionID: []string{"x", lifecycle.NextSubmissionID(app.UID, app.Status.SubmissionID), app.Status.SubmissionID}[i],
		})
		pod.Name = fmt.Sprintf("victim-%d", i)
		pod.Spec.Containers = []corev1.Container{{Name: "main", Args: args}}
		if i == 2 {
			pod.CreationTimestamp = metav1.NewTime(testStart.Add(-time.Hour)) // a driver, but of a time before the application
		}
		c.addPod(pod)
	}
	mustSettle(t, p, "pi")
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSuspended)
	if len(c.pods()) != 3 || c.pod("pi-driver") != nil {
		t.Errorf("%q", c.log)
	}
}

// TestForeignExecutors: only pods that the driver controls are its executors.
func TestForeignExecutors(t *testing.T) {
	c, p := runningPi(t)
	for i := range 300 {
		c.addExecutor(i+10, func(pod *corev1.Pod) {
			pod.OwnerReferences = nil
			if i%2 == 0 {
				pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", UID: "db", Controller: ptr.To(true)}}
			}
			executorRuns(pod)
		})
	}
	c.addExecutor(1, executorRuns)
	c.addExecutor(2, func(pod *corev1.Pod) { // as the allocator statefulset makes them
		selector := c.pod("pi-driver").Labels[v1beta2.LabelSparkApplicationSelector]
		pod.Labels[v1beta2.LabelSparkApplicationSelector] = selector
		pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "spark-s-" + selector + "-0", UID: "set", Controller: ptr.To(true)}}
		executorRuns(pod)
	})
	mustSettle(t, p, "pi")
	status := c.wantState("pi", lifecycle.StateRunning).Status
	if len(status.ExecutorState) != 2 || status.ExecutorCounts == nil || status.ExecutorCounts.Running != 2 {
		t.Errorf("%d executors, counts %+v", len(status.ExecutorState), status.ExecutorCounts)
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.clock.Step(time.Hour)
	mustSettle(t, p, "pi")
	for i := range 300 {
		if name := fmt.Sprintf("pi-exec-%d", i+10); c.pod(name) == nil {
			t.Fatalf("foreign pod %s was deleted", name)
		}
	}
}
