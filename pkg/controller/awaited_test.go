// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// refusing lets the API server refuse to create objects of a resource until the
// function that it returns is called.
func (c *cluster) refusing(verb, resource string, err error) (allow func()) {
	refuses := true
	c.kube.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		c.lock.Lock()
		defer c.lock.Unlock()
		return refuses, nil, err
	})
	return func() {
		c.lock.Lock()
		defer c.lock.Unlock()
		refuses = false
	}
}

func forbiddenPod(text string) error {
	return apierrors.NewForbidden(podsResource.GroupResource(), "pi-driver", errors.New(text))
}

var (
	errNotPermitted   = forbiddenPod(`User "operator" cannot create resource "pods" in API group "" in the namespace "ns"`)
	errNoAccount      = forbiddenPod(`error looking up service account ns/etl: serviceaccount "etl" not found`)
	errNoPriority     = forbiddenPod("no PriorityClass with name urgent was found")
	errNoRuntime      = forbiddenPod(`pod rejected: RuntimeClass "gvisor" not found`)
	errNoQuota        = forbiddenPod("exceeded quota: team, requested: pods=1, used: pods=8, limited: pods=8")
	errOutOfRange     = forbiddenPod("maximum memory usage per Container is 1Gi, but limit is 2Gi")
	errDeniedByPolicy = &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid,
		Message: `pods "pi-driver" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`,
	}}
)

// TestTransientRefusalsAreWaitedFor: a refusal that may end by itself is not final. What
// ends within three tries is never seen in the status; what takes longer is SUBMITTED
// with a condition that is written once; what does not end is refused as ever.
func TestTransientRefusalsAreWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		verb, resource string
		err            error
		cause          reconcile.Cause
	}{
		"rights":                  {"create", "pods", errNotPermitted, reconcile.NotPermitted},
		"rights on the Service":   {"create", "services", errNotPermitted, reconcile.NotPermitted},
		"rights on the ConfigMap": {"create", "configmaps", errNotPermitted, reconcile.NotPermitted},
		"service account":         {"create", "pods", errNoAccount, reconcile.ReferenceNotFound},
		"priority class":          {"create", "pods", errNoPriority, reconcile.ReferenceNotFound},
		"runtime class":           {"create", "pods", errNoRuntime, reconcile.ReferenceNotFound},
		"quota":                   {"create", "pods", errNoQuota, reconcile.QuotaExceeded},
		"quota of services":       {"create", "services", errNoQuota, reconcile.QuotaExceeded},
		"limit range":             {"create", "pods", errOutOfRange, reconcile.AdmissionDenied},
		"validating admission":    {"create", "pods", errDeniedByPolicy, reconcile.AdmissionDenied},
		"kind":                    {"create", "services", apierrors.NewGenericServerResponse(404, "post", schema.GroupResource{Resource: "services"}, "", "404 page not found", 0, true), reconcile.KindNotServed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("arrives at once", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t)
					allow := c.refusing(test.verb, test.resource, test.err)
					defer running(t, c, Config{})()
					c.addApplication(newApplication("pi"))
					letPass(100 * time.Millisecond)
					if app := c.wantState("pi", lifecycle.StateNew); len(app.Status.Conditions) != 0 {
						t.Errorf("conditions %v", app.Status.Conditions)
					}
					allow()
					letPass(time.Second)
					app := c.application("pi")
					if lifecycle.StateOf(&app.Status) != lifecycle.StateSubmitted || app.Status.SubmissionAttempts != 1 || len(c.stalledEvents()) != 0 {
						t.Errorf("status %+v, events %q", app.Status, c.events)
					}
				})
			})
			t.Run("arrives late", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t)
					allow := c.refusing(test.verb, test.resource, test.err)
					defer running(t, c, Config{})()
					c.addApplication(newApplication("pi"))
					letPass(5 * time.Second)
					app := c.wantState("pi", lifecycle.StateSubmitting)
					stalled := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled)
					if lifecycle.StateOf(&app.Status) != lifecycle.StateSubmitting || app.Status.SubmissionAttempts != 0 || stalled == nil || stalled.Reason != string(test.cause) ||
						!strings.Contains(stalled.Message, "next try at ") {
						t.Fatalf("status %+v", app.Status)
					}
					version := app.ResourceVersion
					letPass(45 * time.Second)
					if app = c.application("pi"); app.ResourceVersion != version {
						t.Errorf("the status was written again: %+v", app.Status)
					}
					allow()
					letPass(16 * time.Second)
					app = c.application("pi")
					if lifecycle.StateOf(&app.Status) != lifecycle.StateSubmitted || app.Status.SubmissionAttempts != 1 || app.Status.ExecutionAttempts != 1 ||
						meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled) != nil {
						t.Errorf("status %+v", app.Status)
					}
					if len(c.pods()) != 1 || len(c.stalledEvents()) != 1 || c.counter("spark_application_submit_count") != 1 || c.counter("spark_application_count") != 1 {
						t.Errorf("%d pods, events %q", len(c.pods()), c.events)
					}
				})
			})
			t.Run("never arrives", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCluster(t)
					c.refusing(test.verb, test.resource, test.err)
					defer running(t, c, Config{})()
					c.addApplication(newApplication("pi"))
					letPass(test.cause.Patience() - 2*time.Second)
					c.wantState("pi", lifecycle.StateSubmitting)
					letPass(10 * time.Second)
					app := c.wantState("pi", lifecycle.StateFailed)
					if app.Status.SubmissionAttempts != 1 || !strings.HasPrefix(app.Status.AppState.ErrorMessage, run.RefusalPrefix) || c.pod("pi-driver") != nil {
						t.Errorf("status %+v", app.Status)
					}
				})
			})
		})
	}
}

