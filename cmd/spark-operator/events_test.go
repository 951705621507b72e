// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// slowSink takes a second for each event and counts.
type slowSink struct {
	events.EventSink
	lock           sync.Mutex
	now, most, all int
}

func (s *slowSink) Create(_ context.Context, event *eventsv1.Event) (*eventsv1.Event, error) {
	s.lock.Lock()
	s.now++
	s.all++
	s.most = max(s.most, s.now)
	s.lock.Unlock()
	time.Sleep(time.Second)
	s.lock.Lock()
	s.now--
	s.lock.Unlock()
	return event, nil
}

func TestEventsAreSentAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowSink{}
		sink := newBoundedSink(slow, 4)
		var sending sync.WaitGroup
		for range 40 {
			sending.Go(func() {
				if _, err := sink.Create(t.Context(), &eventsv1.Event{}); err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
		if slow.most != 4 || slow.all != 40 {
			t.Errorf("%d events, %d at once; want all 40, 4 at once", slow.all, slow.most)
		}
	})
}

func TestWaitingEventEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowSink{}
		sink := newBoundedSink(slow, 1)
		go func() { _, _ = sink.Create(t.Context(), &eventsv1.Event{}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("the end"))
		defer cancel()
		if _, err := sink.Create(ctx, &eventsv1.Event{}); err == nil || err.Error() != "the end" {
			t.Errorf("error %v", err)
		}
		time.Sleep(2 * time.Second)
		if slow.all != 1 {
			t.Errorf("%d events were sent, want 1", slow.all)
		}
	})
}

// A recorder drops events about objects whose kind it does not know.
func TestEventsAboutEachKindAreSent(t *testing.T) {
	client := kubefake.NewSimpleClientset()
	recorder, stop, err := newRecorder(t.Context(), client, "test")
	must(t, err)
	defer stop()
	meta := metav1.ObjectMeta{Name: "one", Namespace: "jobs", UID: "1"}
	objects := []runtime.Object{
		&v1beta2.SparkApplication{ObjectMeta: meta}, &v1beta2.ScheduledSparkApplication{ObjectMeta: meta}, &v1alpha1.SparkConnect{ObjectMeta: meta},
	}
	for _, object := range objects {
		recorder.Eventf(object, nil, "Normal", "Started", "Start", "one")
	}
	sent := 0
	for range 100 {
		list, err := client.EventsV1().Events("jobs").List(t.Context(), metav1.ListOptions{})
		must(t, err)
		if sent = len(list.Items); sent == len(objects) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%d events of %d", sent, len(objects))
}
