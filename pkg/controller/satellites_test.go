// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

var servicesResource = corev1.SchemeGroupVersion.WithResource("services")

func busy(clienttesting.Action) (bool, runtime.Object, error) {
	return true, nil, apierrors.NewServiceUnavailable("etcd is busy")
}

func TestForeignUIServiceIsLeftAlone(t *testing.T) {
	c := newCluster(t)
	foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pi-ui-svc", Namespace: "ns"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "mine"}, ClusterIP: "10.0.0.1", Ports: []corev1.ServicePort{{Port: 80}},
	}}
	if err := c.kube.Tracker().Create(servicesResource, foreign, "ns"); err != nil {
		t.Fatal(err)
	}
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateSubmitted)
	condition := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionUIReady)
	if condition == nil || condition.Status != metav1.ConditionFalse || !strings.Contains(condition.Message, "pi-ui-svc") {
		t.Errorf("condition %+v", condition)
	}
	if info := app.Status.DriverInfo; info.WebUIServiceName != "" || info.WebUIPort != 0 || info.WebUIAddress != "" {
		t.Errorf("the status lists the foreign service: %+v", info)
	}
	if got := c.reasons(); !slices.Equal(got, []string{"SparkApplicationSubmitted", "SparkUIUnavailable"}) {
		t.Errorf("events %q", got)
	}
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	object, err := c.kube.Tracker().Get(servicesResource, "ns", "pi-ui-svc")
	if err != nil || object.(*corev1.Service).Spec.Selector["app"] != "mine" {
		t.Errorf("the foreign service was touched: %v, %v", object, err)
	}
}

func TestEditOfTheUIIsAppliedInPlace(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{{
			ServicePort: ptr.To[int32](9000), ServicePortName: ptr.To("jdbc"), IngressURLFormat: "https://{{$appName}}.example.com",
		}}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	uid := c.pod("pi-driver").UID
	if _, err := c.kube.Tracker().Get(servicesResource, "ns", "pi-driver-9000"); err != nil {
		t.Fatal(err)
	}
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
		spec.DriverIngressOptions = nil
		spec.SparkUIOptions = &v1beta2.SparkUIConfiguration{ServicePort: ptr.To[int32](8080)}
	})
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateSubmitted)
	if c.pod("pi-driver").UID != uid {
		t.Error("the edit restarted the application")
	}
	if app.Status.DriverInfo.WebUIPort != 8080 {
		t.Errorf("driverInfo %+v", app.Status.DriverInfo)
	}
	if _, err := c.kube.Tracker().Get(servicesResource, "ns", "pi-driver-9000"); !apierrors.IsNotFound(err) {
		t.Errorf("the service of the removed port is still there: %v", err)
	}
}

func TestDisruptionBudget(t *testing.T) {
	budgets := policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets")
	for name, test := range map[string]struct {
		allowed, asked bool
		want           int
	}{
		"asked and allowed": {true, true, 1},
		"not allowed":       {false, true, 0},
		"not asked":         {true, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
				if test.asked {
					app.Spec.DriverPodDisruptionBudget = ptr.To(true)
				}
			}))
			p := c.start(func(config *Config) { config.DriverDisruptionBudget = test.allowed })
			mustSettle(t, p, "pi")
			if got := c.count(budgets, "PodDisruptionBudget"); got != test.want {
				t.Fatalf("%d budgets, want %d", got, test.want)
			}
			if test.want == 0 {
				return
			}
			object, err := c.kube.Tracker().Get(budgets, "ns", "pi-driver")
			if err != nil {
				t.Fatal(err)
			}
			budget := object.(*policyv1.PodDisruptionBudget)
			if budget.Spec.MinAvailable.IntValue() != 1 || !metav1.IsControlledBy(budget, c.application("pi")) || budget.Spec.Selector.MatchLabels[v1beta2.LabelSparkAppName] != "pi" {
				t.Errorf("budget %+v", budget)
			}
			c.driverPhase("pi-driver", corev1.PodSucceeded)
			mustSettle(t, p, "pi")
			c.wantState("pi", lifecycle.StateCompleted)
			if got := c.count(budgets, "PodDisruptionBudget"); got != 0 {
				t.Errorf("%d budgets after the end", got)
			}
		})
	}
}

