// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	sparkfake "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/fake"
	typed "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/typed/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

var (
	schedulesResource    = v1beta2.SchemeGroupVersion.WithResource("scheduledsparkapplications")
	applicationsResource = v1beta2.SchemeGroupVersion.WithResource("sparkapplications")
)

// cluster is an API server in memory: the fake clientset, with what it lacks of
// the real one as far as the controller relies on it: uids, creation times,
// resource versions, optimistic locking, the status subresource, preconditions and
// foreground deletion. It is used inside of a synctest bubble, whose clock is the
// clock of everything.
type cluster struct {
	t     *testing.T
	spark *sparkfake.Clientset

	lock    sync.Mutex
	version int
	writes  int
	fault   *fault
	log     []string          // of successful writes
	events  []string          // reasons
	notes   map[string]string // of the latest event of each reason
	created map[string]int    // how often each application was created
	onWrite func(clienttesting.Action) error
	prunes  bool // the CRD is that of kubeflow/spark-operator
	// delay is how long the API server takes to create an application.
	delay func(name string) time.Duration

	registry *prometheus.Registry
	metrics  *Metrics
	config   Config
	stop     func()
	starting func() bool
	logged   ktesting.Underlier
}

// fault ends the process at one write.
type fault struct {
	at     int  // the number of the write, from 1
	after  bool // the write is done, only its answer is lost
	killed bool // from then on the process reaches nothing
}

var errKilled = errors.New("the process has ended")

func newCluster(t *testing.T) *cluster {
	c := &cluster{
		t:        t,
		spark:    sparkfake.NewSimpleClientset(),
		version:  1000,
		notes:    map[string]string{},
		created:  map[string]int{},
		registry: prometheus.NewPedanticRegistry(),
	}
	var err error
	if c.metrics, err = NewMetrics(c.registry, ""); err != nil {
		t.Fatal(err)
	}
	c.spark.PrependReactor("*", "*", c.react)
	return c
}

// bubble runs a test with a cluster and a controller that works in it. The test
// begins at noon, UTC.
func bubble(t *testing.T, test func(c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12*time.Hour + 25*365*24*time.Hour) // from midnight of 1 January 2000
		c := newCluster(t)
		c.start()
		defer func() { c.stop() }()
		test(c)
	})
}

// start starts a controller that knows nothing but what the cluster shows.
func (c *cluster) start() {
	c.t.Helper()
	logger := ktesting.NewLogger(c.t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	c.logged = logger.GetSink().(ktesting.Underlier)
	ctx, cancel := context.WithCancel(klog.NewContext(c.t.Context(), logger))
	set, err := informers.New(informers.Config{}, informers.Clients{Kube: kubefake.NewSimpleClientset(), Spark: c.spark})
	if err != nil {
		c.t.Fatal(err)
	}
	controller, err := newController(c.config, slowClient{c.spark, c}, set, c, c.metrics, clock.RealClock{})
	if err != nil {
		c.t.Fatal(err)
	}
	c.starting = controller.Starting
	set.Start(ctx)
	done := make(chan error)
	go func() { done <- controller.Run(ctx) }()
	c.stop = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
		set.Shutdown()
	}
}

// slowClient lets writes take time. The fake clientset cannot: it does one thing
// at a time.
type slowClient struct {
	versioned.Interface
	cluster *cluster
}

func (s slowClient) SparkoperatorV1beta2() typed.SparkoperatorV1beta2Interface {
	return slowGroup{s.Interface.SparkoperatorV1beta2(), s.cluster}
}

type slowGroup struct {
	typed.SparkoperatorV1beta2Interface
	cluster *cluster
}

func (s slowGroup) SparkApplications(namespace string) typed.SparkApplicationInterface {
	return slowApplications{s.SparkoperatorV1beta2Interface.SparkApplications(namespace), s.cluster}
}

type slowApplications struct {
	typed.SparkApplicationInterface
	cluster *cluster
}

