// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

// TestOneNamespaceDoesNotHoldUpAnother: ten thousand applications of one namespace
// delay the first one of another by one application at most.
func TestOneNamespaceDoesNotHoldUpAnother(t *testing.T) {
	queue := newQueue(clock.RealClock{})
	defer queue.ShutDown()
	for i := range 10_000 {
		queue.Add(cache.NewObjectName("busy", fmt.Sprint(i)))
	}
	for range 10 { // whenever it comes
		queue.Add(cache.NewObjectName("quiet", "pi"))
		for pops := 1; ; pops++ {
			key, _ := queue.Get()
			queue.Done(key)
			if key.Namespace == "quiet" {
				break
			}
			if pops > 1 {
				t.Fatalf("the other namespace still waits after %d applications", pops)
			}
		}
	}
}

// TestFairQueue compares the queue with a plain model of it.
func TestFairQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	q := newFairQueue()
	var turns []string
	lines := map[string][]string{}
	waiting := 0
	for i := range 100_000 {
		if random.IntN(100) < 48 || waiting == 0 {
			key := cache.NewObjectName(fmt.Sprint("ns", random.IntN(20)), fmt.Sprint(i))
			q.Push(key)
			q.Touch(key)
			if len(lines[key.Namespace]) == 0 {
				turns = append(turns, key.Namespace)
			}
			lines[key.Namespace] = append(lines[key.Namespace], key.Name)
			waiting++
		} else {
			namespace := turns[0]
			want := cache.NewObjectName(namespace, lines[namespace][0])
			turns, lines[namespace] = turns[1:], lines[namespace][1:]
			if len(lines[namespace]) > 0 {
				turns = append(turns, namespace)
			}
			waiting--
			if got := q.Pop(); got != want {
				t.Fatalf("step %d: %s, want %s", i, got, want)
			}
		}
		if q.Len() != waiting || len(q.lines) != len(turns) || q.turns.Len() != len(turns) {
			t.Fatalf("step %d: %d waiting in %d lines, %d turns; want %d in %d", i, q.Len(), len(q.lines), q.turns.Len(), waiting, len(turns))
		}
	}
	for q.Len() > 0 {
		q.Pop()
	}
	if len(q.lines) != 0 || q.turns.Len() != 0 {
		t.Errorf("empty, but %d lines and %d turns are left", len(q.lines), q.turns.Len())
	}
}

// BenchmarkQueue pushes and pops one application while ten thousand others wait.
func BenchmarkQueue(b *testing.B) {
	for _, kind := range []struct {
		name  string
		queue func() workqueue.Queue[cache.ObjectName]
	}{
		{"fair", func() workqueue.Queue[cache.ObjectName] { return newFairQueue() }},
		{"first in first out", workqueue.DefaultQueue[cache.ObjectName]},
	} {
		for _, namespaces := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s, %d namespaces", kind.name, namespaces), func(b *testing.B) {
				keys := make([]cache.ObjectName, 10_000)
				for i := range keys {
					keys[i] = cache.NewObjectName(fmt.Sprint("ns", i%namespaces), fmt.Sprint(i))
				}
				q := kind.queue()
				for _, key := range keys {
					q.Push(key)
				}
				b.ReportAllocs()
				for b.Loop() {
					q.Push(q.Pop())
				}
			})
		}
	}
}
