// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/internal/fixture"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	sparkfake "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/fake"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/metrics"
)

var (
	applicationsResource = v1beta2.SchemeGroupVersion.WithResource("sparkapplications")
	podsResource         = corev1.SchemeGroupVersion.WithResource("pods")
	testStart            = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// cluster is an API server in memory: the fake clientsets, with what they lack of
// the real one as far as the controller relies on it: uids, resource versions,
// optimistic locking, the status subresource and preconditions.
type cluster struct {
	t       *testing.T
	kube    *kubefake.Clientset
	spark   *sparkfake.Clientset
	dynamic dynamic.Interface // nil for none
	clock   *clocktesting.FakeClock

	lock    sync.Mutex
	version int
	writes  int // by the controller, counted from the last call of fail
	fault   *fault
	log     []string // of successful writes
	onWrite func()   // called after each successful write, if set
	prunes  bool     // the CRD is that of kubeflow/spark-operator

	events   []string
	registry *prometheus.Registry
	metrics  *metrics.Metrics
}

// fault makes one write go wrong.
type fault struct {
	at    int  // the number of the write, from 1
	after bool // the write is done, only its answer is lost
	crash bool // the process ends; otherwise the call returns an error
	err   error
	hit   bool
	vain  bool // the write failed by itself, so there was no answer to lose
}

// errCrash is what a process sees of its own end: nothing. Tests recover it.
var errCrash = errors.New("the process ends here")

func newCluster(t *testing.T) *cluster {
	c := &cluster{
		t: t,
		// Without field management, which nothing here needs and which takes most of
		// the time.
		kube:     kubefake.NewSimpleClientset(),
		spark:    sparkfake.NewSimpleClientset(),
		clock:    clocktesting.NewFakeClock(testStart),
		version:  1000,
		registry: prometheus.NewPedanticRegistry(),
	}
	var err error
	if c.metrics, err = metrics.New(c.registry, metrics.Config{}); err != nil {
		t.Fatal(err)
	}
	c.kube.PrependReactor("*", "*", c.react(c.kube.Tracker()))
	c.spark.PrependReactor("*", "*", c.react(c.spark.Tracker()))
	t.Cleanup(c.wantGranted)
	return c
}

// react handles the calls of the controller.
func (c *cluster) react(tracker clienttesting.ObjectTracker) clienttesting.ReactionFunc {
	apply := clienttesting.ObjectReaction(tracker)
	return func(action clienttesting.Action) (bool, runtime.Object, error) {
		switch action.GetVerb() {
		case "create", "update", "patch", "delete":
		default:
			return false, nil, nil
		}
		c.lock.Lock()
		defer c.lock.Unlock()
		c.writes++
		f := c.fault
		if f != nil && !f.hit && c.writes == f.at {
			f.hit = true
			if !f.after {
				return true, nil, f.end()
			}
			if _, _, err := c.write(tracker, apply, action); err != nil {
				f.vain = true
				return true, nil, err
			}
			return true, nil, f.end()
		}
		return c.write(tracker, apply, action)
	}
}

func (f *fault) end() error {
	if f.crash {
		panic(errCrash)
	}
	return f.err
}

func (c *cluster) write(tracker clienttesting.ObjectTracker, apply clienttesting.ReactionFunc, action clienttesting.Action) (bool, runtime.Object, error) {
	handled, object, err := c.tryWrite(tracker, apply, action)
	if err == nil {
		if c.onWrite != nil {
			defer c.onWrite()
		}
		name := ""
		if accessor, accessErr := meta.Accessor(object); accessErr == nil && object != nil {
			name = accessor.GetName()
		} else if deletion, ok := action.(clienttesting.DeleteAction); ok {
			name = deletion.GetName()
		}
		c.log = append(c.log, fmt.Sprintf("%s %s %s", action.GetVerb(), action.GetResource().Resource, name))
	}
	return handled, object, err
}

func (c *cluster) tryWrite(tracker clienttesting.ObjectTracker, apply clienttesting.ReactionFunc, action clienttesting.Action) (bool, runtime.Object, error) {
	resource, namespace := action.GetResource(), action.GetNamespace()
	switch action := action.(type) {
	case clienttesting.CreateActionImpl:
		accessor, err := meta.Accessor(action.Object)
		if err != nil {
			return true, nil, err
		}
		if _, err := tracker.Get(resource, namespace, accessor.GetName()); err == nil {
			return true, nil, apierrors.NewAlreadyExists(resource.GroupResource(), accessor.GetName())
		}
		c.stamp(accessor)
	case clienttesting.UpdateActionImpl:
		accessor, err := meta.Accessor(action.Object)
		if err != nil {
			return true, nil, err
		}
		stored, err := tracker.Get(resource, namespace, accessor.GetName())
		if err != nil {
			return true, nil, err
		}
		current, err := meta.Accessor(stored)
		if err != nil {
			return true, nil, err
		}
		if accessor.GetResourceVersion() != current.GetResourceVersion() {
			return true, nil, apierrors.NewConflict(resource.GroupResource(), accessor.GetName(), errors.New("the object has been modified"))
		}
		if action.GetSubresource() == "status" {
			app := stored.DeepCopyObject().(*v1beta2.SparkApplication)
			for _, problem := range checkForClients(&app.Status, &action.Object.(*v1beta2.SparkApplication).Status) {
				c.t.Error(problem)
			}
			status := action.Object.(*v1beta2.SparkApplication).Status.DeepCopy()
			if c.prunes {
				if prune(status); equality.Semantic.DeepEqual(&app.Status, status) {
					return true, app, nil // nothing to store
				}
			}
			app.Status = *status
			app.ResourceVersion = c.nextVersion()
			return true, app, tracker.Update(resource, app, namespace)
		}
		accessor.SetResourceVersion(c.nextVersion())
	case clienttesting.DeleteActionImpl:
		stored, err := tracker.Get(resource, namespace, action.Name)
		if err != nil {
			return true, nil, err
		}
		current, err := meta.Accessor(stored)
		if err != nil {
			return true, nil, err
		}
		if p := action.DeleteOptions.Preconditions; p != nil {
			if p.UID != nil && *p.UID != current.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != current.GetResourceVersion() {
				return true, nil, apierrors.NewConflict(resource.GroupResource(), action.Name, errors.New("precondition failed"))
			}
		}
		c.nextVersion()
	}
	return apply(action)
}

func (c *cluster) nextVersion() string {
	c.version++
	return strconv.Itoa(c.version)
}

// stamp gives a new object what the API server gives it.
func (c *cluster) stamp(object metav1.Object) {
	object.SetResourceVersion(c.nextVersion())
	if object.GetUID() == "" {
		object.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", c.version)))
	}
	if object.GetCreationTimestamp().Time.IsZero() {
		object.SetCreationTimestamp(metav1.NewTime(c.clock.Now()))
	}
}

// The following are the doings of others: users, kubelet, garbage collector. They
// go past the reactors.

func (c *cluster) addApplication(app *v1beta2.SparkApplication) {
	c.t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	c.stamp(app)
	app.Generation = 1
	if err := c.spark.Tracker().Create(applicationsResource, app, app.Namespace); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) application(name string) *v1beta2.SparkApplication {
	c.t.Helper()
	object, err := c.spark.Tracker().Get(applicationsResource, "ns", name)
	if err != nil {
		c.t.Fatal(err)
	}
	return object.(*v1beta2.SparkApplication).DeepCopy()
}

func (c *cluster) editSpec(name string, edit func(*v1beta2.SparkApplicationSpec)) {
	c.t.Helper()
	app := c.application(name)
	edit(&app.Spec)
	app.Generation++
	c.putApplication(app)
}

func (c *cluster) putApplication(app *v1beta2.SparkApplication) {
	c.t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	app.ResourceVersion = c.nextVersion()
	if err := c.spark.Tracker().Update(applicationsResource, app, app.Namespace); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) addPod(pod *corev1.Pod) {
	c.t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	c.stamp(pod)
	if err := c.kube.Tracker().Create(podsResource, pod, pod.Namespace); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) pod(name string) *corev1.Pod {
	object, err := c.kube.Tracker().Get(podsResource, "ns", name)
	if err != nil {
		return nil
	}
	return object.(*corev1.Pod).DeepCopy()
}

func (c *cluster) editPod(name string, edit func(*corev1.Pod)) {
	c.t.Helper()
	pod := c.pod(name)
	if pod == nil {
		c.t.Fatalf("no pod %s", name)
	}
	edit(pod)
	c.lock.Lock()
	defer c.lock.Unlock()
	pod.ResourceVersion = c.nextVersion()
	if err := c.kube.Tracker().Update(podsResource, pod, pod.Namespace); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) deletePod(name string) {
	c.t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	c.nextVersion()
	if err := c.kube.Tracker().Delete(podsResource, "ns", name); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) pods() []*corev1.Pod {
	c.t.Helper()
	list, err := c.kube.Tracker().List(podsResource, corev1.SchemeGroupVersion.WithKind("Pod"), "ns")
	if err != nil {
		c.t.Fatal(err)
	}
	var pods []*corev1.Pod
	for i := range list.(*corev1.PodList).Items {
		pods = append(pods, &list.(*corev1.PodList).Items[i])
	}
	return pods
}

// collectGarbage deletes what belongs to pods that are gone.
func (c *cluster) collectGarbage() {
	c.t.Helper()
	alive := map[types.UID]bool{}
	for _, pod := range c.pods() {
		alive[pod.UID] = true
	}
	for resource, kind := range map[string]string{"services": "Service", "configmaps": "ConfigMap", "secrets": "Secret"} {
		gvr := corev1.SchemeGroupVersion.WithResource(resource)
		list, err := c.kube.Tracker().List(gvr, corev1.SchemeGroupVersion.WithKind(kind), "ns")
		if err != nil {
			c.t.Fatal(err)
		}
		_ = meta.EachListItem(list, func(object runtime.Object) error {
			accessor, _ := meta.Accessor(object)
			owner := metav1.GetControllerOf(accessor)
			if owner != nil && owner.Kind == "Pod" && !alive[owner.UID] {
				return c.kube.Tracker().Delete(gvr, "ns", accessor.GetName())
			}
			return nil
		})
	}
}

func (c *cluster) count(gvr schema.GroupVersionResource, kind string) int {
	c.t.Helper()
	list, err := c.kube.Tracker().List(gvr, gvr.GroupVersion().WithKind(kind), "ns")
	if err != nil {
		c.t.Fatal(err)
	}
	return meta.LenList(list)
}

func (c *cluster) services() int {
	return c.count(corev1.SchemeGroupVersion.WithResource("services"), "Service")
}

// configMaps counts the config maps that do not go with a driver pod.
func (c *cluster) configMaps() int {
	resource := corev1.SchemeGroupVersion.WithResource("configmaps")
	list, err := c.kube.Tracker().List(resource, corev1.SchemeGroupVersion.WithKind("ConfigMap"), "ns")
	if err != nil {
		c.t.Fatal(err)
	}
	count := 0
	for _, configMap := range list.(*corev1.ConfigMapList).Items {
		if owner := metav1.GetControllerOfNoCopy(&configMap); owner == nil || owner.Kind != "Pod" {
			count++
		}
	}
	return count
}

func (c *cluster) driverPhase(name string, phase corev1.PodPhase) {
	c.editPod(name, func(pod *corev1.Pod) {
		pod.Status.Phase = phase
		state := corev1.ContainerState{}
		switch phase {
		case corev1.PodRunning:
			pod.Status.StartTime = ptr.To(metav1.NewTime(c.clock.Now()))
			state.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.clock.Now())}
		case corev1.PodSucceeded:
			state.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: metav1.NewTime(c.clock.Now())}
		case corev1.PodFailed:
			state.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: metav1.NewTime(c.clock.Now())}
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName, State: state}}
	})
}

