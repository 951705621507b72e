// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestReplacedDriver: a watch that was interrupted shows the driver of the next run,
// which has the same name, as a change of that before it.
func TestReplacedDriver(t *testing.T) {
	type moment struct {
		Moment
		pod types.UID
	}
	var events []moment
	k := New(Config{
		LifeOf:  Always(Life{}),
		OnEvent: func(event Event) { events = append(events, moment{event.Moment, event.Pod.UID}) },
	}, fake.NewClientset())
	first, second := driverPod("first"), driverPod("second")
	k.added(t.Context(), first)
	running := first.DeepCopy()
	running.Status.Phase = corev1.PodRunning
	k.changed(t.Context(), first, running)
	k.changed(t.Context(), running, second)
	want := []moment{{Created, "first"}, {Gone, "first"}, {Created, "second"}}
	if !slices.Equal(events, want) {
		t.Errorf("events %v, want %v", events, want)
	}
	if overlaps := k.Overlaps(); len(overlaps) > 0 {
		t.Errorf("drivers at once: %v", overlaps)
	}
}

// TestOverlaps: a driver overlaps with the one before it unless the watch has shown the
// end of that.
func TestOverlaps(t *testing.T) {
	k := New(Config{LifeOf: Always(Life{})}, fake.NewClientset())
	first, second, third := driverPod("first"), driverPod("second"), driverPod("third")
	k.added(t.Context(), first)
	ended := first.DeepCopy()
	ended.Status.Phase = corev1.PodFailed
	k.changed(t.Context(), first, ended)
	k.added(t.Context(), second)
	if overlaps := k.Overlaps(); len(overlaps) > 0 {
		t.Errorf("drivers at once: %v", overlaps)
	}
	k.added(t.Context(), third)
	if overlaps := k.Overlaps(); !slices.Equal(overlaps, []Overlap{{second, third}}) {
		t.Errorf("drivers at once: %v", overlaps)
	}
}

func driverPod(uid types.UID) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "pi-driver", Namespace: "bench", UID: uid,
			Labels: map[string]string{v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication", Name: "pi", UID: "app", Controller: ptr.To(true),
			}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}
