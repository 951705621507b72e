// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	sparkfake "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/fake"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

var (
	connectsResource   = v1alpha1.SchemeGroupVersion.WithResource("sparkconnects")
	podsResource       = corev1.SchemeGroupVersion.WithResource("pods")
	servicesResource   = corev1.SchemeGroupVersion.WithResource("services")
	configMapsResource = corev1.SchemeGroupVersion.WithResource("configmaps")
)

// cluster is an API server in memory: the fake clientsets, with what they lack of the real
// one as far as the controller relies on it: uids, creation times, resource versions,
// optimistic locking, the status subresource, preconditions and grace periods. It is used
// inside of a synctest bubble, whose clock is the clock of everything.
type cluster struct {
	t     *testing.T
	spark *sparkfake.Clientset
	kube  *kubefake.Clientset
	// dynamic has the routes of the Gateway API.
	dynamic *dynamicfake.FakeDynamicClient

	lock     sync.Mutex
	version  int
	writes   int
	fault    *fault
	log      []string          // of successful writes
	events   []string          // reasons
	notes    map[string]string // of the latest event of each reason
	pods     []types.UID       // of the server pods, as they were created
	refuse   func(clienttesting.Action) error
	prunes   bool          // the CRD is that of kubeflow/spark-operator
	unserved bool          // the Gateway API is not installed
	silent   bool          // no kubelet confirms the end of pods
	lag      time.Duration // by which watches are late that begin from now on

	ui shownUI // of the server, whichever runs

	registry *prometheus.Registry
	metrics  *Metrics
	stop     func()
}

// fault ends the process at one write.
type fault struct {
	at     int  // the number of the write, from 1
	after  bool // the write is done, only its answer is lost
	killed bool // from then on the process reaches nothing
}

var errKilled = errors.New("the process has ended")

// bubble runs a test with a cluster and a controller that works in it.
func bubble(t *testing.T, test func(c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{
			t: t, spark: sparkfake.NewSimpleClientset(), kube: kubefake.NewSimpleClientset(), version: 1000,
			dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
				ui.GRPCRouteResource: "GRPCRouteList", ui.RouteResource: "HTTPRouteList",
			}),
			notes: map[string]string{}, registry: prometheus.NewPedanticRegistry(), ui: shownUI{version: "4.3.0"},
		}
		var err error
		if c.metrics, err = NewMetrics(c.registry, ""); err != nil {
			t.Fatal(err)
		}
		c.spark.PrependReactor("*", "*", c.react)
		c.kube.PrependReactor("*", "*", c.react)
		c.dynamic.PrependReactor("*", "*", c.react)
		c.spark.PrependWatchReactor("*", c.late(c.spark.Tracker()))
		c.kube.PrependWatchReactor("*", c.late(c.kube.Tracker()))
		c.start()
		defer func() { c.stop() }()
		test(c)
	})
}

// start starts a controller that knows nothing but what the cluster shows.
func (c *cluster) start() {
	c.t.Helper()
	_, ctx := ktesting.NewTestContext(c.t)
	ctx, cancel := context.WithCancel(ctx)
	set, err := informers.New(informers.Config{}, informers.Clients{Kube: c.kube, Spark: c.spark})
	if err != nil {
		c.t.Fatal(err)
	}
	controller, err := New(Config{Master: "k8s://https://10.0.0.1:443", Authentication: true, Redact: redact.Secrets, ProbeTransport: c, NodeLossGracePeriod: 5 * time.Minute}, Clients{Kube: c.kube, Spark: c.spark, Dynamic: c.dynamic}, set, c, c.metrics)
	if err != nil {
		c.t.Fatal(err)
	}
	set.Start(ctx)
	set.StartConnects(ctx)
	done := make(chan error)
	go func() { done <- controller.Run(ctx) }()
	c.stop = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
		set.Shutdown()
	}
	synctest.Wait()
}

// change lets a test change what the cluster does while its controller works.
func (c *cluster) change(do func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	do()
}

func (c *cluster) killed() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.fault != nil && c.fault.killed
}

// letPass lets time pass until everything that it triggers has happened. Pods that are
// being deleted go, and what they own.
func (c *cluster) letPass(d time.Duration) {
	c.t.Helper()
	synctest.Wait()
	c.change(c.reap) // with the lock: what the test has read so far was before what follows
	time.Sleep(d)
	synctest.Wait()
}

// written returns how many writes the cluster got.
func (c *cluster) written() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.writes
}

// reap removes what a kubelet and the garbage collector would.
func (c *cluster) reap() {
	pods, err := c.kube.Tracker().List(podsResource, corev1.SchemeGroupVersion.WithKind("Pod"), "")
	if err != nil {
		c.t.Fatal(err)
	}
	items, err := meta.ExtractList(pods)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, item := range items {
		pod := item.(*corev1.Pod)
		if pod.DeletionTimestamp != nil && !c.silent {
			c.must(c.kube.Tracker().Delete(podsResource, pod.Namespace, pod.Name))
		}
	}
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// Eventf implements events.EventRecorder.
func (c *cluster) Eventf(_, _ runtime.Object, _, reason, _, note string, arguments ...any) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.events = append(c.events, reason)
	c.notes[reason] = fmt.Sprintf(note, arguments...)
}