// Eventf implements events.EventRecorder.
func (c *cluster) Eventf(_, _ runtime.Object, kind, reason, action, note string, arguments ...any) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if action == "" {
		c.t.Errorf("event %s without action", reason)
	}
	c.events = append(c.events, kind+" "+reason+" "+fmt.Sprintf(note, arguments...))
}

// reasons returns the reasons of all events so far.
func (c *cluster) reasons() []string {
	var reasons []string
	for _, text := range c.events {
		var kind, reason string
		_, _ = fmt.Sscan(text, &kind, &reason)
		reasons = append(reasons, reason)
	}
	return reasons
}

// counter returns the value of a counter without labels.
func (c *cluster) counter(name string) float64 {
	c.t.Helper()
	families, err := c.registry.Gather()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// sum returns the sum of all series of a counter.
func (c *cluster) sum(name string) float64 {
	c.t.Helper()
	families, err := c.registry.Gather()
	if err != nil {
		c.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() == name {
			for _, metric := range family.GetMetric() {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// Short names for what most tests here begin with.
var (
	newApplication = fixture.Application
	onFailure      = fixture.OnFailure
	waiting        = fixture.Waiting
)

func (c *cluster) wantState(name string, want v1beta2.ApplicationStateType) *v1beta2.SparkApplication {
	c.t.Helper()
	app := c.application(name)
	if got := lifecycle.StateOf(&app.Status); got != want {
		c.t.Fatalf("state %q (%s), want %q; writes %q", got, app.Status.AppState.ErrorMessage, want, c.log)
	}
	return app
}
