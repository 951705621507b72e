// SPDX-License-Identifier: Apache-2.0

// Package kubelet plays what an operator needs of a cluster besides the API server: the
// scheduler, the kubelet, Spark's driver as far as it makes executors, and the
// garbage collector for what belongs to a driver pod. It works on a real API
// server, with requests and statuses of the shape that the real ones have.
package kubelet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Outcome is how a driver ends.
type Outcome int

// The outcomes.
const (
	// Succeed ends with exit code 0.
	Succeed Outcome = iota
	// Fail ends with exit code 1.
	Fail
	// LoseNode ends as the pods of a node do that is gone: marked as failed and
	// deleted by the pod garbage collector.
	LoseNode
	// FailPull starts late: the first pull of the image fails. It succeeds then.
	FailPull
)

// Life is what happens to a driver.
type Life struct {
	// Start is how long it takes to start, Run how long it runs.
	Start, Run time.Duration
	// Until, unless it is nil, keeps the driver running until it is closed.
	Until   <-chan struct{}
	Outcome Outcome
	// Executors are created when the driver runs and deleted before it ends.
	Executors int
}

// Moment is a point in the life of a driver.
type Moment int

// The moments, in their order.
const (
	Created Moment = iota // seen in the watch
	Running               // its status says so
	Ended                 // its status says so
	Gone                  // seen in the watch
)

// Event reports a change of a driver. The pod is trimmed and must not be changed.
type Event struct {
	Moment Moment
	Pod    *corev1.Pod
	// App is the UID of the SparkApplication that controls the driver.
	App types.UID
	// Time is when the watch event came or the write was answered.
	Time time.Time
}

// Config is how the simulation goes.
type Config struct {
	// LifeOf decides about each driver when it is created.
	LifeOf func(driver *corev1.Pod) Life
	// OnEvent receives the moments of every driver; it must not block.
	OnEvent func(Event)
	// Workers is how many requests are made at once. Default 16.
	Workers int
	// Namespace is the only one that is simulated; all if empty.
	Namespace string
	// Mounts lets a driver start only when the ConfigMaps exist that it mounts. That
	// costs a request for each.
	Mounts bool
	// LeaveGarbage keeps what belonged to a driver pod that is gone, but for its
	// executors: a garbage collector may be late.
	LeaveGarbage bool
}

// Overlap is two drivers of one application that ran at the same time.
type Overlap struct {
	// Earlier had not ended when Later was created. Both are trimmed and must not be
	// changed.
	Earlier, Later *corev1.Pod
}

func (o Overlap) String() string {
	of := func(pod *corev1.Pod) string {
		return fmt.Sprintf("%s/%s (%s, submission %s)", pod.Namespace, pod.Name, pod.UID, pod.Labels[v1beta2.LabelSubmissionID])
	}
	return of(o.Later) + " was created while " + of(o.Earlier) + " had not ended"
}

// Kubelet is the simulation. Its methods may be called concurrently.
type Kubelet struct {
	config Config
	client kubernetes.Interface
	core   rest.Interface
	steps  *steps

	addresses atomic.Int64 // of pods

	lock     sync.Mutex
	drivers  map[types.UID]*driver   // of pods
	live     map[types.UID][]*driver // that have not ended, by application
	overlaps []Overlap
}

type driver struct {
	pod       *corev1.Pod
	app       types.UID
	life      Life
	executors []string
	ended     bool
}

// New prepares the simulation. Client should speak protobuf.
func New(config Config, client kubernetes.Interface) *Kubelet {
	if config.Workers == 0 {
		config.Workers = 16
	}
	return &Kubelet{
		config: config, client: client, core: client.CoreV1().RESTClient(), steps: newSteps(),
		drivers: map[types.UID]*driver{}, live: map[types.UID][]*driver{},
	}
}

// Start watches pods and works until ctx is done; it returns once the watch has
// begun. Wait waits for the end.
func (k *Kubelet) Start(ctx context.Context) error {
	pods := cache.NewFilteredListWatchFromClient(k.core, "pods", k.config.Namespace, func(options *metav1.ListOptions) {
		options.LabelSelector = v1beta2.LabelSparkRole
		options.FieldSelector = fields.Everything().String()
	})
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: pods,
		ObjectType:    &corev1.Pod{},
		Transform:     trim,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { withPod(ctx, object, k.added) },
			UpdateFunc: func(before, object any) { k.changed(ctx, before, object) },
			DeleteFunc: func(object any) { withPod(ctx, object, k.deleted) },
		},
	})
	k.steps.start(ctx, k.config.Workers)
	k.steps.running.Go(func() { informer.RunWithContext(ctx) })
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("simulated kubelet: pods could not be listed: %w", context.Cause(ctx))
	}
	return nil
}

// withPod calls do with the pod that a handler was given.
func withPod(ctx context.Context, object any, do func(context.Context, *corev1.Pod)) {
	if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		do(ctx, pod)
	}
}

