// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// refuseStatus has every write of a status fail for which refused returns an error.
func (c *cluster) refuseStatus(refused func(*v1beta2.SparkApplication) error) {
	c.spark.PrependReactor("update", "sparkapplications", func(action clienttesting.Action) (bool, runtime.Object, error) {
		update, ok := action.(clienttesting.UpdateAction)
		if !ok || action.GetSubresource() != "status" {
			return false, nil, nil
		}
		err := refused(update.GetObject().(*v1beta2.SparkApplication))
		return err != nil, nil, err
	})
}

// TestStatusThatCannotBeWritten: an event says it once, after some failures in a row,
// and the driver is created once.
func TestStatusThatCannotBeWritten(t *testing.T) {
	for name, err := range map[string]error{
		"right missing":     apierrors.NewForbidden(applicationsResource.GroupResource(), "pi", errors.New("cannot update resource")),
		"no subresource":    apierrors.NewNotFound(applicationsResource.GroupResource(), "pi"),
		"too large":         apierrors.NewRequestEntityTooLargeError("limit is 3145728"),
		"too large in etcd": errors.New("etcdserver: request is too large"),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi"))
			c.refuseStatus(func(*v1beta2.SparkApplication) error { return err })
			p := c.start()
			for failures := range 20 {
				p.refresh()
				if _, err := p.sync(p.ctx, cache.MetaObjectToName(c.application("pi")), failures); err == nil {
					t.Fatal("no error")
				}
			}
			said := 0
			for _, event := range c.events {
				if strings.Contains(event, "SparkApplicationStatusNotWritten") {
					said++
				}
			}
			if said != 1 || len(c.pods()) != 1 {
				t.Errorf("%d events, %d pods: %q", said, len(c.pods()), c.events)
			}
		})
	}
}

// TestLargeStatusLosesDetails: what may be large and decides nothing is dropped.
func TestLargeStatusLosesDetails(t *testing.T) {
	c := newCluster(t)
	app := newApplication("pi")
	c.addApplication(app)
	c.refuseStatus(func(app *v1beta2.SparkApplication) error {
		if len(app.Status.ExecutorState) > 0 || slices.ContainsFunc(app.Status.Attempts, func(a v1beta2.Attempt) bool { return a.LogTail != "" }) {
			return errors.New("etcdserver: request is too large")
		}
		return nil
	})
	status := &v1beta2.SparkApplicationStatus{
		SubmissionID: "s", AppState: v1beta2.ApplicationState{State: v1beta2.ApplicationStateRunning},
		LastSubmissionAttemptTime: metav1.NewTime(testStart), DriverInfo: v1beta2.DriverInfo{PodName: "pi-driver"},
		ExecutorState: map[string]v1beta2.ExecutorState{"e": v1beta2.ExecutorStateRunning},
		Attempts:      []v1beta2.Attempt{{SubmissionID: "s", LogTail: "many lines"}},
	}
	p := c.start()
	in := &lifecycle.Input{App: c.application("pi"), Settings: &p.settings.Settings, Now: testStart}
	if err := p.commit(p.ctx, in, &lifecycle.Outcome{}, status); err != nil {
		t.Fatal(err)
	}
	got := c.wantState("pi", v1beta2.ApplicationStateRunning)
	if got.Status.SubmissionID != "s" || len(got.Status.Attempts) != 1 {
		t.Errorf("status %+v", got.Status)
	}
	if status.Attempts[0].LogTail == "" {
		t.Error("the status of the caller has changed")
	}
}

// TestLargeApplicationIsRefused: before it has a driver whose status could not be kept.
func TestLargeApplicationIsRefused(t *testing.T) {
	for size, want := range map[int]v1beta2.ApplicationStateType{
		1_000_000: v1beta2.ApplicationStateSubmitted,
		1_400_000: v1beta2.ApplicationStateFailed,
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
			app.Annotations = map[string]string{"large": strings.Repeat("x", size)}
		}))
		if _, err := c.start().settle("pi"); err != nil {
			t.Fatal(err)
		}
		app := c.wantState("pi", want)
		if refused := want == v1beta2.ApplicationStateFailed; refused != (len(c.pods()) == 0) || refused != strings.Contains(app.Status.AppState.ErrorMessage, "room for its status") {
			t.Errorf("%d bytes: %d pods, %q", size, len(c.pods()), app.Status.AppState.ErrorMessage)
		}
	}
}

// TestLostRoleLabelIsNamed: a driver pod that lost a label by which it is found is
// neither lost nor said to be in a cache that lags behind.
func TestLostRoleLabelIsNamed(t *testing.T) {
	for _, label := range []string{v1beta2.LabelSparkRole, v1beta2.LabelLaunchedBySparkOperator} {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start()
		if _, err := p.settle("pi"); err != nil {
			t.Fatal(err)
		}
		pod := c.pods()[0]
		live := pod.DeepCopy()
		live.Labels[label] = "changed"
		if err := c.kube.Tracker().Update(podsResource, live, "ns"); err != nil {
			t.Fatal(err)
		}
		lost := lifecycle.Plan{Row: &lifecycle.Row{Do: []lifecycle.Action{lifecycle.ConfirmDriverLost}}}
		err := p.runner.Execute(p.ctx, &lifecycle.Input{App: c.application("pi")}, lost, 0).Err
		if err == nil || !strings.Contains(err.Error(), label) {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// TestUnwrittenRunIsNotRepeated: a driver that is deleted while no status can be written
// does not run again, neither in this process nor in the next one.
func TestUnwrittenRunIsNotRepeated(t *testing.T) {
	for name, restart := range map[string]bool{"same process": false, "restarted": true} {
		for policy, edit := range map[string]func(*v1beta2.SparkApplication){"never": func(*v1beta2.SparkApplication) {}, "on failure": onFailure(1, 1)} {
			t.Run(name+", "+policy, func(t *testing.T) {
				c := newCluster(t)
				c.addApplication(newApplication("pi", edit))
				fails := true
				c.refuseStatus(func(*v1beta2.SparkApplication) error {
					if fails {
						return errors.New("no")
					}
					return nil
				})
				p := c.start()
				if _, err := p.step("pi"); err == nil || len(c.pods()) != 1 {
					t.Fatalf("error %v, %d pods", err, len(c.pods()))
				}
				c.deletePod("pi-driver")
				c.collectGarbage()
				if restart {
					p = c.start()
				}
				c.clock.Step(2 * time.Minute)
				for range 3 {
					if _, err := p.step("pi"); err == nil || len(c.pods()) != 0 {
						t.Fatalf("error %v, %d pods: %q", err, len(c.pods()), c.log)
					}
				}
				fails = false
				if _, err := p.step("pi"); err != nil {
					t.Fatal(err)
				}
				first := c.wantState("pi", lifecycle.StateSubmitted).Status.SubmissionID
				c.clock.Step(time.Minute)
				mustSettle(t, p, "pi")
				if policy == "never" {
					c.wantState("pi", lifecycle.StateFailed)
					return
				}
				c.clock.Step(time.Minute)
				mustSettle(t, p, "pi")
				if status := c.wantState("pi", lifecycle.StateSubmitted).Status; status.SubmissionID == first || status.ExecutionAttempts != 2 {
					t.Errorf("status %+v", status)
				}
			})
		}
	}
}
