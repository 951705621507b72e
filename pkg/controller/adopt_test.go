// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

func forbidden(action clienttesting.Action) (bool, runtime.Object, error) {
	name := action.(clienttesting.CreateAction).GetObject().(metav1.Object).GetName()
	return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: action.GetResource().Resource}, name,
		errors.New(`error looking up service account ns/nobody: serviceaccount "nobody" not found`))
}

func namesake(owner *metav1.OwnerReference, labels map[string]string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pi-driver", Namespace: "ns", Labels: labels}}
	if labels != nil || owner != nil {
		pod.Spec.Containers = []corev1.Container{{Name: v1beta2.DriverContainerName, Args: []string{"driver"}}}
	}
	if owner != nil {
		pod.OwnerReferences = []metav1.OwnerReference{*owner}
	}
	return pod
}

func owner(kind, name string, uid types.UID) *metav1.OwnerReference {
	return &metav1.OwnerReference{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: kind, Name: name, UID: uid, Controller: ptr.To(true)}
}

// TestNamesake covers the pods that may already have the name of the driver.
func TestNamesake(t *testing.T) {
	t.Run("foreign pod is never touched", func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		c.addPod(namesake(nil, nil))
		uid := c.pod("pi-driver").UID
		mustSettle(t, c.start(), "pi")
		app := c.wantState("pi", lifecycle.StateFailed)
		message := app.Status.AppState.ErrorMessage
		if !strings.Contains(message, "driver pod already exist") || !strings.Contains(message, "pi-driver") {
			t.Errorf("message %q", message)
		}
		if c.pod("pi-driver").UID != uid {
			t.Error("the foreign pod was replaced")
		}
	})
	t.Run("of an earlier application of that name is waited for", func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		c.addPod(namesake(owner("SparkApplication", "pi", "earlier"), map[string]string{v1beta2.LabelSparkRole: "driver", v1beta2.LabelSubmissionID: "x"}))
		p := c.start()
		for range lifecycle.QuietFailures {
			if _, err := p.step("pi"); !reconcile.Expected(err) {
				t.Fatalf("error %v, want to wait", err)
			}
		}
		if app := c.wantState("pi", lifecycle.StateNew); app.Status.SubmissionAttempts != 0 {
			t.Errorf("status %+v", app.Status)
		}
		c.deletePod("pi-driver")
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateSubmitted)
	})
	t.Run("of another submission is deleted and waited for", func(t *testing.T) {
		c := newCluster(t)
		app := newApplication("pi")
		c.addApplication(app)
		id := lifecycle.NextSubmissionID(app.UID, lifecycle.NextSubmissionID(app.UID, ""))
		pod := namesake(owner("SparkApplication", "pi", app.UID), map[string]string{v1beta2.LabelSparkRole: "driver", v1beta2.LabelSubmissionID: id})
		c.addPod(mountsConfOf(pod, id))
		uid := c.pod("pi-driver").UID
		mustSettle(t, c.start(), "pi")
		c.wantState("pi", lifecycle.StateSubmitted)
		if c.pod("pi-driver").UID == uid {
			t.Error("the old driver was adopted")
		}
	})
	t.Run("of another submission without the operator's labels", func(t *testing.T) {
		// The caches do not show it.
		c := newCluster(t)
		app := newApplication("pi")
		c.addApplication(app)
		id := lifecycle.NextSubmissionID(app.UID, lifecycle.NextSubmissionID(app.UID, ""))
		pod := namesake(owner("SparkApplication", "pi", app.UID), map[string]string{v1beta2.LabelSubmissionID: id})
		c.addPod(mountsConfOf(pod, id))
		p := c.start()
		p.refresh()
		if err := p.podList.Replace(nil, "1"); err != nil {
			t.Fatal(err)
		}
		if _, err := p.syncOnce("pi"); !reconcile.Expected(err) {
			t.Fatalf("error %v, want to wait", err)
		}
		if c.pod("pi-driver") != nil {
			t.Fatal("the old driver is still there")
		}
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateSubmitted)
	})
}