// TestPermanentRefusalsAreFinalAtOnce: a fault of the object itself is refused at once.
func TestPermanentRefusalsAreFinalAtOnce(t *testing.T) {
	for name, err := range map[string]error{
		"invalid":   apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), "pi-driver", nil),
		"malformed": apierrors.NewBadRequest("no JSON"),
		"too large": apierrors.NewRequestEntityTooLargeError("limit is 3145728"),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.refusing("create", "pods", err)
			c.addApplication(newApplication("pi"))
			mustSettle(t, c.start(), "pi")
			if app := c.wantState("pi", lifecycle.StateFailed); app.Status.SubmissionAttempts != 1 {
				t.Errorf("status %+v", app.Status)
			}
		})
	}
}

// TestWaitSurvivesARestart: the wait for a refusal does not start over when the operator
// restarts, but when the spec is edited.
func TestWaitSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.refusing("create", "pods", errNoAccount)
		c.addApplication(newApplication("pi"))
		for range 3 {
			stop := running(t, c, Config{})
			letPass(18 * time.Second)
			stop()
			c.wantState("pi", lifecycle.StateSubmitting)
		}
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Driver.ServiceAccount = ptr.To("another") })
		stop := running(t, c, Config{})
		letPass(30 * time.Second)
		c.wantState("pi", lifecycle.StateSubmitting)
		stop()
		defer running(t, c, Config{})()
		letPass(40 * time.Second)
		c.wantState("pi", lifecycle.StateFailed)
	})
}

// TestPatienceOfEachSubmission: every submission has its own time, be it a rerun, one
// after a suspension or one after an edit.
func TestPatienceOfEachSubmission(t *testing.T) {
	for name, next := range map[string]func(c *cluster){
		"rerun": func(c *cluster) { c.driverPhase("pi-driver", corev1.PodFailed) },
		"resume": func(c *cluster) {
			c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
			letPass(3 * time.Second)
			c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = nil })
		},
		"edit": func(c *cluster) {
			c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Image = ptr.To("another") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				app := newApplication("pi", onFailure(3, 1))
				app.Spec.RestartPolicy.OnSubmissionFailureRetries = nil
				c.addApplication(app)
				defer running(t, c, Config{})()
				letPass(time.Hour)
				c.wantState("pi", lifecycle.StateSubmitted)
				c.driverPhase("pi-driver", corev1.PodRunning)
				letPass(time.Second)
				allow := c.refusing("create", "pods", errNoAccount)
				next(c)
				letPass(40 * time.Second)
				if app := c.application("pi"); lifecycle.StateOf(&app.Status) != lifecycle.StateSubmitting {
					t.Fatalf("status %+v", app.Status)
				}
				allow()
				letPass(16 * time.Second)
				if app := c.application("pi"); lifecycle.StateOf(&app.Status) != lifecycle.StateSubmitted || c.pod("pi-driver") == nil {
					t.Errorf("status %+v", app.Status)
				}
			})
		})
	}
}

