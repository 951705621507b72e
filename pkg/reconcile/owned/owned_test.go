// SPDX-License-Identifier: Apache-2.0

package owned

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const ownUID = types.UID("1")

var pi = Owner{Object: &metav1.ObjectMeta{Name: "pi", Namespace: "ns", UID: ownUID}, Kind: "SparkApplication", Noun: "application"}

func configMap(kind, name string, uid types.UID) *corev1.ConfigMap {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings", Namespace: "ns", UID: "m"}, Data: map[string]string{"a": "1"}}
	if kind != "" {
		object.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, UID: uid, Controller: ptr.To(true)}}
	}
	return object
}

// TestJudge: what has our name is ours, is waited for, or is foreign.
func TestJudge(t *testing.T) {
	deleted := configMap("SparkApplication", "pi", ownUID)
	deleted.DeletionTimestamp, deleted.Finalizers = &metav1.Time{Time: time.Unix(0, 0)}, []string{"example.com/keep"}
	for name, test := range map[string]struct {
		live    *corev1.ConfigMap
		waits   string
		foreign string
	}{
		"ours":                {live: configMap("SparkApplication", "pi", ownUID)},
		"being deleted":       {live: deleted, waits: "finalizer example.com/keep blocks its deletion"},
		"earlier incarnation": {live: configMap("SparkApplication", "pi", "0"), waits: "belongs to an earlier application pi"},
		"of another":          {live: configMap("SparkApplication", "other", "2"), foreign: "belongs to SparkApplication other; delete it or rename the application"},
		"of none":             {live: configMap("", "", ""), foreign: "belongs to no known owner"},
	} {
		t.Run(name, func(t *testing.T) {
			err := pi.Judge("config map", test.live)
			var waiting *reconcile.WaitError
			switch {
			case test.waits != "":
				if !errors.As(err, &waiting) || waiting.Reason != reconcile.NameInUse || !strings.Contains(err.Error(), test.waits) {
					t.Errorf("%v", err)
				}
			case test.foreign != "":
				if !IsForeign(err) || !reconcile.Final(err) || !strings.Contains(err.Error(), test.foreign) {
					t.Errorf("%v", err)
				}
			case err != nil:
				t.Error(err)
			}
		})
	}
}

// TestEnsureAndUpdate: an object is created once, updated only if something differs, and
// left alone if the judgement is against it.
func TestEnsureAndUpdate(t *testing.T) {
	kube := fake.NewClientset()
	client := kube.CoreV1().ConfigMaps("ns")
	desired := configMap("SparkApplication", "pi", ownUID)
	ensure := func(value string) (*corev1.ConfigMap, bool, error) {
		kube.ClearActions()
		live, existed, err := Ensure(t.Context(), client, desired, func(live *corev1.ConfigMap) error { return pi.Judge("config map", live) })
		if err == nil && existed {
			live, err = Update(t.Context(), client, live, func(live *corev1.ConfigMap) { live.Data["a"] = value })
		}
		return live, existed, err
	}
	for _, step := range []struct {
		value   string
		existed bool
		verbs   string
	}{{"1", false, "create"}, {"1", true, "create get"}, {"2", true, "create get update"}} {
		live, existed, err := ensure(step.value)
		var verbs []string
		for _, action := range kube.Actions() {
			verbs = append(verbs, action.GetVerb())
		}
		if err != nil || existed != step.existed || strings.Join(verbs, " ") != step.verbs || live.Data["a"] != step.value {
			t.Errorf("%+v: existed %t, requests %v, error %v", step, existed, verbs, err)
		}
	}
	pi := Owner{Object: &metav1.ObjectMeta{Name: "other", UID: "9"}, Kind: pi.Kind, Noun: pi.Noun}
	live, existed, err := Ensure(t.Context(), client, desired, func(live *corev1.ConfigMap) error { return pi.Judge("config map", live) })
	if live != nil || !existed || !IsForeign(err) {
		t.Errorf("%v, existed %t, %v", live, existed, err)
	}
}

// TestDelete: only what the owner controls is deleted, and by its UID.
func TestDelete(t *testing.T) {
	kube := fake.NewClientset(configMap("SparkApplication", "other", "2"))
	client := kube.CoreV1().ConfigMaps("ns")
	if err := Delete(t.Context(), client, "settings", pi, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := client.Get(t.Context(), "settings", metav1.GetOptions{}); err != nil {
		t.Errorf("the object of another was deleted: %v", err)
	}
	kube = fake.NewClientset(configMap("SparkApplication", "pi", ownUID))
	client = kube.CoreV1().ConfigMaps("ns")
	if err := Delete(t.Context(), client, "settings", pi, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if err := Delete(t.Context(), client, "settings", pi, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}
