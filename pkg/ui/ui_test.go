// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

var testRun = Run{SubmissionID: "sub-1", SparkApplicationID: "spark-0123"}

func newApp(name string, spec v1beta2.SparkApplicationSpec) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{Spec: spec}
	app.Name, app.Namespace, app.UID = name, "team", "uid-1"
	return app
}

func TestBuildWeb(t *testing.T) {
	operatorTLS := []networkingv1.IngressTLS{{Hosts: []string{"*.example.com"}, SecretName: "operator"}}
	config := Config{
		WebService:         true,
		IngressURLFormat:   "{{$appName}}.example.com/{{ $appNamespace }}/{{$appName}}",
		IngressClassName:   "nginx",
		IngressTLS:         operatorTLS,
		IngressAnnotations: map[string]string{"issuer": "operator"},
	}
	objects, err := Build(newApp("pi", v1beta2.SparkApplicationSpec{}), config, testRun)
	if err != nil {
		t.Fatal(err)
	}
	operatorLabels := map[string]string{v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "sub-1"}

	service := objects.Web.Service
	if service.Name != "pi-ui-svc" || service.Namespace != "team" || !maps.Equal(service.Labels, operatorLabels) {
		t.Errorf("service metadata = %+v", service.ObjectMeta)
	}
	if owner := service.OwnerReferences[0]; owner.Kind != "SparkApplication" || owner.UID != "uid-1" || !*owner.Controller || !*owner.BlockOwnerDeletion {
		t.Errorf("owner = %+v", owner)
	}
	if port := service.Spec.Ports[0]; port.Name != "spark-driver-ui-port" || port.Port != 4040 || port.TargetPort.IntVal != 4040 {
		t.Errorf("port = %+v", port)
	}
	if want := map[string]string{v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSparkRole: "driver"}; !maps.Equal(service.Spec.Selector, want) {
		t.Errorf("selector = %v", service.Spec.Selector)
	}

	ingress := objects.Web.Ingress
	if ingress.Name != "pi-ui-ingress" || !maps.Equal(ingress.Labels, operatorLabels) || *ingress.Spec.IngressClassName != "nginx" {
		t.Errorf("ingress = %+v", ingress)
	}
	if want := map[string]string{"issuer": "operator", rewriteTarget: "/$2"}; !maps.Equal(ingress.Annotations, want) {
		t.Errorf("annotations = %v", ingress.Annotations)
	}
	if !reflect.DeepEqual(ingress.Spec.TLS, operatorTLS) {
		t.Errorf("TLS = %v", ingress.Spec.TLS)
	}
	rule := ingress.Spec.Rules[0]
	path := rule.HTTP.Paths[0]
	if rule.Host != "pi.example.com" || path.Path != "/team/pi(/|$)(.*)" || *path.PathType != networkingv1.PathTypeImplementationSpecific {
		t.Errorf("rule = %+v", rule)
	}
	if path.Backend.Service.Name != "pi-ui-svc" || path.Backend.Service.Port.Number != 4040 {
		t.Errorf("backend = %+v", path.Backend.Service)
	}
	if objects.Web.URL != "http://pi.example.com/team/pi" {
		t.Errorf("URL = %q", objects.Web.URL)
	}
	if _, leaked := config.IngressAnnotations[rewriteTarget]; leaked {
		t.Error("the operator's annotations were changed")
	}
}