func (s slowApplications) Create(ctx context.Context, app *v1beta2.SparkApplication, options metav1.CreateOptions) (*v1beta2.SparkApplication, error) {
	if delay := s.cluster.delayOf(); delay != nil {
		select {
		case <-time.After(delay(app.Name)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.SparkApplicationInterface.Create(ctx, app, options)
}

// change lets a test change what the cluster does while its controller works.
func (c *cluster) change(do func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	do()
}

func (c *cluster) delayOf() func(string) time.Duration {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.delay
}

// killed reports whether the fault has ended the process.
func (c *cluster) killed() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.fault != nil && c.fault.killed
}

// restart ends the controller and starts another after a while.
func (c *cluster) restart(after time.Duration) {
	c.t.Helper()
	synctest.Wait()
	c.stop()
	time.Sleep(after)
	c.start()
	synctest.Wait()
}

// delayWatch lets controllers that are started afterwards hear of each change of a
// resource later than it happened.
func (c *cluster) delayWatch(resource schema.GroupVersionResource, delay time.Duration) {
	c.spark.PrependWatchReactor(resource.Resource, func(action clienttesting.Action) (bool, watch.Interface, error) {
		stream, err := c.spark.Tracker().Watch(resource, action.GetNamespace())
		if err != nil {
			return true, nil, err
		}
		late := make(chan watch.Event, 100)
		delayed := watch.NewProxyWatcher(late)
		go func() {
			defer stream.Stop()
			for {
				select {
				case event := <-stream.ResultChan():
					select {
					case <-time.After(delay):
						late <- event
					case <-delayed.StopChan():
						return
					}
				case <-delayed.StopChan():
					return
				}
			}
		}()
		return true, delayed, nil
	})
}

// letPass lets time pass until everything that it triggers has happened.
func (c *cluster) letPass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Eventf implements events.EventRecorder.
func (c *cluster) Eventf(_, _ runtime.Object, _, reason, _, note string, arguments ...any) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.events = append(c.events, reason)
	c.notes[reason] = fmt.Sprintf(note, arguments...)
}

func (c *cluster) react(action clienttesting.Action) (bool, runtime.Object, error) {
	switch action.GetVerb() {
	case "create", "update", "patch", "delete":
	default:
		c.lock.Lock()
		defer c.lock.Unlock()
		if c.fault != nil && c.fault.killed && action.GetVerb() == "get" {
			return true, nil, errKilled
		}
		return false, nil, nil
	}
	c.lock.Lock()
	onWrite := c.onWrite
	c.lock.Unlock()
	if onWrite != nil {
		if err := onWrite(action); err != nil {
			return true, nil, err
		}
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.writes++
	if f := c.fault; f != nil {
		if f.killed {
			return true, nil, errKilled
		}
		if c.writes == f.at {
			f.killed = true
			if f.after {
				// A run may be deleted a second time, as long as the cache shows it; with that
				// there is no answer to lose, and the process ends all the same.
				_, _, err := c.write(action)
				if err != nil && !(action.GetVerb() == "delete" && apierrors.IsNotFound(err)) {
					c.t.Errorf("write %d: %v", f.at, err)
				}
			}
			return true, nil, errKilled
		}
	}
	return c.write(action)
}

func (c *cluster) write(action clienttesting.Action) (bool, runtime.Object, error) {
	object, name, err := c.tryWrite(action)
	if err == nil {
		c.log = append(c.log, fmt.Sprintf("%s %s %s", action.GetVerb(), action.GetResource().Resource, name))
	}
	return true, object, err
}

func (c *cluster) tryWrite(action clienttesting.Action) (_ runtime.Object, name string, _ error) {
	resource, namespace, tracker := action.GetResource(), action.GetNamespace(), c.spark.Tracker()
	switch action := action.(type) {
	case clienttesting.CreateActionImpl:
		app := action.Object.DeepCopyObject().(*v1beta2.SparkApplication)
		c.stamp(app)
		if err := tracker.Create(resource, app, namespace); err != nil {
			return nil, app.Name, err
		}
		c.created[app.Name]++
		return app.DeepCopy(), app.Name, nil
	case clienttesting.UpdateActionImpl:
		if action.GetSubresource() != "status" {
			return nil, "", fmt.Errorf("unexpected update of %s", resource)
		}
		body := action.Object.(*v1beta2.ScheduledSparkApplication)
		stored, err := tracker.Get(resource, namespace, body.Name)
		if err != nil {
			return nil, body.Name, err
		}
		app := stored.DeepCopyObject().(*v1beta2.ScheduledSparkApplication)
		if app.ResourceVersion != body.ResourceVersion || app.UID != body.UID {
			return nil, body.Name, apierrors.NewConflict(resource.GroupResource(), body.Name, errors.New("the object has been modified"))
		}
		status := body.Status.DeepCopy()
		if c.prunes {
			status.LastScheduleTime, status.SettledTime, status.ObservedSchedule = nil, nil, ""
			status.RunNow, status.ObservedGeneration, status.Conditions = nil, 0, nil
			status.LastRun, status.NextRun = status.LastRun.Rfc3339Copy(), status.NextRun.Rfc3339Copy()
			if equality.Semantic.DeepEqual(&app.Status, status) {
				return app, body.Name, nil // nothing to store
			}
		}
		app.Status = *status
		app.ResourceVersion = c.nextVersion()
		return app.DeepCopy(), body.Name, tracker.Update(resource, app, namespace)
	case clienttesting.DeleteActionImpl:
		return nil, action.Name, c.delete(resource, action)
	}
	return nil, "", fmt.Errorf("unexpected %s of %s", action.GetVerb(), resource)
}

// delete honours preconditions; with foreground deletion the object stays until
// [cluster.collectGarbage].
func (c *cluster) delete(resource schema.GroupVersionResource, action clienttesting.DeleteActionImpl) error {
	stored, err := c.spark.Tracker().Get(resource, action.Namespace, action.Name)
	if err != nil {
		return err
	}
	app := stored.DeepCopyObject().(*v1beta2.SparkApplication)
	if p := action.DeleteOptions.Preconditions; p != nil {
		if p.UID != nil && *p.UID != app.UID || p.ResourceVersion != nil && *p.ResourceVersion != app.ResourceVersion {
			return apierrors.NewConflict(resource.GroupResource(), action.Name, errors.New("precondition failed"))
		}
	}
	version := c.nextVersion()
	if ptr.Deref(action.DeleteOptions.PropagationPolicy, "") == metav1.DeletePropagationForeground {
		app.DeletionTimestamp = ptr.To(metav1.Now())
		app.Finalizers = []string{metav1.FinalizerDeleteDependents}
		app.ResourceVersion = version
		return c.spark.Tracker().Update(resource, app, action.Namespace)
	}
	return c.spark.Tracker().Delete(resource, action.Namespace, action.Name)
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
		object.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	}
}
