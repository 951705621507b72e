// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// As many workers as a controller has by default, and so many that no share is used up
// where nothing ends.
const (
	workers = DefaultThreads * loop.Namespaces
	endless = 1 << 40
)

// neverNew is for queues in which nothing is to be submitted.
func neverNew(cache.ObjectName) bool { return false }

// isNew reports whether a name contains "new".
func isNew(key cache.ObjectName) bool { return strings.HasPrefix(key.Name, "new") }

// TestOneNamespaceDoesNotHoldUpAnother: ten thousand applications of one namespace
// delay the first one of another by one application at most.
func TestOneNamespaceDoesNotHoldUpAnother(t *testing.T) {
	for _, kind := range []string{"new", "submitted"} {
		queue := loop.NewQueue("test", newFairQueue(isNew, workers, clock.RealClock{}), clock.RealClock{})
		defer queue.ShutDown()
		for i := range 10_000 {
			queue.Add(cache.NewObjectName("busy", fmt.Sprint(kind, i)))
		}
		for range 10 { // whenever it comes
			queue.Add(cache.NewObjectName("quiet", "new"))
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
}

// TestSubmittedComeBeforeNew: a thousand new applications hold up none that is
// submitted, and those that change all the time do not keep new ones from it.
func TestSubmittedComeBeforeNew(t *testing.T) {
	queue := loop.NewQueue("test", newFairQueue(isNew, workers, clock.RealClock{}), clock.RealClock{})
	defer queue.ShutDown()
	for i := range 1000 {
		queue.Add(cache.NewObjectName("ns", fmt.Sprint("new", i)))
	}
	get := func() string {
		key, _ := queue.Get()
		queue.Done(key)
		return key.Name
	}
	for i := range 10 {
		queue.Add(cache.NewObjectName("ns", "submitted"))
		if got := []string{get(), get()}; got[0] != "submitted" || got[1] != fmt.Sprint("new", i) {
			t.Fatalf("came: %v", got)
		}
	}
	for i := range 100 { // more than can be worked on
		queue.Add(cache.NewObjectName("ns", fmt.Sprint("submitted", i)))
	}
	for n := range 20 {
		var came []string
		for range submittedShare + 1 {
			came = append(came, get())
		}
		want := fmt.Sprint("new", 10+n)
		if came[submittedShare] != want || slices.ContainsFunc(came[:submittedShare], func(name string) bool { return strings.HasPrefix(name, "new") }) {
			t.Fatalf("came: %v; want %s last", came, want)
		}
	}
}

// submittedShare is how many submitted ones come for each that is to be submitted.
const submittedShare = 4

// modelLine is a plain model of a line.
type modelLine struct {
	submitted, others []string
	preferred         int
}

func (l *modelLine) pop() (name string) {
	if len(l.others) == 0 || len(l.submitted) > 0 && l.preferred < submittedShare {
		if len(l.others) > 0 {
			l.preferred++
		}
		name, l.submitted = l.submitted[0], l.submitted[1:]
		return name
	}
	name, l.others, l.preferred = l.others[0], l.others[1:], 0
	return name
}

// TestFairQueue compares the queue with a plain model of it.
func TestFairQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	q := newFairQueue(isNew, endless, clock.RealClock{})
	var turns []string
	lines := map[string]*modelLine{}
	waiting := 0
	for i := range 100_000 {
		if random.IntN(100) < 48 || waiting == 0 {
			key := cache.NewObjectName(fmt.Sprint("ns", random.IntN(20)), fmt.Sprint([]string{"new", "submitted"}[random.IntN(2)], i))
			q.Push(key)
			q.Touch(key)
			line := lines[key.Namespace]
			if line == nil {
				line = &modelLine{}
				lines[key.Namespace] = line
				turns = append(turns, key.Namespace)
			}
			if isNew(key) {
				line.others = append(line.others, key.Name)
			} else {
				line.submitted = append(line.submitted, key.Name)
			}
			waiting++
		} else {
			namespace := turns[0]
			line := lines[namespace]
			want := cache.NewObjectName(namespace, line.pop())
			turns = turns[1:]
			if len(line.submitted)+len(line.others) > 0 {
				turns = append(turns, namespace)
			} else {
				delete(lines, namespace)
			}
			waiting--
			if got := q.Pop(); got != want {
				t.Fatalf("step %d: %s, want %s", i, got, want)
			}
		}
		if q.Len() != waiting {
			t.Fatalf("step %d: %d waiting, want %d", i, q.Len(), waiting)
		}
	}
}

// BenchmarkQueue pushes and pops one application while ten thousand others wait.
func BenchmarkQueue(b *testing.B) {
	for _, kind := range []struct {
		name  string
		queue func() workqueue.Queue[cache.ObjectName]
	}{
		{"fair", func() workqueue.Queue[cache.ObjectName] { return newFairQueue(neverNew, endless, clock.RealClock{}) }},
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
