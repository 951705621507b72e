// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/ui"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestRouteOfTheUI: the CRD of the Gateway API takes the HTTPRoute of the web UI, adds no
// default to it, and the route goes with the run. Until the CRD is installed, the
// application runs without it.
func TestRouteOfTheUI(t *testing.T) {
	namespace := newNamespace(t, "route")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace,
		"--ui-route-url-format=spark.example.com/{{$appNamespace}}/{{$appName}}", "--ui-route-gateways=infra/web:https")
	createApplication(t, namespace, "before")
	waitSubmitted(t, namespace, "before")

	installRoutes(t)
	createApplication(t, namespace, "pi")
	waitSubmitted(t, namespace, "pi")
	routes := api.Dynamic.Resource(ui.RouteResource).Namespace(namespace)
	stored := waitRoute(t, routes, "pi-ui-route")
	var route gatewayv1.HTTPRoute
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(stored.Object, &route, true); err != nil {
		t.Fatal(err)
	}
	rule := route.Spec.Rules[0]
	if *rule.Matches[0].Path.Value != "/"+namespace+"/pi" || *rule.Filters[0].URLRewrite.Path.ReplacePrefixMatch != "/" || rule.BackendRefs[0].Name != "pi-ui-svc" {
		t.Errorf("rule %+v", rule)
	}
	if parent := route.Spec.ParentRefs[0]; parent.Name != "web" || *parent.Namespace != "infra" || *parent.SectionName != "https" {
		t.Errorf("parent %+v", parent)
	}
	if stored.GetGeneration() != 1 {
		t.Errorf("the route was written %d times", stored.GetGeneration())
	}
	// The one that came before the Gateway API gets its route, too.
	waitRoute(t, routes, "before-ui-route")
}

// waitRoute waits for longer than the operator takes to try again.
func waitRoute(t *testing.T, routes dynamic.ResourceInterface, name string) (route *unstructured.Unstructured) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 90*time.Second, true, func(ctx context.Context) (bool, error) {
		var err error
		route, err = routes.Get(ctx, name, metav1.GetOptions{})
		return err == nil, reconcile.IgnoreGone(err)
	})
	if err != nil {
		t.Fatalf("route %s: %v", name, err)
	}
	return route
}

// installRoutes installs the CRD of HTTPRoutes for the time of the test. The API server
// answers 404 to requests for the kind until it has accepted the CRD.
func installRoutes(t *testing.T) {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, &crd.Object); err != nil {
		t.Fatal(err)
	}
	crds := api.Dynamic.Resource(crdResource)
	if _, err := crds.Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := crds.Delete(context.WithoutCancel(t.Context()), crd.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := api.Dynamic.Resource(ui.RouteResource).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("HTTPRoutes are not served: %v", err)
	}
}
