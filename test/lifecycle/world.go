// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
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
	config    *rest.Config
	core      kubernetes.Interface
	spark     versioned.Interface
	pods      cache.SharedIndexInformer
	before    []*object // what the namespace held at the beginning

	lock     sync.Mutex
	drivers  map[string][]*driver // by application, in the order of their creation
	finished map[string]bool      // applications whose endless run is to end
}

// driver is a driver pod that was seen.
type driver struct {
	uid        types.UID
	submission string
	over       bool // it has ended or is gone
}

// New creates a namespace and begins to play. config must reach the API server
// undisturbed.
func New(t *testing.T, config *rest.Config, namespace string) *World {
	t.Helper()
	w := &World{
		t: t, namespace: namespace, config: config,
		core: kubernetes.NewForConfigOrDie(config), spark: versioned.NewForConfigOrDie(config),
		drivers: map[string][]*driver{}, finished: map[string]bool{},
	}
	_, err := w.core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err == nil {
		err = CreateServiceAccount(t.Context(), w.core, namespace, "default")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.before = w.inventory(t.Context())
	factory := informers.NewSharedInformerFactoryWithOptions(w.core, 0, informers.WithNamespace(namespace))
	w.pods = factory.Core().V1().Pods().Informer()
	if _, err := w.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    w.noteDriver,
		UpdateFunc: func(_, object any) { w.noteDriver(object) },
		DeleteFunc: w.noteGone,
	}); err != nil {
		t.Fatal(err)
	}
	factory.StartWithContext(t.Context())
	if !cache.WaitForCacheSync(t.Context().Done(), w.pods.HasSynced) {
		t.Fatal("pods cannot be watched")
	}
	var kubelet sync.WaitGroup
	kubelet.Go(func() { wait.UntilWithContext(t.Context(), w.tendPods, 50*time.Millisecond) })
	t.Cleanup(func() {
		kubelet.Wait()
		factory.Shutdown()
	})
	return w
}

// CreateServiceAccount creates a service account whose token is not put into pods, so
// that these are stored as they are created.
func CreateServiceAccount(ctx context.Context, core kubernetes.Interface, namespace, name string) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}, AutomountServiceAccountToken: ptr.To(false)}
	_, err := core.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{})
	return err
}

func isDriver(pod *corev1.Pod) bool {
	return pod.Labels[v1beta2.LabelSparkRole] == v1beta2.SparkRoleDriver
}

func hasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// noteDriver notes a driver that is new, and complains if another one of the same
// application still goes.
func (w *World) noteDriver(object any) {
	pod, ok := object.(*corev1.Pod)
	if !ok || !isDriver(pod) {
		return
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	name := pod.Labels[v1beta2.LabelSparkAppName]
	for _, known := range w.drivers[name] {
		if known.uid == pod.UID {
			known.over = known.over || hasEnded(pod)
			return
		}
	}
	for _, other := range w.drivers[name] {
		if !other.over {
			w.t.Errorf("%s: driver %s (submission %s) comes while %s (submission %s) still goes", name,
				pod.UID, pod.Labels[v1beta2.LabelSubmissionID], other.uid, other.submission)
		}
	}
	w.drivers[name] = append(w.drivers[name], &driver{uid: pod.UID, submission: pod.Labels[v1beta2.LabelSubmissionID], over: hasEnded(pod)})
}

func (w *World) noteGone(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	for _, known := range w.drivers[pod.Labels[v1beta2.LabelSparkAppName]] {
		if known.uid == pod.UID {
			known.over = true
		}
	}
}

// submissions are those of all drivers that an application ever had.
func (w *World) submissions(name string) []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	var ids []string
	for _, driver := range w.drivers[name] {
		ids = append(ids, driver.submission)
	}
	return ids
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