// TestDisruptionBudgetFollowsEdits: an edit during a run takes the budget away,
// whether it turns the field off or drops it, and can bring it back.
func TestDisruptionBudgetFollowsEdits(t *testing.T) {
	budgets := policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets")
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.DriverPodDisruptionBudget = ptr.To(true)
	}))
	p := c.start(func(config *Config) { config.DriverDisruptionBudget = true })
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	for _, step := range []struct {
		asked *bool
		want  int
	}{{ptr.To(true), 1}, {nil, 0}, {ptr.To(true), 1}, {ptr.To(false), 0}} {
		c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.DriverPodDisruptionBudget = step.asked })
		mustSettle(t, p, "pi")
		if got := c.count(budgets, "PodDisruptionBudget"); got != step.want {
			t.Errorf("%d budgets where driverPodDisruptionBudget is %v, want %d", got, ptr.Deref(step.asked, false), step.want)
		}
	}
	c.wantState("pi", lifecycle.StateRunning)
}

// TestReleaseIsRetried: a run that is over shows as SUCCEEDING while its objects
// cannot be deleted, and what may not be deleted holds nothing up.
func TestReleaseIsRetried(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodSucceeded)
	chain := c.kube.ReactionChain
	c.kube.PrependReactor("delete", "services", busy)
	if _, err := p.step("pi"); err == nil {
		t.Fatal("no error")
	}
	app := c.wantState("pi", lifecycle.StateSucceeding)
	if app.Status.TerminationTime.IsZero() {
		t.Error("the end was not recorded")
	}
	c.kube.ReactionChain = chain
	c.kube.PrependReactor("delete", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewMethodNotSupported(servicesResource.GroupResource(), "delete")
	})
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
}

// TestTransientErrorsAreNoState: the status keeps quiet at first, then says why
// nothing happens, once, and is clean again afterwards.
func TestTransientErrorsAreNoState(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	chain := c.kube.ReactionChain
	c.kube.PrependReactor("create", "pods", busy)
	p := c.start()
	key := cache.NewObjectName("ns", "pi")
	for failures := range 6 {
		p.refresh()
		if _, err := p.sync(p.ctx, key, failures); err == nil {
			t.Fatal("no error")
		}
		wanted := lifecycle.StateNew
		if failures+1 >= lifecycle.QuietFailures {
			wanted = lifecycle.StateSubmitting
		}
		app := c.wantState("pi", wanted)
		if got, want := lifecycle.IsStalled(&app.Status, lifecycle.ReasonRetrying), wanted == lifecycle.StateSubmitting; got != want {
			t.Errorf("after %d failures: stalled %t", failures+1, got)
		}
		if app.Status.SubmissionAttempts != 0 {
			t.Error("an attempt was counted")
		}
	}
	if got := c.reasons(); !slices.Equal(got, []string{"SparkApplicationStalled"}) {
		t.Errorf("events %q", got)
	}
	c.kube.ReactionChain = chain
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateSubmitted)
	if lifecycle.IsStalled(&app.Status, lifecycle.ReasonRetrying) || app.Status.SubmissionAttempts != 1 {
		t.Errorf("status %+v", app.Status)
	}
}

// TestOldDriverThatDoesNotTerminate: a pod on a node that does not answer is neither
// replaced nor force-deleted; the status says what to do.
func TestOldDriverThatDoesNotTerminate(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(1, 1)))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	c.clock.Step(time.Second)
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Spec.NodeName = "node-7"
		pod.DeletionTimestamp = ptr.To(metav1.NewTime(c.clock.Now()))
	})
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StatePendingRerun)
	c.clock.Step(reconcile.StuckAfter)
	if after := mustSettle(t, p, "pi"); after != lifecycle.BackstopDelay {
		t.Errorf("next look after %v", after)
	}
	app := c.wantState("pi", lifecycle.StatePendingRerun)
	condition := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionStalled)
	if condition == nil || condition.Reason != lifecycle.ReasonOldDriver || !strings.Contains(condition.Message, "node-7") {
		t.Errorf("condition %+v", condition)
	}
	c.deletePod("pi-driver")
	mustSettle(t, p, "pi")
	app = c.wantState("pi", lifecycle.StateSubmitted)
	if lifecycle.IsStalled(&app.Status, lifecycle.ReasonOldDriver) {
		t.Error("still stalled")
	}
}