func TestWebServicePorts(t *testing.T) {
	conf := map[string]string{"spark.ui.port": "4050"}
	for _, test := range []struct {
		name         string
		spec         v1beta2.SparkApplicationSpec
		port, target int32
	}{
		{"defaults", v1beta2.SparkApplicationSpec{}, 4040, 4040},
		{"spark.ui.port", v1beta2.SparkApplicationSpec{SparkConf: conf}, 4050, 4050},
		{"empty options", v1beta2.SparkApplicationSpec{SparkConf: conf, SparkUIOptions: &v1beta2.SparkUIConfiguration{}}, 4040, 4050},
		{"service port", v1beta2.SparkApplicationSpec{SparkConf: conf, SparkUIOptions: &v1beta2.SparkUIConfiguration{ServicePort: ptr.To[int32](80)}}, 80, 4050},
		{"reference", v1beta2.SparkApplicationSpec{SparkConf: map[string]string{"spark.ui.port": "${spark.my.port}", "spark.my.port": "4051"}}, 4051, 4051},
		{"UI off", v1beta2.SparkApplicationSpec{SparkConf: map[string]string{"spark.ui.enabled": "false"}}, 4040, 4040},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects, err := Build(newApp("pi", test.spec), Config{WebService: true}, testRun)
			if err != nil {
				t.Fatal(err)
			}
			port := objects.Web.Service.Spec.Ports[0]
			if port.Port != test.port || port.TargetPort.IntVal != test.target {
				t.Errorf("port = %d to %d, want %d to %d", port.Port, port.TargetPort.IntVal, test.port, test.target)
			}
			if objects.Web.Ingress != nil || objects.Web.URL != "" {
				t.Error("Ingress without a URL format")
			}
		})
	}
}

func TestServiceOptionsOfTheUser(t *testing.T) {
	app := newApp("pi", v1beta2.SparkApplicationSpec{SparkUIOptions: &v1beta2.SparkUIConfiguration{
		ServicePortName:    ptr.To("web"),
		ServiceType:        ptr.To(corev1.ServiceTypeLoadBalancer),
		ServiceLabels:      map[string]string{"team": "ui", v1beta2.LabelSubmissionID: "mine"},
		ServiceAnnotations: map[string]string{"a": "b"},
	}})
	objects, err := Build(app, Config{WebService: true}, testRun)
	if err != nil {
		t.Fatal(err)
	}
	service := objects.Web.Service
	want := map[string]string{"team": "ui", v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "sub-1"}
	if !maps.Equal(service.Labels, want) {
		t.Errorf("labels = %v, want %v", service.Labels, want)
	}
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer || service.Spec.Ports[0].Name != "web" || service.Annotations["a"] != "b" {
		t.Errorf("service = %+v", service)
	}
	service.Annotations["a"] = "changed"
	if app.Spec.SparkUIOptions.ServiceAnnotations["a"] != "b" {
		t.Error("the Service shares its annotations with the application")
	}
}

func TestBoundedName(t *testing.T) {
	const long = "ingress-with-a-long-application-name-up-to-the-limit-of-63-char"
	for _, test := range []struct{ app, suffix, want string }{
		{"application-name-with-exactly-fifty-six-characters-abcde", "ui-svc", "application-name-with-exactly-fifty-six-characters-abcde-ui-svc"},
		{long, "ui-svc", "ingress-with-a-long-application-name-up-to-the--d3879ea5-ui-svc"},
		{long, "ui-ingress", "ingress-with-a-long-application-name-up-to--166257da-ui-ingress"},
	} {
		if got := boundedName(test.app, test.suffix); got != test.want {
			t.Errorf("boundedName(%q, %q) = %q, want %q", test.app, test.suffix, got, test.want)
		}
	}
	if name := boundedName(long, "driver-65535"); len(name) != 63 {
		t.Errorf("%q has %d characters", name, len(name))
	}
}

