// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

func withRoutes(config *Config) {
	config.UI = ui.Config{
		WebService:     true,
		RouteURLFormat: "spark.example.com/{{$appNamespace}}/{{$appName}}",
		RouteGateways:  []v1beta2.RouteGateway{{Namespace: "infra", Name: "web"}},
	}
}

func gatewayAPI() *dynamicfake.FakeDynamicClient {
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{ui.RouteResource: "HTTPRouteList"})
}

func TestRouteOfTheUIEndsWithTheRun(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	client := gatewayAPI()
	c.dynamic = client
	p := c.start(withRoutes)
	mustSettle(t, p, "pi")

	info := c.wantState("pi", lifecycle.StateSubmitted).Status.DriverInfo
	if info.WebUIRouteName != "pi-ui-route" || info.WebUIIngressName != "" || info.WebUIIngressAddress != "http://spark.example.com/ns/pi" {
		t.Errorf("driverInfo %+v", info)
	}
	routes := client.Resource(ui.RouteResource).Namespace("ns")
	if _, err := routes.Get(t.Context(), "pi-ui-route", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	config, err := c.kube.Tracker().List(corev1.SchemeGroupVersion.WithResource("configmaps"), corev1.SchemeGroupVersion.WithKind("ConfigMap"), "ns")
	if err != nil {
		t.Fatal(err)
	}
	if properties := config.(*corev1.ConfigMapList).Items[0].Data["spark.properties"]; !strings.Contains(properties, "spark.ui.proxyBase=/ns/pi\n") {
		t.Errorf("properties %s", properties)
	}

	c.editSpec("pi", func(spec *v1beta2.SparkApplicationSpec) {
		spec.SparkUIOptions = &v1beta2.SparkUIConfiguration{RouteGateways: []v1beta2.RouteGateway{{Name: "own"}}}
	})
	mustSettle(t, p, "pi")
	edited, err := routes.Get(t.Context(), "pi-ui-route", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if parents, _, _ := unstructured.NestedSlice(edited.Object, "spec", "parentRefs"); len(parents) != 1 || parents[0].(map[string]any)["name"] != "own" {
		t.Errorf("parents %v", parents)
	}

	c.driverPhase("pi-driver", corev1.PodSucceeded)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateCompleted)
	if _, err := routes.Get(t.Context(), "pi-ui-route", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the route is still there: %v", err)
	}
}

// TestRouteThatCannotBeCreatedLeavesTheJob: the Gateway API is not installed, the name is
// taken, or a policy refuses the route.
func TestRouteThatCannotBeCreatedLeavesTheJob(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no Gateway API": {apierrors.NewGenericServerResponse(404, "create", ui.RouteResource.GroupResource(), "", "", 0, true), "does not know httproutes.gateway.networking.k8s.io; install the Gateway API"},
		"refused":        {apierrors.NewForbidden(ui.RouteResource.GroupResource(), "pi-ui-route", nil), "httproute pi-ui-route"},
		"foreign":        {nil, "belongs to no known owner"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.addApplication(newApplication("pi"))
			client := gatewayAPI()
			if test.err != nil {
				client.PrependReactor("create", "httproutes", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
			} else {
				foreign := &unstructured.Unstructured{}
				foreign.SetAPIVersion(ui.RouteResource.GroupVersion().String())
				foreign.SetKind(ui.KindRoute)
				foreign.SetName("pi-ui-route")
				if err := client.Tracker().Create(ui.RouteResource, foreign, "ns"); err != nil {
					t.Fatal(err)
				}
			}
			c.dynamic = client
			p := c.start(withRoutes)
			mustSettle(t, p, "pi")
			app := c.wantState("pi", lifecycle.StateSubmitted)
			condition := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionUIReady)
			if condition == nil || condition.Status != metav1.ConditionFalse || !strings.Contains(condition.Message, test.want) {
				t.Errorf("condition %+v", condition)
			}
			if info := app.Status.DriverInfo; info.WebUIServiceName == "" || info.WebUIIngressAddress != "" || info.WebUIRouteName != "" {
				t.Errorf("driverInfo %+v", info)
			}
			c.driverPhase("pi-driver", corev1.PodSucceeded)
			mustSettle(t, p, "pi")
			c.wantState("pi", lifecycle.StateCompleted)
			if _, err := client.Resource(ui.RouteResource).Namespace("ns").Get(t.Context(), "pi-ui-route", metav1.GetOptions{}); test.err == nil && err != nil {
				t.Errorf("the foreign route was deleted: %v", err)
			}
		})
	}
}
