// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	sparkfake "github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/fake"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

func TestNamespacesMatch(t *testing.T) {
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	for name, set := range map[string]labels.Set{"labelled": {"spark": "enabled"}, "plain": nil} {
		if err := store.Add(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: set}}); err != nil {
			t.Fatal(err)
		}
	}
	selector, err := labels.Parse("spark=enabled")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		named     []string
		selector  labels.Selector
		namespace string
		watched   bool
		known     bool
	}{
		"all":                            {namespace: "x", watched: true, known: true},
		"named":                          {named: []string{"a", "b"}, namespace: "b", watched: true, known: true},
		"not named":                      {named: []string{"a", "b"}, namespace: "c", known: true},
		"empty name means all":           {named: []string{"a", ""}, namespace: "c", watched: true, known: true},
		"empty name beside selector":     {named: []string{""}, selector: selector, namespace: "plain", watched: true, known: true},
		"selected":                       {selector: selector, namespace: "labelled", watched: true, known: true},
		"not selected":                   {selector: selector, namespace: "plain", known: true},
		"named but not selected":         {named: []string{"plain"}, selector: selector, namespace: "plain", watched: true, known: true},
		"namespace has not arrived yet":  {selector: selector, namespace: "new"},
		"named one has not arrived yet":  {named: []string{"new"}, selector: selector, namespace: "new", watched: true, known: true},
		"selector alone, other names no": {named: []string{"a"}, selector: selector, namespace: "plain", known: true},
	} {
		watched, known := NewNamespaces(test.named, test.selector, store).Match(test.namespace)
		if watched != test.watched || known != test.known {
			t.Errorf("%s: watched %t, known %t", name, watched, known)
		}
	}
}

func TestScopes(t *testing.T) {
	for _, test := range []struct {
		named    []string
		selector labels.Selector
		want     []string
	}{
		{want: []string{""}},
		{named: []string{"b", "a", "b"}, want: []string{"a", "b"}},
		{named: []string{"a", ""}, want: []string{""}},
		{named: []string{"a"}, selector: labels.Everything(), want: []string{""}},
	} {
		if got := NewNamespaces(test.named, test.selector, nil).Scopes(); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.named, got, test.want)
		}
	}
}

func TestScopedCaches(t *testing.T) {
	set, err := New(Config{Namespaces: []string{"a", "b"}}, Clients{Kube: kubefake.NewClientset(), Spark: sparkfake.NewClientset()})
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"a", "b"} {
		app := ApplicationOf(&v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pi"}})
		if err := set.Applications.Store(namespace).Add(app); err != nil {
			t.Fatal(err)
		}
	}
	if app, found, err := set.Applications.Get(cache.NewObjectName("b", "pi")); err != nil || !found || app.Namespace != "b" {
		t.Errorf("found %t: %v", found, app)
	}
	if _, found, _ := set.Applications.Get(cache.NewObjectName("c", "pi")); found {
		t.Error("found in a namespace that is not watched")
	}
	if got := len(slices.Collect(set.Applications.All())); got != 2 {
		t.Errorf("%d applications", got)
	}
	if set.Applications.Store("c") != nil {
		t.Error("a cache of a namespace that is not watched")
	}

	selector, err := labels.Parse("team=a")
	if err != nil {
		t.Fatal(err)
	}
	chosen := NewApplications(set.Applications.caches, selector)
	if _, found, _ := chosen.Get(cache.NewObjectName("b", "pi")); found || len(slices.Collect(chosen.Outlines())) != 0 {
		t.Error("found an application of another operator")
	}
	if got := len(slices.Collect(chosen.In("b"))); got != 1 {
		t.Errorf("%d applications, of which a schedule may have runs", got)
	}

	pod := func(name, role string, more map[string]string, owner *metav1.OwnerReference) *corev1.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name, Labels: map[string]string{v1beta2.LabelSparkRole: role}}}
		for key, value := range more {
			pod.Labels[key] = value
		}
		if owner != nil {
			pod.OwnerReferences = []metav1.OwnerReference{*owner}
		}
		return pod
	}
	mine := &metav1.OwnerReference{APIVersion: "sparkoperator.k8s.io/v1beta2", Kind: "SparkApplication", Name: "pi", UID: "u", Controller: ptr.To(true)}
	submission := map[string]string{v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "s"}
	for _, p := range []*corev1.Pod{
		pod("driver", "driver", submission, mine),
		pod("driver-of-others", "driver", nil, &metav1.OwnerReference{APIVersion: "batch/v1", Kind: "SparkApplication", UID: "u", Controller: ptr.To(true)}),
		pod("driver-of-nobody", "driver", nil, nil),
		pod("executor", "executor", submission, nil),
		pod("executor-of-others", "executor", map[string]string{v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "t"}, nil),
		pod("executor-without-labels", "executor", nil, nil),
	} {
		if err := set.Pods.Store("a").Add(podview.Of(p)); err != nil {
			t.Fatal(err)
		}
	}
	names := func(pods []*podview.Pod, err error) (names []string) {
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range pods {
			names = append(names, pod.Name)
		}
		return names
	}
	if got := names(set.Pods.ByIndex("a", DriversByApplication, "u")); !slices.Equal(got, []string{"driver"}) {
		t.Errorf("drivers %q", got)
	}
	if got := names(set.Pods.ByIndex("a", ExecutorsBySubmission, SubmissionIndexValue("a", "pi", "s"))); !slices.Equal(got, []string{"executor"}) {
		t.Errorf("executors %q", got)
	}
	if got := names(set.Pods.ByIndex("c", DriversByApplication, "u")); len(got) != 0 {
		t.Errorf("drivers %q in a namespace that is not watched", got)
	}
}

// TestOnWatched: a namespace that gets the label is reported, whenever it gets it; one
// that had it, loses it or changes otherwise is not.
func TestOnWatched(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	namespace := func(set map[string]string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: "team", Labels: set},
		}
	}
	client := metadatafake.NewSimpleMetadataClient(scheme, namespace(nil))
	selector, err := labels.Parse("spark=enabled")
	if err != nil {
		t.Fatal(err)
	}
	set, err := New(Config{NamespaceSelector: selector}, Clients{Kube: kubefake.NewClientset(), Spark: sparkfake.NewClientset(), Metadata: client})
	if err != nil {
		t.Fatal(err)
	}
	app := ApplicationOf(&v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "pi"}})
	if err := set.Applications.Store("team").Add(app); err != nil {
		t.Fatal(err)
	}
	reported := make(chan string, 10)
	synced, err := set.Namespaces.OnWatched(func(namespace string) {
		for app := range set.Applications.In(namespace) {
			reported <- app.Namespace + "/" + app.Name
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer set.Shutdown()
	defer cancel()
	go set.Namespaces.informer.RunWithContext(ctx)
	if !cache.WaitFor(ctx, "namespaces", synced...) {
		t.Fatal("no namespaces")
	}
	enabled := map[string]string{"spark": "enabled"}
	for _, labels := range []map[string]string{
		{"spark": "no"}, enabled, {"spark": "enabled", "more": "labels"}, nil, {"other": "label"}, enabled,
	} {
		if _, err := client.Resource(namespaceResource).(metadatafake.MetadataClient).UpdateFake(namespace(labels), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		wanted := len(labels) == 1 && labels["spark"] == "enabled"
		select {
		case got := <-reported:
			if !wanted || got != "team/pi" {
				t.Errorf("%s was reported for labels %v", got, labels)
			}
		case <-time.After(200 * time.Millisecond):
			if wanted {
				t.Errorf("nothing was reported for labels %v", labels)
			}
		}
	}
}
