// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/ui"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/gateway"
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

	gateway.InstallRoutes(t, api.Dynamic)
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