// TestSuspendWhileWaiting: what waits can be suspended, and no attempt is counted.
func TestSuspendWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		allow := c.refusing("create", "pods", errNoQuota)
		c.addApplication(newApplication("pi"))
		defer running(t, c, Config{})()
		letPass(10 * time.Second)
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
		letPass(10 * time.Minute)
		app := c.wantState("pi", lifecycle.StateSuspended)
		if app.Status.SubmissionAttempts != 0 || app.Status.ExecutionAttempts != 0 || len(app.Status.Attempts) != 0 {
			t.Errorf("status %+v", app.Status)
		}
		allow()
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = nil })
		letPass(5 * time.Second)
		if app := c.wantState("pi", lifecycle.StateSubmitted); app.Status.SubmissionAttempts != 1 {
			t.Errorf("status %+v", app.Status)
		}
	})
}

// TestRestartPolicyWaitsForTheNamespace: kubeflow/spark-operator's fields say how often
// a refused submission is made again; a starting API server is no refusal.
func TestRestartPolicyWaitsForTheNamespace(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want v1beta2.ApplicationStateType
	}{
		"quota":  {errNoQuota, lifecycle.StateRefused},
		"rights": {errNotPermitted, lifecycle.StateSubmitting},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				c.refusing("create", "pods", test.err)
				c.addApplication(newApplication("pi", onFailure(3, 600)))
				defer running(t, c, Config{})()
				letPass(10 * time.Second)
				c.wantState("pi", test.want)
			})
		})
	}
}

// TestReleaseWaitsForTheAPIServer: the Service of an ended run does not stay because
// the API server had just started when it was to go; it stays, and the application
// ends, if the operator really lacks the right.
func TestReleaseWaitsForTheAPIServer(t *testing.T) {
	errNotPermitted := apierrors.NewForbidden(corev1.Resource("services"), "x", errors.New(`User "operator" cannot delete resource "services" in API group "" in the namespace "ns"`))
	for name, lasts := range map[string]time.Duration{"for a moment": 5 * time.Second, "for ever": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				c.addApplication(newApplication("pi"))
				defer running(t, c, Config{})()
				letPass(time.Second)
				allow := c.refusing("delete", "services", errNotPermitted)
				c.driverPhase("pi-driver", corev1.PodSucceeded)
				letPass(lasts)
				if lasts < time.Minute {
					c.wantState("pi", lifecycle.StateSucceeding)
				}
				allow()
				letPass(2 * time.Minute)
				c.wantState("pi", lifecycle.StateCompleted)
				if left := c.services(); (left == 0) != (lasts < time.Minute) {
					t.Errorf("%d services left", left)
				}
			})
		})
	}
}

// TestStatusOfAKindThatIsNotServed: an API server that does not serve the kind yet has
// not lost the application.
func TestStatusOfAKindThatIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		notServed := apierrors.NewGenericServerResponse(404, "put", applicationsResource.GroupResource(), "pi", "404 page not found", 0, true)
		served := false
		c.spark.PrependReactor("update", "sparkapplications", func(clienttesting.Action) (bool, runtime.Object, error) {
			c.lock.Lock()
			defer c.lock.Unlock()
			return !served, nil, notServed
		})
		c.addApplication(newApplication("pi"))
		defer running(t, c, Config{})()
		letPass(2 * time.Second)
		c.wantState("pi", lifecycle.StateNew)
		c.lock.Lock()
		served = true
		c.lock.Unlock()
		letPass(3 * time.Second)
		c.wantState("pi", lifecycle.StateSubmitted)
		if len(c.pods()) != 1 {
			t.Errorf("%d pods", len(c.pods()))
		}
	})
}

// TestJobIsWaitedFor: what holds for the driver pod holds for a Job with spark-submit.
func TestJobIsWaitedFor(t *testing.T) {
	for name, err := range map[string]error{"rights": errNotPermitted, "quota": errNoQuota, "policy": errDeniedByPolicy} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				allow := c.refusing("create", "jobs", err)
				c.addApplication(newApplication("pi", bySparkSubmit))
				defer running(t, c, Config{})()
				letPass(30 * time.Second)
				app := c.wantState("pi", lifecycle.StateSubmitting)
				if meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled) == nil || app.Status.SubmissionAttempts != 0 {
					t.Errorf("status %+v", app.Status)
				}
				allow()
				letPass(16 * time.Second)
				if reason := c.submittedReason("pi"); len(c.jobs()) != 1 || reason != lifecycle.ReasonSubmitterRunning {
					t.Errorf("%d jobs, reason %q", len(c.jobs()), reason)
				}
			})
		})
	}
}