func TestDriverEndpoints(t *testing.T) {
	entryTLS := []networkingv1.IngressTLS{{SecretName: "entry"}}
	uiTLS := []networkingv1.IngressTLS{{SecretName: "ui"}}
	operatorTLS := []networkingv1.IngressTLS{{SecretName: "operator"}}
	config := Config{IngressTLS: operatorTLS, IngressAnnotations: map[string]string{"from": "operator"}}
	entry := v1beta2.DriverIngressConfiguration{
		ServicePort: ptr.To[int32](9000), ServicePortName: ptr.To("api"),
		IngressURLFormat:   "api.example.com/{{$appId}}",
		IngressAnnotations: map[string]string{"from": "entry", rewriteTarget: "/own"}, IngressTLS: entryTLS,
	}
	bare := v1beta2.DriverIngressConfiguration{ServicePort: ptr.To[int32](9001), IngressURLFormat: "https://{{$appName}}.grpc.example.com"}
	uiOptions := &v1beta2.SparkUIConfiguration{IngressAnnotations: map[string]string{"from": "ui"}, IngressTLS: uiTLS}

	objects, err := Build(newApp("pi", v1beta2.SparkApplicationSpec{
		SparkUIOptions:       uiOptions,
		DriverIngressOptions: []v1beta2.DriverIngressConfiguration{entry, bare},
	}), config, testRun)
	if err != nil {
		t.Fatal(err)
	}
	if objects.Web != nil {
		t.Error("web endpoint though it is switched off")
	}
	first, second := objects.Driver[0], objects.Driver[1]
	if first.Service.Name != "pi-driver-9000" || first.Ingress.Name != "pi-ing-9000" || first.URL != "http://api.example.com/spark-0123" {
		t.Errorf("first = %s, %s, %s", first.Service.Name, first.Ingress.Name, first.URL)
	}
	if want := map[string]string{"from": "entry", rewriteTarget: "/own"}; !maps.Equal(first.Ingress.Annotations, want) || !reflect.DeepEqual(first.Ingress.Spec.TLS, entryTLS) {
		t.Errorf("first ingress = %v, %v", first.Ingress.Annotations, first.Ingress.Spec.TLS)
	}
	if want := map[string]string{"from": "ui"}; !maps.Equal(second.Ingress.Annotations, want) || !reflect.DeepEqual(second.Ingress.Spec.TLS, uiTLS) {
		t.Errorf("second ingress = %v, %v", second.Ingress.Annotations, second.Ingress.Spec.TLS)
	}
	if name := second.Service.Spec.Ports[0].Name; name != "driver-ing-9001" {
		t.Errorf("port name = %q", name)
	}
	if second.Ingress.Spec.Rules[0].HTTP.Paths[0].Path != "" || second.Ingress.Spec.IngressClassName != nil {
		t.Errorf("second ingress = %+v", second.Ingress.Spec)
	}

	objects, err = Build(newApp("pi", v1beta2.SparkApplicationSpec{DriverIngressOptions: []v1beta2.DriverIngressConfiguration{bare}}), config, testRun)
	if err != nil {
		t.Fatal(err)
	}
	ingress := objects.Driver[0].Ingress
	if ingress.Annotations["from"] != "operator" || !reflect.DeepEqual(ingress.Spec.TLS, operatorTLS) {
		t.Errorf("ingress without options = %v, %v", ingress.Annotations, ingress.Spec.TLS)
	}
}

// Of a name with dots no Service can be made; one with a digit first is left to the
// API server.
func TestNamesOfServices(t *testing.T) {
	options := v1beta2.SparkApplicationSpec{DriverIngressOptions: []v1beta2.DriverIngressConfiguration{
		{ServicePort: ptr.To[int32](9000), IngressURLFormat: "{{$appName}}.example.com"},
	}}
	objects, err := Build(newApp("dotted.name", options), Config{WebService: true}, testRun)
	if err == nil || !strings.Contains(err.Error(), "metadata.name: dotted.name-ui-svc is not a valid name of a Service") ||
		!strings.Contains(err.Error(), "spec.driverIngressOptions[0].servicePort: dotted.name-driver-9000 is not a valid name") || objects.Web != nil || len(objects.Driver) > 0 {
		t.Errorf("dotted name: %v, %+v", err, objects)
	}
	if objects, err = Build(newApp("1st", options), Config{WebService: true}, testRun); err != nil || objects.Web.Service.Name != "1st-ui-svc" {
		t.Errorf("digit first: %v", err)
	}
}

// The operator's certificates go only to the hosts that they are for.
func TestDefaultTLSOfDriverIngresses(t *testing.T) {
	config := Config{
		IngressTLS: []networkingv1.IngressTLS{
			{Hosts: []string{"*.spark.example.com"}, SecretName: "wildcard"}, {Hosts: []string{"api.example.org", "Other.example.org"}, SecretName: "two"},
		},
		IngressAnnotations: map[string]string{"from": "operator"},
	}
	for host, want := range map[string]string{
		"api.example.com": "", "pi.spark.example.com": "wildcard", "a.pi.spark.example.com": "", "spark.example.com": "",
		"other.example.org": "two", "evilspark.example.com": "", "{{$appName}}.spark.example.com:8443/x": "wildcard",
		"*.spark.example.com": "wildcard",
	} {
		objects, err := Build(newApp("pi", v1beta2.SparkApplicationSpec{
			DriverIngressOptions: []v1beta2.DriverIngressConfiguration{{ServicePort: ptr.To[int32](9000), IngressURLFormat: host}},
		}), config, testRun)
		if err != nil {
			t.Fatal(err)
		}
		ingress, got := objects.Driver[0].Ingress, ""
		for _, tls := range ingress.Spec.TLS {
			got += tls.SecretName
		}
		if got != want || ingress.Annotations["from"] != "operator" {
			t.Errorf("%s has the certificate %q, want %q; annotations %v", host, got, want, ingress.Annotations)
		}
	}
}

