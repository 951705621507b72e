// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// FieldManager is the name under which annotations are written.
const FieldManager = "spark-log-archiver"

// Config is how an Archiver works. All fields are required, but those with a default.
type Config struct {
	Kube   kubernetes.Interface
	Bucket *Bucket
	// Namespaces are those whose pods are watched; none for all.
	Namespaces []string
	// Workers is how many logs of containers that have ended are copied at a time.
	Workers int
	// Follow is how many logs of drivers that run are copied at a time. The kubelet keeps
	// only the last part of a log: 10 MiB, unless it is configured otherwise. A log that is
	// copied from its beginning is complete.
	Follow int
	// MaxBytes is how much of a log is copied, before compression.
	MaxBytes int64
	// Timeout is how long one try may take after the container has ended.
	Timeout time.Duration
	// Hide hides secrets.
	Hide func(string) string
	// Clock returns the time and waits. Default: the clock of the machine.
	Clock clock.WithTicker
	// Done is called after every try; nil for nothing.
	Done func(bytes int64, err error)
	// MinRetry and MaxRetry bound the delays between tries. Default: 1 s and 1 min.
	MinRetry, MaxRetry time.Duration
}

// Archiver copies logs. See the package documentation.
type Archiver struct {
	config Config
	queue  workqueue.TypedRateLimitingInterface[cache.ObjectName]
	stores []cache.Store
	synced []cache.InformerSynced
	start  []func(stop <-chan struct{})
	follow chan struct{}

	mu      sync.Mutex
	copying map[types.UID]*copying
	ready   bool
	group   sync.WaitGroup
}

// copying is a copy under way.
type copying struct {
	done   <-chan struct{}
	cancel context.CancelCauseFunc
	timer  clock.Timer // once the container has ended
}

var errTooSlow = errors.New("the copy took too long (--timeout)")

// New returns an Archiver.
func New(config Config) (*Archiver, error) {
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	if config.MinRetry == 0 {
		config.MinRetry = time.Second
	}
	if config.MaxRetry == 0 {
		config.MaxRetry = time.Minute
	}
	if config.Done == nil {
		config.Done = func(int64, error) {}
	}
	a := &Archiver{
		config:  config,
		queue:   workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](config.MinRetry, config.MaxRetry)),
		follow:  make(chan struct{}, config.Follow),
		copying: map[types.UID]*copying{},
	}
	namespaces := config.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		informer := cache.NewSharedIndexInformer(marked(config.Kube, namespace), &corev1.Pod{}, 0, cache.Indexers{})
		if err := informer.SetTransform(func(object any) (any, error) {
			if pod, ok := object.(*corev1.Pod); ok {
				return podview.Of(pod), nil
			}
			return object, nil
		}); err != nil {
			return nil, fmt.Errorf("watch pods: %w", err)
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    a.enqueue,
			UpdateFunc: func(_, object any) { a.enqueue(object) },
		}); err != nil {
			return nil, fmt.Errorf("watch pods: %w", err)
		}
		a.stores = append(a.stores, informer.GetStore())
		a.synced = append(a.synced, informer.HasSynced)
		a.start = append(a.start, informer.Run)
	}
	return a, nil
}

// marked lists and watches the pods whose logs are archived.
func marked(kube kubernetes.Interface, namespace string) cache.ListerWatcher {
	selected := func(options metav1.ListOptions) metav1.ListOptions {
		options.LabelSelector = v1beta2.LabelLogArchive + "=true"
		return options
	}
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return kube.CoreV1().Pods(namespace).List(ctx, selected(options))
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return kube.CoreV1().Pods(namespace).Watch(ctx, selected(options))
		},
	}, kube)
}

func (a *Archiver) enqueue(object any) {
	if pod, ok := object.(*podview.Pod); ok {
		a.queue.Add(cache.NewObjectName(pod.Namespace, pod.Name))
	}
}

// Ready reports whether the pods of all namespaces are known.
func (a *Archiver) Ready() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ready
}