// TestUndecodableApplication covers an object that the caches hold as a stub.
func TestUndecodableApplication(t *testing.T) {
	const text = "spec.driver.template: wrong type"
	spoil := func(c *cluster) {
		app := c.application("pi")
		informers.MarkUndecodable(app, text)
		app.Generation++
		c.putApplication(app)
	}
	heal := func(c *cluster) {
		app := c.application("pi")
		app.Annotations = nil
		app.Generation++
		c.putApplication(app)
	}
	t.Run("new", func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		spoil(c)
		p := c.start()
		mustSettle(t, p, "pi")
		app := c.wantState("pi", lifecycle.StateFailed)
		if !strings.Contains(app.Status.AppState.ErrorMessage, text) || !lifecycle.IsStalled(&app.Status, lifecycle.ReasonInvalidObject) || len(c.pods()) != 0 {
			t.Errorf("status %+v", app.Status)
		}
		if got := c.reasons(); !slices.Equal(got, []string{"SparkApplicationFailed"}) {
			t.Errorf("events %q, want one", got)
		}
		heal(c)
		mustSettle(t, p, "pi")
		app = c.wantState("pi", lifecycle.StateSubmitted)
		if lifecycle.IsStalled(&app.Status, lifecycle.ReasonInvalidObject) {
			t.Error("still stalled")
		}
	})
	t.Run("running goes on", func(t *testing.T) {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start()
		mustSettle(t, p, "pi")
		uid := c.pod("pi-driver").UID
		c.driverPhase("pi-driver", corev1.PodRunning)
		spoil(c)
		mustSettle(t, p, "pi")
		app := c.wantState("pi", lifecycle.StateRunning)
		if !lifecycle.IsStalled(&app.Status, lifecycle.ReasonInvalidObject) || c.pod("pi-driver").UID != uid {
			t.Errorf("status %+v", app.Status)
		}
		c.driverPhase("pi-driver", corev1.PodSucceeded)
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateCompleted)
		heal(c) // to the spec that ran
		mustSettle(t, p, "pi")
		c.wantState("pi", lifecycle.StateCompleted)
	})
}

func TestExecutorsOfAFinishedApplication(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodRunning)
	id := c.application("pi").Status.SubmissionID
	for name, phase := range map[string]corev1.PodPhase{"pi-exec-1": corev1.PodPending, "pi-exec-2": corev1.PodFailed} {
		c.addPod(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", OwnerReferences: c.byDriver(), Labels: map[string]string{
				v1beta2.LabelSparkExecutorID: name[len(name)-1:],
				v1beta2.LabelSparkRole:       v1beta2.SparkRoleExecutor,
				v1beta2.LabelSparkAppName:    "pi",
				v1beta2.LabelSubmissionID:    id,
			}},
			Status: corev1.PodStatus{Phase: phase},
		})
	}
	mustSettle(t, p, "pi")
	if got := c.application("pi").Status.ExecutorState; got["pi-exec-1"] != v1beta2.ExecutorStatePending || got["pi-exec-2"] != v1beta2.ExecutorStateFailed {
		t.Errorf("executors %v", got)
	}
	failed := slices.IndexFunc(c.events, func(text string) bool { return strings.Contains(text, "SparkExecutorFailed") })
	if failed < 0 || !strings.Contains(c.events[failed], "ExitCode: -1, Reason: Unknown (Container not Found)") {
		t.Errorf("events %q", c.events)
	}
	c.driverPhase("pi-driver", corev1.PodFailed)
	if after := mustSettle(t, p, "pi"); after != lifecycle.BackstopDelay {
		t.Errorf("next look after %v", after)
	}
	c.wantState("pi", lifecycle.StateFailed)
	if c.pod("pi-exec-1") == nil {
		t.Fatal("the executor had no time to go by itself")
	}
	c.clock.Step(lifecycle.ExecutorGrace)
	mustSettle(t, p, "pi")
	if c.pod("pi-exec-1") != nil {
		t.Error("the pending executor outlived its driver")
	}
	if c.pod("pi-exec-2") == nil {
		t.Error("an executor that had ended was deleted")
	}
}

// TestRefusedRetryLeavesNothing: the objects of the application go, too, where its
// last submission is refused and an earlier one was not.
func TestRefusedRetryLeavesNothing(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnFailureRetryInterval: ptr.To[int64](1)}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	if c.services() == 0 {
		t.Fatal("no service of the UI to begin with")
	}
	c.kube.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewBadRequest("no")
	})
	c.clock.Step(time.Second)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateFailed)
	if c.services() != 0 {
		t.Errorf("%d services left", c.services())
	}
}

// TestPruningIsTriedAgain: what an edit left without use is not forgotten because
// the API server was busy.
func TestPruningIsTriedAgain(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{{
			ServicePort: ptr.To[int32](9000), ServicePortName: ptr.To("jdbc"), IngressURLFormat: "https://{{$appName}}.example.com",
		}}
	}))
	p := c.start()
	mustSettle(t, p, "pi")
	chain := c.kube.ReactionChain
	c.kube.PrependReactor("list", "services", busy)
	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) { spec.DriverIngressOptions = nil })
	mustSettle(t, p, "pi")
	c.kube.ReactionChain = chain
	mustSettle(t, p, "pi")
	if _, err := c.kube.Tracker().Get(servicesResource, "ns", "pi-driver-9000"); !apierrors.IsNotFound(err) {
		t.Errorf("the service of the removed port is still there: %v", err)
	}
}
