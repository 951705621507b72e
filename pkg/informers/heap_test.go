// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"encoding/json"
	"runtime"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	kubefake "k8s.io/client-go/kubernetes/fake"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	sparkfake "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/fake"
)

// The following bound what objects cost that only wait in the caches, with their
// keys and indexes. That is what limits how many of them one operator can watch.

// heapOf returns by how many bytes of live heap each of count additions adds on
// average.
func heapOf(t *testing.T, count int, add func(n int)) uint64 {
	t.Helper()
	inUse := func() uint64 {
		runtime.GC() // finishes what was begun to be swept
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	add(count) // fills what encoders remember of types
	before := inUse()
	for n := range count {
		add(n)
	}
	each := (inUse() - before) / uint64(count)
	t.Logf("%d bytes each", each)
	return each
}

func emptySet(t *testing.T) *Set {
	t.Helper()
	set, err := New(Config{}, Clients{Kube: kubefake.NewClientset(), Spark: sparkfake.NewClientset()})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestIdleExecutorsAreSmall(t *testing.T) {
	const bound = 1 << 10
	set := emptySet(t)
	each := heapOf(t, 4000, func(n int) {
		// As they are decoded: every text a copy of its own.
		data, err := runningExecutor(n).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		decoded := &corev1.Pod{}
		if err := decoded.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		compact, err := compactPod(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Pods.Store("jobs").Add(compact); err != nil {
			t.Fatal(err)
		}
	})
	if each > bound {
		t.Errorf("an idle executor takes %d bytes, want at most %d", each, bound)
	}
	runtime.KeepAlive(set)
}

func TestFinishedApplicationsAreSmall(t *testing.T) {
	const bound = 4500
	set := emptySet(t)
	each := heapOf(t, 2000, func(n int) {
		// As they are decoded: every text a copy of its own.
		data, err := json.Marshal(completed("pi-" + strconv.Itoa(n)))
		if err != nil {
			t.Fatal(err)
		}
		decoded := &v1beta2.SparkApplication{}
		if err := decodeJSON(data, decoded); err != nil {
			t.Fatal(err)
		}
		compact, err := compactApplication(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Applications.Store("jobs").Add(compact); err != nil {
			t.Fatal(err)
		}
	})
	if each > bound {
		t.Errorf("a finished application takes %d bytes, want at most %d", each, bound)
	}
	runtime.KeepAlive(set)
}