// Run works until the context is done and every copy has stopped.
func (a *Archiver) Run(ctx context.Context) error {
	defer a.group.Wait()
	for _, start := range a.start {
		a.group.Go(func() { start(ctx.Done()) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), a.synced...) {
		return nil
	}
	a.mu.Lock()
	a.ready = true
	a.mu.Unlock()
	for range a.config.Workers {
		a.group.Go(func() {
			for a.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	a.queue.ShutDown()
	return nil
}

func (a *Archiver) next(ctx context.Context) bool {
	key, shutdown := a.queue.Get()
	if shutdown {
		return false
	}
	defer a.queue.Done(key)
	a.look(ctx, key)
	return true
}

func (a *Archiver) pod(key cache.ObjectName) *podview.Pod {
	for _, store := range a.stores {
		if object, found, err := store.GetByKey(key.String()); err == nil && found {
			if pod, ok := object.(*podview.Pod); ok {
				return pod
			}
		}
	}
	return nil
}

// look copies the log of a pod if it is time.
func (a *Archiver) look(ctx context.Context, key cache.ObjectName) {
	pod := a.pod(key)
	container := diagnosis.ArchivedContainer(pod)
	if container == "" || diagnosis.LogArchived(pod) || pod.Labels.SubmissionID == "" || pod.Labels.AppName == "" {
		return
	}
	ending := pod.DeletionTimestamp != nil || pod.Ended()
	if status := diagnosis.ContainerStatus(pod, container); status == nil || status.State.Running == nil {
		ending = true // other containers of the pod may go on
	}
	task := a.begin(ctx, pod, ending)
	if task == nil {
		return
	}
	if ending {
		a.archive(task, key, pod, container)
		return
	}
	select {
	case a.follow <- struct{}{}:
		a.group.Go(func() {
			defer a.followNext()
			a.archive(task, key, pod, container)
		})
	default: // at its end
		a.end(pod)
	}
}

// followNext lets the log of another driver be followed.
func (a *Archiver) followNext() {
	<-a.follow
	for _, store := range a.stores {
		for _, object := range store.List() {
			if pod, ok := object.(*podview.Pod); ok && pod.Status.Phase == corev1.PodRunning {
				a.enqueue(object)
			}
		}
	}
}

// begin returns the context of a copy of the log of a pod; nil if one is under way. That
// one gets a time limit if the container is ending.
func (a *Archiver) begin(ctx context.Context, pod *podview.Pod, ending bool) context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	task, underWay := a.copying[pod.UID]
	if !underWay {
		task = &copying{}
		ctx, task.cancel = context.WithCancelCause(ctx)
		task.done = ctx.Done()
		a.copying[pod.UID] = task
	}
	if ending && task.timer == nil {
		limit := a.config.Timeout
		if pod.DeletionTimestamp != nil { // it may go on until the end of its grace period
			limit += max(pod.DeletionTimestamp.Sub(a.config.Clock.Now()), 0)
		}
		task.timer = a.config.Clock.NewTimer(limit)
		go func(timer <-chan time.Time, done <-chan struct{}) {
			select {
			case <-timer:
				task.cancel(errTooSlow)
			case <-done:
			}
		}(task.timer.C(), task.done)
	}
	if underWay {
		return nil
	}
	return ctx
}

// end forgets a copy.
func (a *Archiver) end(pod *podview.Pod) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if task := a.copying[pod.UID]; task != nil {
		if task.timer != nil {
			task.timer.Stop()
		}
		task.cancel(nil)
		delete(a.copying, pod.UID)
	}
}

// archive copies a log and records the result.
func (a *Archiver) archive(ctx context.Context, key cache.ObjectName, pod *podview.Pod, container string) {
	defer a.end(pod)
	logger := klog.FromContext(ctx).WithValues("pod", klog.KObj(pod), "key", Key(pod))
	read, err := a.upload(ctx, pod, container)
	if err == nil {
		err = a.markDone(ctx, pod)
	}
	tooSlow := errors.Is(context.Cause(ctx), errTooSlow)
	switch {
	case ctx.Err() != nil && !tooSlow:
		return // the process ends; the next one begins again
	case tooSlow && err != nil && !errors.Is(err, errTooSlow):
		err = fmt.Errorf("%w: %w", errTooSlow, err) // clients of buckets say only that they were canceled
	}
	a.config.Done(read, err)
	switch {
	case err == nil:
		logger.Info("Log archived", "bytes", read)
		a.queue.Forget(key)
	case errors.Is(err, errGone):
		logger.Info("The pod was deleted before its log was archived")
		a.queue.Forget(key)
	default:
		logger.Error(errors.New(a.reason(err)), "The log is not archived yet")
		// Not with the context of the copy, which may have ended.
		if err := a.markFailed(context.WithoutCancel(ctx), pod, err); err != nil {
			logger.Error(err, "The pod does not show why its log is not archived")
		}
		a.queue.AddRateLimited(key)
	}
}