// A mistake in one entry leaves the other endpoints complete.
func TestBuildRefusals(t *testing.T) {
	app := newApp("pi", v1beta2.SparkApplicationSpec{DriverIngressOptions: []v1beta2.DriverIngressConfiguration{
		{ServicePort: ptr.To[int32](7000), ServicePortName: ptr.To("Not_Valid"), IngressURLFormat: "h.example.com"},
		{ServicePort: ptr.To[int32](7001), IngressURLFormat: "http://10.0.0.1/x"},
		{ServicePort: ptr.To[int32](7002), IngressURLFormat: "ok.example.com"},
		{IngressURLFormat: "ok.example.com"},
		{ServicePort: ptr.To[int32](0), IngressURLFormat: "ok.example.com"},
	}})
	objects, err := Build(app, Config{WebService: true, IngressURLFormat: "{{$appNmae}}.example.com"}, testRun)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"operator flag --ingress-url-format: ",
		`spec.driverIngressOptions[0].servicePortName: "Not_Valid"`,
		"spec.driverIngressOptions[1].ingressURLFormat: ",
		"spec.driverIngressOptions[3].servicePort: is required",
		"spec.driverIngressOptions[4].servicePort: 0",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "Options[2]") {
		t.Errorf("the valid entry is refused: %v", err)
	}
	if objects.Web == nil || objects.Web.Service == nil || objects.Web.Ingress != nil {
		t.Errorf("web = %+v, want the Service alone", objects.Web)
	}
	if len(objects.Driver) != 2 || objects.Driver[0].Ingress != nil || objects.Driver[1].Ingress == nil {
		t.Errorf("driver endpoints = %+v", objects.Driver)
	}

	for _, port := range []string{"x", "0", "70000"} {
		app := newApp("pi", v1beta2.SparkApplicationSpec{SparkConf: map[string]string{"spark.ui.port": port}})
		if objects, err := Build(app, Config{WebService: true}, testRun); err == nil || objects.Web != nil || !strings.Contains(err.Error(), "spark.ui.port") {
			t.Errorf("spark.ui.port=%s: web %v, error %v", port, objects.Web, err)
		}
	}
}

func TestSetDriverInfo(t *testing.T) {
	objects, err := Build(newApp("pi", v1beta2.SparkApplicationSpec{}), Config{WebService: true, IngressURLFormat: "https://{{$appName}}.example.com"}, testRun)
	if err != nil {
		t.Fatal(err)
	}
	live := objects.Web.Service.DeepCopy()
	live.Spec.ClusterIP = "10.0.0.7"
	info := v1beta2.DriverInfo{PodName: "pi-driver"}
	SetDriverInfo(&info, objects.Web, live, true)
	want := v1beta2.DriverInfo{
		PodName: "pi-driver", WebUIServiceName: "pi-ui-svc", WebUIPort: 4040, WebUIAddress: "10.0.0.7:4040",
		WebUIIngressName: "pi-ui-ingress", WebUIIngressAddress: "https://pi.example.com",
	}
	if info != want {
		t.Errorf("info = %+v, want %+v", info, want)
	}

	live.Spec.ClusterIP = "fd00::7"
	SetDriverInfo(&info, objects.Web, live, false)
	if info.WebUIAddress != "[fd00::7]:4040" || info.WebUIIngressName != "" || info.WebUIIngressAddress != "" {
		t.Errorf("info = %+v", info)
	}
	SetDriverInfo(&info, nil, nil, true)
	if want := (v1beta2.DriverInfo{PodName: "pi-driver"}); info != want {
		t.Errorf("info = %+v, want %+v", info, want)
	}
}