func (c *cluster) count(event string) (n int) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, reason := range c.events {
		if reason == event {
			n++
		}
	}
	return n
}

func (c *cluster) react(action clienttesting.Action) (bool, runtime.Object, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.unserved && action.GetResource().Group == ui.RouteResource.Group {
		return true, nil, apierrors.NewGenericServerResponse(http.StatusNotFound, action.GetVerb(), action.GetResource().GroupResource(), "", "", 0, true)
	}
	switch action.GetVerb() {
	case "create", "update", "delete":
	default:
		if c.fault != nil && c.fault.killed && action.GetVerb() == "get" {
			return true, nil, errKilled
		}
		return false, nil, nil
	}
	if c.refuse != nil {
		if err := c.refuse(action); err != nil {
			return true, nil, err
		}
	}
	c.writes++
	if f := c.fault; f != nil {
		if f.killed {
			return true, nil, errKilled
		}
		if c.writes == f.at {
			f.killed = true
			if f.after {
				if _, err := c.write(action); err != nil && !apierrors.IsAlreadyExists(err) {
					c.t.Errorf("write %d: %v", f.at, err)
				}
			}
			return true, nil, errKilled
		}
	}
	object, err := c.write(action)
	return true, object, err
}

func (c *cluster) tracker(action clienttesting.Action) clienttesting.ObjectTracker {
	if action.GetResource() == connectsResource {
		return c.spark.Tracker()
	}
	if action.GetResource().Group == ui.RouteResource.Group {
		return c.dynamic.Tracker()
	}
	return c.kube.Tracker()
}

func (c *cluster) write(action clienttesting.Action) (runtime.Object, error) {
	resource, namespace, tracker := action.GetResource(), action.GetNamespace(), c.tracker(action)
	switch action := action.(type) {
	case clienttesting.CreateActionImpl:
		object := action.Object.DeepCopyObject()
		accessor := object.(metav1.Object)
		if _, err := tracker.Get(resource, namespace, accessor.GetName()); err == nil {
			return nil, apierrors.NewAlreadyExists(resource.GroupResource(), accessor.GetName())
		}
		c.stamp(accessor)
		if err := tracker.Create(resource, object, namespace); err != nil {
			return nil, err
		}
		if resource == podsResource {
			c.pods = append(c.pods, accessor.GetUID())
		}
		c.log = append(c.log, "create "+resource.Resource+" "+accessor.GetName())
		return object.DeepCopyObject(), nil
	case clienttesting.UpdateActionImpl:
		body := action.Object.DeepCopyObject()
		accessor := body.(metav1.Object)
		stored, err := tracker.Get(resource, namespace, accessor.GetName())
		if err != nil {
			return nil, err
		}
		if stored.(metav1.Object).GetResourceVersion() != accessor.GetResourceVersion() {
			return nil, apierrors.NewConflict(resource.GroupResource(), accessor.GetName(), errors.New("the object has been modified"))
		}
		if connect, ok := stored.DeepCopyObject().(*v1alpha1.SparkConnect); ok {
			if action.GetSubresource() != "status" {
				return nil, errors.New("the spec is read-only")
			}
			connect.Status = *body.(*v1alpha1.SparkConnect).Status.DeepCopy()
			if c.prunes {
				prune(&connect.Status)
			}
			body = connect
		}
		body.(metav1.Object).SetResourceVersion(c.nextVersion())
		c.log = append(c.log, "update "+resource.Resource+" "+accessor.GetName())
		return body, tracker.Update(resource, body.DeepCopyObject(), namespace)
	case clienttesting.DeleteActionImpl:
		c.log = append(c.log, "delete "+resource.Resource+" "+action.Name)
		return nil, c.delete(action, tracker)
	}
	return nil, fmt.Errorf("unexpected %s of %s", action.GetVerb(), resource)
}

// prune drops the fields that the CRD of kubeflow/spark-operator lacks.
func prune(status *v1alpha1.SparkConnectStatus) {
	*status = v1alpha1.SparkConnectStatus{
		Conditions: status.Conditions, State: status.State, Executors: status.Executors,
		Server:    v1alpha1.ServerStatus{PodName: status.Server.PodName, PodIP: status.Server.PodIP, ServiceName: status.Server.ServiceName},
		StartTime: status.StartTime, LastUpdateTime: status.LastUpdateTime,
	}
}

// delete honours preconditions. A pod stays until [cluster.reap].
func (c *cluster) delete(action clienttesting.DeleteActionImpl, tracker clienttesting.ObjectTracker) error {
	stored, err := tracker.Get(action.GetResource(), action.Namespace, action.Name)
	if err != nil {
		return err
	}
	object := stored.DeepCopyObject()
	accessor := object.(metav1.Object)
	p := action.DeleteOptions.Preconditions
	if p == nil || p.UID == nil {
		c.t.Errorf("deletion of %s without precondition", action.Name)
	} else if *p.UID != accessor.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != accessor.GetResourceVersion() {
		return apierrors.NewConflict(action.GetResource().GroupResource(), action.Name, errors.New("precondition failed"))
	}
	if action.GetResource() != podsResource || ptr.Deref(action.DeleteOptions.GracePeriodSeconds, 1) == 0 {
		return tracker.Delete(action.GetResource(), action.Namespace, action.Name)
	}
	accessor.SetDeletionTimestamp(ptr.To(metav1.NewTime(time.Now().Add(30 * time.Second))))
	accessor.SetResourceVersion(c.nextVersion())
	return tracker.Update(action.GetResource(), object, action.Namespace)
}

