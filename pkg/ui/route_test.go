// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func routeConfig(format string) Config {
	return Config{
		WebService:       true,
		RouteURLFormat:   format,
		RouteGateways:    []v1beta2.RouteGateway{{Namespace: "infra", Name: "web", SectionName: "https"}},
		RouteAnnotations: map[string]string{"of": "operator"},
	}
}

func TestRouteRemovesThePathOfTheURL(t *testing.T) {
	config := routeConfig("https://spark.example.com/{{$appNamespace}}/{{$appName}}/")
	objects, err := Build(newApp("pi", v1beta2.SparkApplicationSpec{}), config, testRun)
	if err != nil {
		t.Fatal(err)
	}
	web := objects.Web
	if web.Ingress != nil || web.Route == nil || web.URL != "https://spark.example.com/team/pi/" {
		t.Fatalf("endpoint %+v", web)
	}
	if route := web.Route; route.GetName() != "pi-ui-route" || route.GetNamespace() != "team" || route.GetKind() != KindRoute ||
		route.GetLabels()[v1beta2.LabelSubmissionID] != "sub-1" || route.GetAnnotations()["of"] != "operator" || route.GetOwnerReferences()[0].UID != "uid-1" {
		t.Errorf("metadata %v", route.Object["metadata"])
	}
	want := map[string]any{
		"hostnames":  []any{"spark.example.com"},
		"parentRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra", "name": "web", "sectionName": "https"}},
		"rules": []any{map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/team/pi"}}},
			"filters":     []any{map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"path": map[string]any{"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}},
			"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "pi-ui-svc", "port": int64(4040), "weight": int64(1)}},
		}},
	}
	if !reflect.DeepEqual(web.Route.Object["spec"], want) {
		t.Errorf("spec = %v, want %v", web.Route.Object["spec"], want)
	}
	if base, err := ProxyBase(newApp("pi", v1beta2.SparkApplicationSpec{}), config, testRun); base != "/team/pi" || err != nil {
		t.Errorf("proxy base %q, %v", base, err)
	}
}

func TestRouteAtTheRootKeepsThePath(t *testing.T) {
	objects, err := Build(newApp("pi", v1beta2.SparkApplicationSpec{}), routeConfig("{{$appName}}.example.com"), testRun)
	if err != nil {
		t.Fatal(err)
	}
	rules, _, _ := unstructured.NestedSlice(objects.Web.Route.Object, "spec", "rules")
	rule := rules[0].(map[string]any)
	if _, rewrites := rule["filters"]; rewrites || !reflect.DeepEqual(rule["matches"], []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}}) {
		t.Errorf("rule %v", rule)
	}
}

func TestRouteOptionsOfTheApplicationComeFirst(t *testing.T) {
	app := newApp("pi", v1beta2.SparkApplicationSpec{SparkUIOptions: &v1beta2.SparkUIConfiguration{
		RouteAnnotations: map[string]string{"of": "team"},
		RouteGateways:    []v1beta2.RouteGateway{{Name: "own"}, {Name: "second", SectionName: "http"}},
	}})
	objects, err := Build(app, routeConfig("{{$appName}}.example.com"), testRun)
	if err != nil {
		t.Fatal(err)
	}
	parents, _, _ := unstructured.NestedSlice(objects.Web.Route.Object, "spec", "parentRefs")
	want := []any{
		map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "own"},
		map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "second", "sectionName": "http"},
	}
	if !reflect.DeepEqual(parents, want) || objects.Web.Route.GetAnnotations()["of"] != "team" {
		t.Errorf("parents %v, annotations %v", parents, objects.Web.Route.GetAnnotations())
	}
}

// TestImpossibleRouteLeavesTheService: what is wrong with the route does not take the
// Service away.
func TestImpossibleRouteLeavesTheService(t *testing.T) {
	for name, test := range map[string]struct {
		config  Config
		gateway []v1beta2.RouteGateway
		want    string
	}{
		"no gateway":      {config: Config{WebService: true, RouteURLFormat: "a.example.com"}, want: "spec.sparkUIOptions.routeGateways: is empty"},
		"bad format":      {config: routeConfig("http://10.0.0.1/x"), want: "operator flag --ui-route-url-format:"},
		"gateway's name":  {config: routeConfig("a.example.com"), gateway: []v1beta2.RouteGateway{{Name: "a"}, {Name: "A_B"}}, want: `routeGateways[1]: name: "A_B"`},
		"its namespace":   {config: routeConfig("a.example.com"), gateway: []v1beta2.RouteGateway{{Name: "a", Namespace: "a.b"}}, want: `routeGateways[0]: namespace: "a.b"`},
		"its listener":    {config: routeConfig("a.example.com"), gateway: []v1beta2.RouteGateway{{Name: "a", SectionName: "-"}}, want: `routeGateways[0]: sectionName: "-"`},
		"no name of it":   {config: routeConfig("a.example.com"), gateway: []v1beta2.RouteGateway{{}}, want: `routeGateways[0]: name: ""`},
		"unknown in path": {config: routeConfig("a.example.com/{{$user}}"), want: "placeholder"},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApp("pi", v1beta2.SparkApplicationSpec{SparkUIOptions: &v1beta2.SparkUIConfiguration{RouteGateways: test.gateway}})
			objects, err := Build(app, test.config, testRun)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if objects.Web == nil || objects.Web.Service == nil || objects.Web.Route != nil {
				t.Errorf("endpoint %+v", objects.Web)
			}
		})
	}
}
