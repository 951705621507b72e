// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// eventsAtOnce is how many events of a recorder are on their way to the API server
// at the same time. The broadcaster has a goroutine for each event; without a
// bound, a thousand executors that start at once are a thousand requests at once,
// with which every status has to compete.
const eventsAtOnce = 4

func newRecorder(ctx context.Context, client kubernetes.Interface, component string) (events.EventRecorder, func(), error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(v1beta2.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	broadcaster := events.NewBroadcaster(newBoundedSink(&events.EventSinkImpl{Interface: client.EventsV1()}, eventsAtOnce))
	// Events of the last steps are still sent after ctx is done.
	if err := broadcaster.StartRecordingToSinkWithContext(context.WithoutCancel(ctx)); err != nil {
		return nil, nil, fmt.Errorf("record events: %w", err)
	}
	recorder := broadcaster.NewRecorder(scheme, component).WithLogger(klog.FromContext(ctx))
	return recorder, broadcaster.Shutdown, nil
}

// boundedSink lets only so many requests at once through to a sink; the others
// wait for their turn.
type boundedSink struct {
	sink  events.EventSink
	slots chan struct{}
}

func newBoundedSink(sink events.EventSink, atOnce int) *boundedSink {
	return &boundedSink{sink: sink, slots: make(chan struct{}, atOnce)}
}

// Create creates an event when it is its turn.
func (s *boundedSink) Create(ctx context.Context, event *eventsv1.Event) (*eventsv1.Event, error) {
	return s.inTurn(ctx, func() (*eventsv1.Event, error) { return s.sink.Create(ctx, event) })
}

// Update updates an event when it is its turn.
func (s *boundedSink) Update(ctx context.Context, event *eventsv1.Event) (*eventsv1.Event, error) {
	return s.inTurn(ctx, func() (*eventsv1.Event, error) { return s.sink.Update(ctx, event) })
}

// Patch patches an event when it is its turn.
func (s *boundedSink) Patch(ctx context.Context, old *eventsv1.Event, data []byte) (*eventsv1.Event, error) {
	return s.inTurn(ctx, func() (*eventsv1.Event, error) { return s.sink.Patch(ctx, old, data) })
}

func (s *boundedSink) inTurn(ctx context.Context, request func() (*eventsv1.Event, error)) (*eventsv1.Event, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
		return request()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