// TestAdoptionRemembersTheSpec edits the spec between the creation of the driver
// and the write of the status.
func TestAdoptionRemembersTheSpec(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	c.fault = &fault{at: 2, crash: true} // after the pod, before anything else
	if _, err := c.start().step("pi"); !errors.Is(err, errCrash) {
		t.Fatalf("error %v, want a crash", err)
	}
	old := c.pod("pi-driver")
	if old == nil || c.services() != 0 {
		t.Fatalf("pod %v, %d services", old, c.services())
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"other"} })

	p := c.start()
	if _, err := p.step("pi"); err != nil {
		t.Fatal(err)
	}
	app := c.wantState("pi", lifecycle.StateSubmitted)
	if app.Status.ObservedSpecHash != old.Annotations[v1beta2.AnnotationSpecHash] {
		t.Error("the status claims that the new spec runs")
	}
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateSubmitted)
	pod := c.pod("pi-driver")
	if pod.UID == old.UID || pod.Annotations[v1beta2.AnnotationSpecHash] != app.Status.ObservedSpecHash {
		t.Error("the driver of the old spec still runs")
	}
}

// TestHealthyDriverSurvivesStaleCaches syncs with caches from before the last
// submission, as a new leader might.
func TestHealthyDriverSurvivesStaleCaches(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(3, 1)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailing)

	stale := c.start()
	stale.refresh()
	c.clock.Step(defaultInterval)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)
	uid := c.pod("pi-driver").UID

	// Of the pods it sees today's, of the application yesterday's.
	var pods []any
	for _, pod := range c.pods() {
		pods = append(pods, podview.Of(pod))
	}
	if err := stale.podList.Replace(pods, fmt.Sprint(c.version)); err != nil {
		t.Fatal(err)
	}
	if _, err := stale.syncOnce("pi"); !reconcile.Expected(err) {
		t.Errorf("error %v, want to wait for the cache", err)
	}
	if pod := c.pod("pi-driver"); pod == nil || pod.UID != uid {
		t.Fatal("the healthy driver was deleted")
	}
	c.wantState("pi", lifecycle.StateSubmitted)
}

const defaultInterval = 5e9

// TestAdoptAcrossVersions: a run that another version of the operator began gets
// all of its objects, although it is unknown whether the spec was edited.
func TestAdoptAcrossVersions(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	c.fault = &fault{at: 2, crash: true} // after the pod, before anything else
	if _, err := c.start().step("pi"); err == nil {
		t.Fatal("no crash")
	}
	c.fault = nil
	c.editPod("pi-driver", func(pod *corev1.Pod) { pod.Annotations[v1beta2.AnnotationSpecHash] = "0-of-another-version" })
	uid := c.pod("pi-driver").UID
	mustSettle(t, c.start(), "pi")
	c.wantState("pi", lifecycle.StateSubmitted)
	if c.pod("pi-driver").UID != uid {
		t.Error("the driver was replaced")
	}
	if c.count(corev1.SchemeGroupVersion.WithResource("configmaps"), "ConfigMap") == 0 {
		t.Error("the driver has no configuration")
	}
}

// TestUnlabelledDriverIsNotLost: drivers of old versions of the operator do not say
// of which submission they are.
func TestUnlabelledDriverIsNotLost(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.editPod("pi-driver", func(pod *corev1.Pod) { delete(pod.Labels, v1beta2.LabelSubmissionID) })
	c.driverPhase("pi-driver", corev1.PodRunning)
	c.clock.Step(time.Minute)
	p.refresh()
	if err := p.podList.Replace(nil, "1"); err != nil { // the cache does not have it yet
		t.Fatal(err)
	}
	if _, err := p.syncOnce("pi"); err == nil {
		t.Error("no error")
	}
	c.wantState("pi", lifecycle.StateSubmitted)
}
