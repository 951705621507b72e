// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
)

// statusClient answers writes with errors, one after another, then with success.
type statusClient struct {
	answers []error
	live    *corev1.Pod // nil if it is gone
	sent    []*corev1.Pod
}

func (c *statusClient) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Pod, error) {
	if c.live == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, name)
	}
	return c.live, nil
}

func (c *statusClient) UpdateStatus(_ context.Context, object *corev1.Pod, _ metav1.UpdateOptions) (*corev1.Pod, error) {
	c.sent = append(c.sent, object)
	if n := len(c.sent); n <= len(c.answers) && c.answers[n-1] != nil {
		return nil, c.answers[n-1]
	}
	stored := object.DeepCopy()
	stored.ResourceVersion = "8"
	return stored, nil
}

// TestCommit: a write is recorded for the caches; a conflict is an error; an object that is
// gone is not; one that is too large is sent once more, smaller.
func TestCommit(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pi", Namespace: "ns", UID: "1", ResourceVersion: "7"}, Status: corev1.PodStatus{Message: "long"}}
	notFound := apierrors.NewNotFound(pods, "pi")
	for name, test := range map[string]struct {
		answer  error
		live    *corev1.Pod
		written bool
		failed  bool
		message string
	}{
		"written":                    {written: true, message: "long"},
		"conflict":                   {answer: apierrors.NewConflict(pods, "pi", errors.New("modified")), failed: true, message: "long"},
		"gone":                       {answer: notFound, message: "long"},
		"another one has its name":   {answer: notFound, live: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "2"}}, message: "long"},
		"not found although present": {answer: notFound, live: object, failed: true, message: "long"},
		"too large":                  {answer: errors.New("etcdserver: request is too large"), written: true, message: "short"},
	} {
		t.Run(name, func(t *testing.T) {
			client := &statusClient{answers: []error{test.answer}, live: test.live}
			fresh := NewFreshness(map[CacheKind]Cache{0: fixedVersion("7")})
			sent, _, written, err := Commit[*corev1.Pod]{Client: client, Fresh: fresh, Shrink: func(pod *corev1.Pod) *corev1.Pod {
				small := pod.DeepCopy()
				small.Status.Message = "short"
				return small
			}}.Write(t.Context(), object)
			if written != test.written || (err != nil) != test.failed || sent.Status.Message != test.message {
				t.Errorf("written %t, error %v, sent %q", written, err, sent.Status.Message)
			}
			if ready := fresh.Ready(cache.NewObjectName("ns", "pi")); ready == test.written {
				t.Errorf("the caches are taken for fresh: %t", ready)
			}
		})
	}
}

type fixedVersion string

func (v fixedVersion) LastSyncResourceVersion(string) string { return string(v) }
