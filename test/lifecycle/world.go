// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/garbage"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// patience is how long one step of a life may take: an operator that is killed or
// refused again and again waits longer and longer before it tries once more.
const patience = 3 * time.Minute

// pollInterval is how often a World looks whether something has happened.
const pollInterval = 100 * time.Millisecond

// World is one namespace and what happens in it besides the operator.
type World struct {
	t         *testing.T
	namespace string
	core      kubernetes.Interface
	spark     versioned.Interface
	kubelet   *kubelet.Kubelet
	garbage   *garbage.Collector
	before    []*garbage.Object // what the namespace held at the beginning

	lock    sync.Mutex
	drivers map[string][]string      // submissions by application, in the order of their creation
	endless map[string]chan struct{} // by application; closed when its endless run is to end
}

// New creates a namespace and begins to play. config must reach the API server
// undisturbed.
func New(t *testing.T, config *rest.Config, namespace string) *World {
	t.Helper()
	w := &World{
		t: t, namespace: namespace, garbage: garbage.New(config, namespace),
		core: kubernetes.NewForConfigOrDie(config), spark: versioned.NewForConfigOrDie(config),
		drivers: map[string][]string{}, endless: map[string]chan struct{}{},
	}
	err := sim.CreateNamespace(t.Context(), w.core, namespace)
	if err == nil {
		w.before, err = w.garbage.List(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	// What belonged to earlier drivers stays until the end, in the way of later ones.
	w.kubelet = kubelet.New(kubelet.Config{Namespace: namespace, LifeOf: w.lifeOf, OnEvent: w.noteDriver, Workers: 4, LeaveGarbage: true}, w.core)
	if err := w.kubelet.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kubelet.Wait)
	return w
}

// What a driver does is the last argument of its application.
const (
	succeeds = "succeeds"
	fails    = "fails"   // with exit code 1
	endless  = "endless" // until the user lets it end
)

// moment is how long a driver takes to start, and to end.
const moment = 50 * time.Millisecond

func (w *World) lifeOf(driver *corev1.Pod) kubelet.Life {
	life := kubelet.Life{Start: moment, Run: moment}
	arguments := driver.Spec.Containers[0].Args
	switch arguments[len(arguments)-1] {
	case fails:
		life.Outcome = kubelet.Fail
	case endless:
		life.Until, life.Executors = w.endOf(driver.Labels[v1beta2.LabelSparkAppName]), 1
	}
	return life
}

// endOf is closed when the endless run of an application is to end.
func (w *World) endOf(name string) chan struct{} {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.endless[name] == nil {
		w.endless[name] = make(chan struct{})
	}
	return w.endless[name]
}

// letEnd lets the endless run of an application end successfully.
func (w *World) letEnd(name string) { close(w.endOf(name)) }

// noteDriver notes a driver that is new.
func (w *World) noteDriver(event kubelet.Event) {
	if event.Moment != kubelet.Created {
		return
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	name := event.Pod.Labels[v1beta2.LabelSparkAppName]
	w.drivers[name] = append(w.drivers[name], event.Pod.Labels[v1beta2.LabelSubmissionID])
}

// submissions are those of all drivers that an application ever had.
func (w *World) submissions(name string) []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return slices.Clone(w.drivers[name])
}

// checkNothingLeft waits until nothing exists but what was there before, with this
// World in the place of the garbage collector.
func (w *World) checkNothingLeft() {
	w.t.Helper()
	known := map[types.UID]bool{}
	for _, o := range w.before {
		known[o.UID] = true
	}
	var left []string
	err := wait.PollUntilContextTimeout(w.t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		left = nil
		objects, err := w.garbage.List(ctx)
		if err != nil {
			return false, err
		}
		for _, o := range objects {
			if !known[o.UID] {
				left = append(left, fmt.Sprintf("%s (owners %v)", o, o.OwnerReferences))
			}
		}
		return len(left) == 0, w.garbage.Collect(ctx, objects)
	})
	if err != nil {
		w.t.Errorf("left behind: %s (%v)", strings.Join(left, ", "), err)
	}
}

// WaitForDrivers waits until so many drivers have come into being.
func (w *World) WaitForDrivers(count int) error {
	seen := 0
	err := wait.PollUntilContextTimeout(w.t.Context(), pollInterval, patience, true, func(context.Context) (bool, error) {
		w.lock.Lock()
		defer w.lock.Unlock()
		seen = 0
		for _, drivers := range w.drivers {
			seen += len(drivers)
		}
		return seen >= count, nil
	})
	if err != nil {
		return fmt.Errorf("%d drivers instead of %d: %w", seen, count, err)
	}
	return nil
}

// The user. Every request is repeated until the API server answers it; one whose
// answer was lost may have been carried out.

func (w *World) create(ctx context.Context, app *v1beta2.SparkApplication) error {
	return w.insist(ctx, "create "+app.Name, func(ctx context.Context) error {
		_, err := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace).Create(ctx, app, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
}

func (w *World) patch(ctx context.Context, name, patch string) error {
	return w.insist(ctx, "patch "+name, func(ctx context.Context) error {
		_, err := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	})
}

func (w *World) delete(ctx context.Context, name string) error {
	return w.insist(ctx, "delete "+name, func(ctx context.Context) error {
		err := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace).Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

func (w *World) insist(ctx context.Context, what string, do func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, err, last)
	}
	return nil
}

// waitFor waits until an application is in one of the states, and returns an error
// if it comes to another end.
func (w *World) waitFor(ctx context.Context, name string, states ...v1beta2.ApplicationStateType) (*v1beta2.SparkApplication, error) {
	return w.waitUntil(ctx, name, fmt.Sprint(states), func(app *v1beta2.SparkApplication) (bool, error) {
		state := app.Status.AppState.State
		if slices.Contains(states, state) {
			return true, nil
		}
		if state == v1beta2.ApplicationStateFailed || state == v1beta2.ApplicationStateCompleted {
			return false, fmt.Errorf("it ended %s: %s", state, app.Status.AppState.ErrorMessage)
		}
		return false, nil
	})
}

func (w *World) waitUntil(ctx context.Context, name, what string, done func(*v1beta2.SparkApplication) (bool, error)) (*v1beta2.SparkApplication, error) {
	var app *v1beta2.SparkApplication
	var last error
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if app, last = w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace).Get(ctx, name, metav1.GetOptions{}); last != nil {
			return false, nil //nolint:nilerr // the API server may be away
		}
		return done(app)
	})
	if err != nil {
		return nil, fmt.Errorf("wait for %s to become %s: %w; status %+v", name, what, errors.Join(err, last), app.Status)
	}
	return app, nil
}