func (c *cluster) nextVersion() string {
	c.version++
	return strconv.Itoa(c.version)
}

// stamp gives a new object what the API server gives it.
func (c *cluster) stamp(object metav1.Object) {
	object.SetResourceVersion(c.nextVersion())
	object.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", c.version)))
	object.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
}

// connect is a SparkConnect that can be started.
func connect(edits ...func(*v1alpha1.SparkConnect)) *v1alpha1.SparkConnect {
	connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "lab", Namespace: "jobs", Generation: 1}}
	connect.Spec.SparkVersion, connect.Spec.Image = "4.3.0", ptr.To("apache/spark:4.3.0")
	for _, edit := range edits {
		edit(connect)
	}
	return connect
}

// add stores a SparkConnect as a user does.
func (c *cluster) add(connect *v1alpha1.SparkConnect) {
	c.t.Helper()
	c.change(func() {
		c.stamp(connect)
		c.must(c.spark.Tracker().Create(connectsResource, connect, connect.Namespace))
	})
	synctest.Wait()
}

// get returns the stored SparkConnect.
func (c *cluster) get() *v1alpha1.SparkConnect {
	c.t.Helper()
	stored, err := c.spark.Tracker().Get(connectsResource, "jobs", "lab")
	c.must(err)
	return stored.(*v1alpha1.SparkConnect)
}

// exists reports whether the SparkConnect is stored.
func (c *cluster) exists() bool {
	_, err := c.spark.Tracker().Get(connectsResource, "jobs", "lab")
	return err == nil
}

// edit changes a SparkConnect as a user does.
func (c *cluster) edit(edit func(*v1alpha1.SparkConnect)) {
	c.t.Helper()
	c.change(func() {
		edited := c.get().DeepCopy()
		spec := edited.Spec.DeepCopy()
		edit(edited)
		if !equality.Semantic.DeepEqual(spec, &edited.Spec) {
			edited.Generation++
		}
		edited.ResourceVersion = c.nextVersion()
		c.must(c.spark.Tracker().Update(connectsResource, edited, "jobs"))
	})
	synctest.Wait()
}

// pod returns the server pod; nil without one.
func (c *cluster) pod() *corev1.Pod {
	stored, err := c.kube.Tracker().Get(podsResource, "jobs", "lab-server")
	if err != nil {
		return nil
	}
	return stored.(*corev1.Pod)
}

// report changes the status of the server pod as a kubelet does.
func (c *cluster) report(edit func(*corev1.PodStatus)) {
	c.t.Helper()
	c.change(func() {
		pod := c.pod()
		if pod == nil {
			c.t.Fatal("there is no server pod")
		}
		pod = pod.DeepCopy()
		edit(&pod.Status)
		pod.ResourceVersion = c.nextVersion()
		c.must(c.kube.Tracker().Update(podsResource, pod, "jobs"))
	})
	synctest.Wait()
}

// running lets the server run, and be ready or not.
func running(ready bool) func(*corev1.PodStatus) {
	value := corev1.ConditionFalse
	if ready {
		value = corev1.ConditionTrue
	}
	return func(status *corev1.PodStatus) {
		*status = corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.1.2.3",
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: value, Message: "containers with unready status: [spark-kubernetes-driver]"}},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "spark-kubernetes-driver", Ready: ready, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
			}},
		}
	}
}

// ended lets the server end.
func ended(code int32, reason string) func(*corev1.PodStatus) {
	return func(status *corev1.PodStatus) {
		*status = corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "spark-kubernetes-driver", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}},
		}}}
	}
}

// want checks the state of the SparkConnect.
func (c *cluster) want(state v1alpha1.SparkConnectState, reason, message string) *v1alpha1.SparkConnectStatus {
	c.t.Helper()
	status := &c.get().Status
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionServerPodReady)
	if ready == nil {
		ready = &metav1.Condition{}
	}
	if status.State != state || ready.Reason != reason || !strings.Contains(ready.Message, message) {
		c.t.Fatalf("state %q, ServerPodReady %s %q, want %q, %s %q", status.State, ready.Reason, ready.Message, state, reason, message)
	}
	return status
}

// ready lets a new SparkConnect become ready.
func (c *cluster) ready(edits ...func(*v1alpha1.SparkConnect)) {
	c.t.Helper()
	c.add(connect(edits...))
	c.letPass(time.Second)
	c.want(v1alpha1.SparkConnectStateProvisioning, reasonNotReady, "")
	c.report(running(true))
	c.letPass(time.Second)
	c.want(v1alpha1.SparkConnectStateReady, reasonReady, "Server pod is ready")
}
