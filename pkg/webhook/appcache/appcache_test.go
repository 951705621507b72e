// SPDX-License-Identifier: Apache-2.0

package appcache_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/fake"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/webhook/appcache"
)

func app(namespace, name string) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{"large": "x"}}}
	app.Spec.Arguments = []string{"not kept"}
	app.Spec.Executor.NodeSelector = map[string]string{"disk": "ssd"}
	return app
}

func quota(namespace string) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "team", Annotations: map[string]string{"large": "x"}}}
}

// start fills a cache with two applications of namespaces a and b.
func start(t *testing.T, config informers.Config) *appcache.Cache {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	namespace := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: "b", Labels: map[string]string{"spark": "yes"}},
	}
	plain := namespace.DeepCopy()
	plain.Name, plain.Labels = "a", nil
	c := appcache.New(config, appcache.Clients{
		Spark:    fake.NewClientset(app("a", "pi"), app("b", "pi")),
		Metadata: metadatafake.NewSimpleMetadataClient(scheme, namespace, plain),
		Quotas:   kubefake.NewClientset(quota("a"), quota("b")),
	})
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { stop(); c.Shutdown() })
	c.Start(ctx)
	if !cache.WaitFor(ctx, "applications", c.Synced()...) {
		t.Fatal("not synced")
	}
	return c
}

func TestOnlyThePlacementOfExecutorsIsKept(t *testing.T) {
	c := start(t, informers.Config{})
	kept := c.Application("a", "pi")
	if kept == nil || kept.Spec.Executor.NodeSelector["disk"] != "ssd" || kept.Spec.Arguments != nil || kept.Annotations != nil {
		t.Errorf("kept %+v", kept)
	}
	if c.Application("a", "other") != nil || !c.Watched("anything") || c.Received() < 2 {
		t.Errorf("received %d", c.Received())
	}
}

func TestQuotasOfTheNamespaceAlone(t *testing.T) {
	for name, config := range map[string]informers.Config{"all": {}, "named": {Namespaces: []string{"a"}}} {
		c := start(t, config)
		if kept := c.Quotas("a"); len(kept) != 1 || kept[0].Namespace != "a" || kept[0].Annotations != nil {
			t.Errorf("%s: %v", name, kept)
		}
		if others := len(c.Quotas("b")); (others == 1) != (name == "all") {
			t.Errorf("%s: %d quotas of b", name, others)
		}
	}
	unread := appcache.New(informers.Config{}, appcache.Clients{})
	if quotas, app := unread.Quotas("a"), unread.Application("a", "pi"); quotas != nil || app != nil || len(unread.Synced()) != 0 {
		t.Errorf("%v and %v are read without clients for them", quotas, app)
	}
}

func TestWatchedNamespaces(t *testing.T) {
	named := start(t, informers.Config{Namespaces: []string{"a"}})
	if named.Application("a", "pi") == nil || named.Application("b", "pi") != nil || !named.Watched("a") || named.Watched("b") {
		t.Error("named namespaces")
	}
	selector, err := labels.Parse("spark=yes")
	if err != nil {
		t.Fatal(err)
	}
	selected := start(t, informers.Config{NamespaceSelector: selector})
	if selected.Watched("a") || !selected.Watched("b") || selected.Application("b", "pi") == nil {
		t.Error("selected namespaces")
	}
	if !selected.Watched("new") {
		t.Error("a namespace that is not known yet is not reviewed")
	}
}
