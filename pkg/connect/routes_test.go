// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

var ingressesResource = networkingv1.SchemeGroupVersion.WithResource("ingresses")

func byIngress(connect *v1alpha1.SparkConnect) {
	connect.Spec.Route = &v1alpha1.Route{Type: v1alpha1.RouteIngress, Host: "lab.example.com", UIHost: "lab-ui.example.com", TLSSecretName: "tls"}
}

func byGateway(connect *v1alpha1.SparkConnect) {
	connect.Spec.Route = &v1alpha1.Route{
		Type: v1alpha1.RouteGRPC, Host: "lab.example.com", UIHost: "lab-ui.example.com", ParentRefs: []v1beta2.RouteGateway{{Name: "web", Namespace: "infra"}},
	}
}

// wantRoute checks the condition of the route; empty for none.
func (c *cluster) wantRoute(status metav1.ConditionStatus, reason, message string) {
	c.t.Helper()
	found := meta.FindStatusCondition(c.get().Status.Conditions, v1alpha1.ConditionRouteReady)
	if found == nil {
		found = &metav1.Condition{}
	}
	if found.Status != status || found.Reason != reason || !strings.Contains(found.Message, message) {
		c.t.Fatalf("RouteReady %s %s %q, want %s %s %q", found.Status, found.Reason, found.Message, status, reason, message)
	}
}

// ingress returns a stored Ingress; nil without one.
func (c *cluster) ingress(name string) *networkingv1.Ingress {
	stored, err := c.kube.Tracker().Get(ingressesResource, "jobs", name)
	if err != nil {
		return nil
	}
	return stored.(*networkingv1.Ingress)
}

// route returns a stored route; nil without one.
func (c *cluster) route(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	stored, err := c.dynamic.Tracker().Get(resource, "jobs", name)
	if err != nil {
		return nil
	}
	return stored.(*unstructured.Unstructured)
}

// accept lets a Gateway judge a route.
func (c *cluster) accept(resource schema.GroupVersionResource, name string, conditions ...any) {
	c.t.Helper()
	c.change(func() {
		route := c.route(resource, name).DeepCopy()
		route.Object["status"] = map[string]any{"parents": []any{map[string]any{"conditions": conditions}}}
		route.SetResourceVersion(c.nextVersion())
		c.must(c.dynamic.Tracker().Update(resource, route, "jobs"))
	})
}

func condition(kind, status, reason, message string) map[string]any {
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": message}
}

// TestIngressOfAServer: the Ingresses follow the spec, and go with it. The server does not
// notice.
func TestIngressOfAServer(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(byIngress, generated)
		pod := c.pod().UID
		c.wantRoute(metav1.ConditionTrue, reasonRouteReady, "")
		if endpoint := c.get().Status.Endpoint; endpoint != "sc://lab.example.com:443/;use_ssl=true;token=TOKEN" {
			t.Errorf("endpoint %s", endpoint)
		}
		server, web := c.ingress("lab-server"), c.ingress("lab-ui")
		if server == nil || web == nil {
			t.Fatalf("Ingresses %v, %v", server, web)
		}
		if server.Annotations["nginx.ingress.kubernetes.io/backend-protocol"] != "GRPC" || server.Spec.TLS[0].SecretName != "tls" ||
			server.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Number != 15002 || web.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Number != 4040 {
			t.Errorf("Ingresses %+v, %+v", server, web)
		}
		writes := len(c.log)
		c.letPass(time.Hour)
		if len(c.log) != writes {
			t.Errorf("a route at rest causes writes: %q", c.log[writes:])
		}
		c.edit(func(connect *v1alpha1.SparkConnect) {
			connect.Spec.Route.Host, connect.Spec.Route.UIHost = "team.example.com", ""
		})
		c.letPass(time.Second)
		if host := c.ingress("lab-server").Spec.Rules[0].Host; host != "team.example.com" || c.ingress("lab-ui") != nil {
			t.Errorf("host %s, web UI %v", host, c.ingress("lab-ui"))
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Route = nil })
		c.letPass(time.Second)
		if c.ingress("lab-server") != nil {
			t.Error("the Ingress is left")
		}
		c.wantRoute("", "", "")
		if status := c.want(ready, reasonReady, ""); status.Endpoint != "sc://lab-server.jobs.svc:15002/;authorization=Bearer%20TOKEN" || c.pod().UID != pod {
			t.Errorf("status %+v", status)
		}
	})
}