// Wait returns when all that Start began has ended.
func (k *Kubelet) Wait() { k.steps.running.Wait() }

// Overlaps are all so far.
func (k *Kubelet) Overlaps() []Overlap {
	k.lock.Lock()
	defer k.lock.Unlock()
	return slices.Clone(k.overlaps)
}

// trim keeps of a pod what the simulation needs.
func trim(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	trimmed := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			DeletionTimestamp: pod.DeletionTimestamp, Labels: pod.Labels, OwnerReferences: pod.OwnerReferences,
			Annotations: pod.Annotations,
		},
		Status: corev1.PodStatus{Phase: pod.Status.Phase},
	}
	if isDriver(pod) {
		for i := range pod.Spec.Volumes {
			if configMap := pod.Spec.Volumes[i].ConfigMap; configMap != nil {
				trimmed.Spec.Volumes = append(trimmed.Spec.Volumes, corev1.Volume{VolumeSource: corev1.VolumeSource{ConfigMap: configMap}})
			}
		}
	}
	for i := range pod.Spec.Containers {
		whole := &pod.Spec.Containers[i]
		trimmed.Spec.Containers = append(trimmed.Spec.Containers, corev1.Container{Name: whole.Name, Image: whole.Image, Args: whole.Args})
	}
	return trimmed, nil
}

func isDriver(pod *corev1.Pod) bool {
	return pod.Labels[v1beta2.LabelSparkRole] == v1beta2.SparkRoleDriver
}

func (k *Kubelet) emit(moment Moment, d *driver) {
	if k.config.OnEvent != nil {
		k.config.OnEvent(Event{Moment: moment, Pod: d.pod, App: d.app, Time: time.Now()})
	}
}

func (k *Kubelet) added(ctx context.Context, pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil {
		k.updated(ctx, pod)
		return
	}
	if !isDriver(pod) || pod.Status.Phase != corev1.PodPending {
		return // those of before are as they are
	}
	d := &driver{pod: pod, life: k.config.LifeOf(pod)}
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
		d.app = owner.UID
	}
	k.lock.Lock()
	k.drivers[pod.UID] = d
	for _, earlier := range k.live[d.app] {
		k.overlaps = append(k.overlaps, Overlap{earlier.pod, pod})
	}
	k.live[d.app] = append(k.live[d.app], d)
	k.lock.Unlock()
	k.emit(Created, d)
	k.steps.now(func() { k.startDriver(ctx, d) })
}

// changed handles an update. After an interruption of the watch that may be another
// pod of the same name: the driver of the next run.
func (k *Kubelet) changed(ctx context.Context, before, object any) {
	old, oldOK := before.(*corev1.Pod)
	pod, ok := object.(*corev1.Pod)
	switch {
	case !ok || !oldOK:
	case old.UID == pod.UID:
		k.updated(ctx, pod)
	default:
		k.deleted(ctx, old)
		k.added(ctx, pod)
	}
}

// updated confirms the end of a pod that is being deleted. The watch may show the end
// of a driver, and then another driver, before the write of the end is answered.
func (k *Kubelet) updated(ctx context.Context, pod *corev1.Pod) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		k.lock.Lock()
		if d := k.drivers[pod.UID]; d != nil {
			k.endLocked(d)
		}
		k.lock.Unlock()
	}
	if pod.DeletionTimestamp == nil {
		return
	}
	k.steps.now(func() {
		k.persist(ctx, func() error { return k.remove(ctx, pod) })
	})
}

func (k *Kubelet) deleted(ctx context.Context, pod *corev1.Pod) {
	if !isDriver(pod) {
		return
	}
	k.lock.Lock()
	d := k.drivers[pod.UID]
	delete(k.drivers, pod.UID)
	if d != nil {
		k.endLocked(d)
	}
	k.lock.Unlock()
	if d == nil {
		return
	}
	k.emit(Gone, d)
	k.steps.now(func() {
		k.deleteExecutors(ctx, d)
		if !k.config.LeaveGarbage {
			k.collect(ctx, d)
		}
	})
}

// ended notes that a driver can do no more harm.
func (k *Kubelet) ended(d *driver) {
	k.lock.Lock()
	defer k.lock.Unlock()
	k.endLocked(d)
}

func (k *Kubelet) endLocked(d *driver) {
	if d.ended {
		return
	}
	d.ended = true
	k.live[d.app] = slices.DeleteFunc(k.live[d.app], func(other *driver) bool { return other == d })
	if len(k.live[d.app]) == 0 {
		delete(k.live, d.app)
	}
}

// persist makes a request until it is answered. It reports whether the object was
// there; one that is gone needs nothing more.
func (k *Kubelet) persist(ctx context.Context, request func() error) bool {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := request()
		switch {
		case err == nil:
			return true
		case apierrors.IsNotFound(err), apierrors.IsConflict(err), ctx.Err() != nil:
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// Always gives every driver the same life.
func Always(life Life) func(*corev1.Pod) Life {
	return func(*corev1.Pod) Life { return life }
}
