// SPDX-License-Identifier: Apache-2.0

package floor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// Writer makes the writes of a script for every application that is reported to it, in the
// operator's order. In another it would skip most of the statuses that the operator
// writes, because they are no longer true when their turn comes.
type Writer struct {
	script  *Script
	clients map[string]rest.Interface // by API group
	running sync.WaitGroup

	lock  sync.Mutex
	ready *sync.Cond
	due   *loop.Lanes[job]    // submissions in the other lane, as the operator has them
	lives map[types.UID]*life // by application
	ended bool
	err   error
}

type job struct {
	life *life
	at   phase
}

// life is one application in whose life the writer writes.
type life struct {
	namespace, name, uid, submissionID, podUID string
	version                                    string // of the application

	lock sync.Mutex // one phase after the other
	done phase
	over atomic.Bool // the driver has ended
}

func newLife(app *v1beta2.SparkApplication) *life {
	return &life{namespace: app.Namespace, name: app.Name, uid: string(app.UID), version: app.ResourceVersion, submissionID: uuid.NewString()}
}

// NewWriter returns a writer with so many requests at once.
func NewWriter(ctx context.Context, p *plane.Plane, script *Script, writers int) (*Writer, error) {
	core, err := kubernetes.NewForConfig(p.BinaryConfig(plane.Floor))
	if err != nil {
		return nil, fmt.Errorf("client of the floor: %w", err)
	}
	spark, err := versioned.NewForConfig(p.Config(plane.Floor))
	if err != nil {
		return nil, fmt.Errorf("client of the floor: %w", err)
	}
	w := &Writer{
		script: script,
		clients: map[string]rest.Interface{
			"":                     core.CoreV1().RESTClient(),
			"events.k8s.io":        core.EventsV1().RESTClient(),
			"networking.k8s.io":    core.NetworkingV1().RESTClient(),
			"sparkoperator.k8s.io": spark.SparkoperatorV1beta2().RESTClient(),
		},
		due:   loop.NewLanes[job](),
		lives: map[types.UID]*life{},
	}
	w.ready = sync.NewCond(&w.lock)
	context.AfterFunc(ctx, func() {
		w.lock.Lock()
		defer w.lock.Unlock()
		w.ended = true
		w.ready.Broadcast()
	})
	for range writers {
		w.running.Go(func() { w.work(ctx) })
	}
	return w, nil
}

// Wait waits for the writers, which end with the context, and returns the first
// error of any.
func (w *Writer) Wait() error {
	w.running.Wait()
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.err
}

// Created reports an application that now exists.
func (w *Writer) Created(app *v1beta2.SparkApplication) {
	w.lock.Lock()
	defer w.lock.Unlock()
	one := newLife(app)
	w.lives[app.UID] = one
	w.addLocked(job{one, submission})
}

// OnEvent reports an event of its driver.
func (w *Writer) OnEvent(event kubelet.Event) {
	w.lock.Lock()
	defer w.lock.Unlock()
	one := w.lives[event.App]
	switch {
	case one == nil:
	case event.Moment == kubelet.Running:
		w.addLocked(job{one, start})
	case event.Moment == kubelet.Ended:
		one.over.Store(true)
		w.addLocked(job{one, end})
	}
}

func (w *Writer) addLocked(j job) {
	if j.at == submission {
		w.due.PushOther(j)
	} else {
		w.due.PushFirst(j)
	}
	w.ready.Signal()
}

func (w *Writer) work(ctx context.Context) {
	for {
		w.lock.Lock()
		for w.due.Len() == 0 && !w.ended {
			w.ready.Wait()
		}
		if w.ended {
			w.lock.Unlock()
			return
		}
		next := w.due.Pop()
		w.lock.Unlock()
		if err := w.follow(ctx, next); err != nil && ctx.Err() == nil {
			w.lock.Lock()
			w.err = errors.Join(w.err, fmt.Errorf("floor: %w", err))
			w.lock.Unlock()
		}
	}
}

// follow makes the writes of one phase.
func (w *Writer) follow(ctx context.Context, j job) error {
	one := j.life
	one.lock.Lock()
	defer one.lock.Unlock()
	if one.done < j.at { // the driver ran before its submission was written down
		w.lock.Lock()
		w.addLocked(j)
		w.lock.Unlock()
		return nil
	}
	one.done++
	if j.at == start && one.over.Load() {
		return nil // the end is known, so its start is not reported any more
	}
	for i := range w.script.writes[j.at] {
		if err := w.write(ctx, one, &w.script.writes[j.at][i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) write(ctx context.Context, one *life, recorded *plane.Request) error {
	client := w.clients[recorded.Group]
	if client == nil {
		return fmt.Errorf("no client of the API group %s", recorded.Group)
	}
	replace := strings.NewReplacer(append(w.script.names(one.namespace, one.name, one.uid, one.submissionID),
		w.script.podUID, one.podUID, recordedVersion, one.version)...)
	resource, subresource, _ := strings.Cut(recorded.Resource, "/")
	name := replace.Replace(recorded.Name)
	if recorded.Verb == "delete" {
		err := client.Delete().Namespace(one.namespace).Resource(resource).Name(name).Do(ctx).Error()
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	request := client.Post()
	if recorded.Verb == "update" {
		request = client.Put().Name(name)
	}
	request = request.Namespace(one.namespace).Resource(resource).Param("fieldManager", "spark-operator")
	if subresource != "" {
		request = request.SubResource(subresource)
	}
	written, err := perform(ctx, request, replace.Replace(string(recorded.Body)), recorded.Group == v1beta2.SchemeGroupVersion.Group)
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", recorded.Verb, recorded.Resource, one.name, err)
	}
	switch written := written.(type) {
	case *corev1.Pod:
		one.podUID = string(written.UID)
	case *metav1.PartialObjectMetadata:
		one.version = written.ResourceVersion
	}
	return nil
}

// perform makes a request with a body. For pods and custom resources, it returns the
// stored object. Custom resources are sent as JSON, all others in the binary encoding,
// as clients of the API do.
func perform(ctx context.Context, request *rest.Request, body string, custom bool) (runtime.Object, error) {
	if custom {
		answer, err := request.SetHeader("Content-Type", runtime.ContentTypeJSON).Body([]byte(body)).Do(ctx).Raw()
		if err != nil {
			return nil, err
		}
		object := &metav1.PartialObjectMetadata{}
		return object, json.Unmarshal(answer, object)
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(body), nil, nil)
	if err != nil {
		return nil, err
	}
	result := request.Body(object).Do(ctx)
	if _, ok := object.(*corev1.Pod); !ok {
		return nil, result.Error()
	}
	pod := &corev1.Pod{}
	return pod, result.Into(pod)
}