// TestRouteOfTheGatewayAPI: until the kind is served and a Gateway accepts the route,
// clients outside of the cluster have no URL, and the server runs.
func TestRouteOfTheGatewayAPI(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.change(func() { c.unserved = true })
		c.ready(byGateway)
		c.wantRoute(metav1.ConditionFalse, "KindNotServed", "GRPCRoute lab-server: the cluster does not know grpcroutes.gateway.networking.k8s.io; install the Gateway API")
		if endpoint := c.get().Status.Endpoint; endpoint != "sc://lab-server.jobs.svc:15002" {
			t.Errorf("endpoint %s", endpoint)
		}
		if c.count(eventRouteFailed) != 1 {
			t.Errorf("events %q", c.events)
		}
		c.change(func() { c.unserved = false })
		c.letPass(2 * time.Minute)
		c.wantRoute(metav1.ConditionFalse, reasonRouteNotAccepted, "no Gateway has accepted GRPCRoute lab-server yet")
		c.accept(ui.GRPCRouteResource, "lab-server", condition("Accepted", "False", "NotAllowedByListeners", "no listener allows it"))
		c.letPass(2 * time.Minute)
		c.wantRoute(metav1.ConditionFalse, reasonRouteNotAccepted, "GRPCRoute lab-server: NotAllowedByListeners: no listener allows it")
		accepted, resolved := condition("Accepted", "True", "Accepted", ""), condition("ResolvedRefs", "True", "ResolvedRefs", "")
		c.accept(ui.GRPCRouteResource, "lab-server", accepted, resolved)
		c.letPass(2 * time.Minute)
		c.wantRoute(metav1.ConditionFalse, reasonRouteNotAccepted, "no Gateway has accepted HTTPRoute lab-ui yet")
		c.accept(ui.RouteResource, "lab-ui", accepted, resolved)
		c.letPass(2 * time.Minute)
		c.wantRoute(metav1.ConditionTrue, reasonRouteReady, "")
		if endpoint := c.get().Status.Endpoint; endpoint != "sc://lab.example.com:443/;use_ssl=true" {
			t.Errorf("endpoint %s", endpoint)
		}
		// Another type leaves nothing of the first.
		c.edit(byIngress)
		c.letPass(time.Second)
		if c.route(ui.GRPCRouteResource, "lab-server") != nil || c.route(ui.RouteResource, "lab-ui") != nil || c.ingress("lab-ui") == nil {
			t.Error("routes of both types, or none")
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
		c.letPass(time.Minute)
		if c.ingress("lab-server") == nil {
			t.Error("a stopped server has lost its Ingress")
		}
	})
}

// TestFailuresOfARouteDoNotTouchTheServer, neither a refusal nor an object of others.
func TestFailuresOfARouteDoNotTouchTheServer(t *testing.T) {
	bubble(t, func(c *cluster) {
		foreign := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: "lab-server", Namespace: "jobs"}}
		c.change(func() {
			c.stamp(foreign)
			c.must(c.kube.Tracker().Create(ingressesResource, foreign, "jobs"))
		})
		c.ready(byIngress)
		c.wantRoute(metav1.ConditionFalse, reasonNameTaken, "Ingress lab-server exists and belongs to no known owner")
		c.letPass(time.Hour)
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Route = nil })
		c.letPass(time.Minute)
		if stored := c.ingress("lab-server"); stored == nil || stored.ResourceVersion != foreign.ResourceVersion {
			t.Errorf("the Ingress of others was changed: %+v", stored)
		}
		c.change(func() {
			c.must(c.kube.Tracker().Delete(ingressesResource, "jobs", "lab-server"))
			c.refuse = func(action clienttesting.Action) error {
				if action.GetResource() == ingressesResource {
					return apierrors.NewInvalid(schema.GroupKind{Kind: "Ingress"}, "lab-server", nil)
				}
				return nil
			}
		})
		c.edit(byIngress)
		c.letPass(time.Second)
		c.wantRoute(metav1.ConditionFalse, reasonRouteRefused, `"lab-server" is invalid`)
		c.want(ready, reasonReady, "")
		if c.count(eventStarted) != 1 || len(c.pods) != 1 {
			t.Errorf("events %q", c.events)
		}
		c.change(func() { c.refuse = nil })
		c.letPass(2 * time.Minute)
		c.wantRoute(metav1.ConditionTrue, reasonRouteReady, "")
	})
}
